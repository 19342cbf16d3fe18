// A program that a test started. In: a command line. Out: its output, its exit, its pid; it never outlives the test.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "core/fd.hpp"

namespace fanlight::testing {

/// Its stdout and stderr go to files of their own below a temporary directory; its stdin is a pipe that `send` writes
/// to. Destroyed while it still runs: it is killed by its pid.
class Child {
 public:
  explicit Child(std::vector<std::string> command) {
    static int count = 0;
    static const Directory directory;
    out_ = directory.path / (std::to_string(++count) + ".out");
    err_ = directory.path / (std::to_string(count) + ".err");
    int in[2];
    if (::pipe2(in, O_CLOEXEC) != 0) std::abort();
    Fd read_end(in[0]);
    stdin_ = Fd(in[1]);
    std::vector<char*> argv;
    for (std::string& word : command) argv.push_back(word.data());
    argv.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      ::dup2(read_end.get(), STDIN_FILENO);
      ::dup2(::open(out_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), STDOUT_FILENO);
      ::dup2(::open(err_.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), STDERR_FILENO);
      ::execvp(argv[0], argv.data());
      ::_exit(127);
    }
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (!exited_ && pid_ > 0) {
      ::kill(pid_, SIGKILL);
      wait();
    }
  }

  pid_t pid() const { return pid_; }
  void send(const std::string& line) {
    const std::string text = line + "\n";
    [[maybe_unused]] const ssize_t wrote = ::write(stdin_.get(), text.data(), text.size());
  }
  void close_stdin() { stdin_.reset(); }
  void signal(int number) { ::kill(pid_, number); }

  /// The exit code, or 128 + the signal that ended it.
  int wait() {
    if (!exited_) {
      int status = 0;
      while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {}
      note(status);
    }
    return code_;
  }
  /// Empty when it still runs after `limit`.
  std::optional<int> wait_for(std::chrono::milliseconds limit) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (!exited_) {
      int status = 0;
      if (::waitpid(pid_, &status, WNOHANG) == pid_) {
        note(status);
      } else if (std::chrono::steady_clock::now() > end) {
        return std::nullopt;
      } else {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
      }
    }
    return code_;
  }
  bool running() { return !wait_for(std::chrono::milliseconds(0)); }

  std::string out() const { return text_of(out_); }
  std::string err() const { return text_of(err_); }

  /// What follows `prefix` on the first line of stdout or stderr that holds it; empty when none came within `limit`.
  std::string await(const std::string& prefix, std::chrono::milliseconds limit = std::chrono::seconds(20)) {
    const auto end = std::chrono::steady_clock::now() + limit;
    for (;;) {
      const bool over = !running() || std::chrono::steady_clock::now() > end;
      for (const std::string& text : {out(), err()}) {
        const std::size_t at = text.find(prefix);
        const std::size_t stop = at == std::string::npos ? at : text.find('\n', at);
        if (stop != std::string::npos) return text.substr(at + prefix.size(), stop - at - prefix.size());
      }
      if (over) return {};
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }

 private:
  /// Where all children of this test program write; kept for a look when a test failed.
  struct Directory {
    Directory() {
      std::string name = (std::filesystem::temp_directory_path() / "fanlight-test-XXXXXX").string();
      if (::mkdtemp(name.data()) == nullptr) std::abort();
      path = name;
    }
    ~Directory() {
      std::error_code ignored;
      if (!::testing::UnitTest::GetInstance()->Failed()) std::filesystem::remove_all(path, ignored);
    }
    Directory(const Directory&) = delete;
    Directory& operator=(const Directory&) = delete;
    std::filesystem::path path;
  };
  static std::string text_of(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }
  void note(int status) {
    exited_ = true;
    code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  pid_t pid_ = -1;
  Fd stdin_;
  bool exited_ = false;
  int code_ = -1;
  std::filesystem::path out_, err_;
};

}  // namespace fanlight::testing
