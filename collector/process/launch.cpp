#include "collector/process/launch.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace fanlight::process {
namespace {

bool runnable_file(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) && ::access(path.c_str(), X_OK) == 0;
}

/// Everything in here happens between fork and exec.
[[noreturn]] void become(int gate, int outcome, const char* file, char* const* arguments) {
  char go = 0;
  ssize_t got = 0;
  while ((got = ::read(gate, &go, 1)) < 0 && errno == EINTR) {}
  if (got != 1) ::_exit(0);  // whoever held us is gone
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGPIPE}) ::signal(signal, SIG_DFL);
  ::execv(file, arguments);
  const int error = errno;
  [[maybe_unused]] const ssize_t told = ::write(outcome, &error, sizeof error);
  ::_exit(127);
}

}  // namespace

Result<std::string> find_program(const std::string& command) {
  const char* const kHint = "name a program that is on your PATH, or give its path";
  if (command.find('/') != std::string::npos) {
    if (runnable_file(command)) return command;
    return fail(errno != 0 ? errno : EACCES, command, kHint);
  }
  const char* const path = std::getenv("PATH");
  for (std::string_view rest = path != nullptr ? path : "/usr/local/bin:/usr/bin:/bin"; !command.empty();) {
    const std::size_t colon = rest.find(':');
    const std::string directory(rest.substr(0, colon));
    const std::string file = (directory.empty() ? "." : directory) + "/" + command;
    if (runnable_file(file)) return file;
    if (colon == std::string_view::npos) break;
    rest.remove_prefix(colon + 1);
  }
  return fail(ENOENT, "'" + command + "'", kHint);
}

Result<Launched> Launched::hold(std::vector<std::string> command) {
  auto file = find_program(command.empty() ? "" : command.front());
  if (!file) return std::unexpected(file.error());
  int gate[2], outcome[2];
  if (::pipe2(gate, O_CLOEXEC) != 0) return fail(errno, "make a pipe");
  Fd waits(gate[0]), opens(gate[1]);
  if (::pipe2(outcome, O_CLOEXEC) != 0) return fail(errno, "make a pipe");
  Fd hears(outcome[0]), tells(outcome[1]);
  std::vector<char*> arguments;
  for (std::string& word : command) arguments.push_back(word.data());
  arguments.push_back(nullptr);

  const pid_t child = ::fork();
  if (child < 0) return fail(errno, "start a process");
  if (child == 0) {
    // Only the parent's end may keep the gate shut.
    ::close(opens.get());
    ::close(hears.get());
    become(waits.get(), tells.get(), file->c_str(), arguments.data());
  }
  Launched launched;
  launched.pid_ = child;
  launched.executable_ = std::move(*file);
  launched.gate_ = std::move(opens);
  launched.outcome_ = std::move(hears);
  return launched;
}

Result<> Launched::let_go() {
  const char go = 'g';
  if (::write(gate_.get(), &go, 1) != 1) return fail(errno, "start " + executable_);
  gate_.reset();
  int error = 0;
  ssize_t got = 0;
  while ((got = ::read(outcome_.get(), &error, sizeof error)) < 0 && errno == EINTR) {}
  outcome_.reset();
  if (got == sizeof error) return fail(error, "start " + executable_, "is it a program for this machine?");
  return {};
}

std::optional<std::string> Launched::ended() {
  int status = 0;
  if (reaped_ || ::waitpid(pid_, &status, WNOHANG) != pid_) return std::nullopt;
  reaped_ = true;
  if (WIFSIGNALED(status)) return "was ended by signal " + std::to_string(WTERMSIG(status));
  return "ended with " + std::to_string(WEXITSTATUS(status));
}

}  // namespace fanlight::process
