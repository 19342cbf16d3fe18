#include "collector/inprocess/thread_ids.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace fanlight::inprocess {
namespace {

/// A /proc of one process, written thread by thread.
class FakeProc {
 public:
  explicit FakeProc(const std::string& process_line)
      : root_(std::filesystem::temp_directory_path() / ("fanlight_thread_ids." + std::to_string(::getpid()))) {
    write("proc/500/status", process_line);
  }
  ~FakeProc() { std::filesystem::remove_all(root_); }
  FakeProc(const FakeProc&) = delete;
  FakeProc& operator=(const FakeProc&) = delete;

  void thread(int tid, const std::string& line) { write("proc/500/task/" + std::to_string(tid) + "/status", line); }
  const std::filesystem::path& root() const { return root_; }

 private:
  void write(const std::string& path, const std::string& line) {
    std::filesystem::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << "Name:\tx\nTgid:\t500\n" << line << "\nThreads:\t3\n";
  }
  std::filesystem::path root_;
};

TEST(ThreadIds, AreTheSameInOneNamespace) {
  for (const char* line : {"NSpid:\t500", "", "NSpid:\tnonsense"}) {
    SCOPED_TRACE(line);
    FakeProc proc(line);
    ThreadIds ids(500, proc.root());
    EXPECT_EQ(ids.translate(501), 501);
  }
}

TEST(ThreadIds, AreTranslatedOutOfAContainer) {
  FakeProc proc("NSpid:\t500\t1");
  proc.thread(500, "NSpid:\t500\t1");
  proc.thread(501, "NSpid:\t501\t20\t7");
  ThreadIds ids(500, proc.root());
  EXPECT_EQ(ids.translate(1), 500);
  EXPECT_EQ(ids.translate(7), 501);
  EXPECT_EQ(ids.translate(8), 500);  // unknown: the process itself
  proc.thread(502, "NSpid:\t502\t8");
  EXPECT_EQ(ids.translate(8), 500);  // looked for once per drain only
  ids.allow_refresh();
  EXPECT_EQ(ids.translate(8), 502);
}

}  // namespace
}  // namespace fanlight::inprocess
