// A disk that is really full: a file system of two megabytes, in a mount namespace of the test's own.
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "tests/collector/profile/made_windows.hpp"
#include "tests/collector/store/files.hpp"

namespace fanlight::store {
namespace {

class FullDisk : public testing::StoreTest {};

/// 0 when all is as it should be; the number says which step was not.
int record_until_full(const std::filesystem::path& directory) {
  if (::unshare(CLONE_NEWNS) != 0) return 77;
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return 77;
  if (::mount("tmpfs", directory.c_str(), "tmpfs", 0, "size=2m") != 0) return 77;
  const std::filesystem::path file = directory / "run.fanlight";
  const profile::Window window = testing::broadcaster();
  auto recorder = Recorder::create(file, window.target(), 0);
  if (!recorder) return 2;
  std::uint64_t committed = 0;
  while (true) {
    profile::Slice slice = window.slices()[committed % 2];
    slice.from_ns = 1000 + committed;
    slice.to_ns = 1001 + committed;
    const auto done = recorder->append(window.tables(), slice);
    if (!done) {
      std::fprintf(stderr, "%s; hint: %s\n", done.error().what.c_str(), done.error().hint.c_str());
      if (done.error().code != ENOSPC || done.error().hint.find("free some space") == std::string::npos) return 3;
      break;
    }
    if (++committed > 100'000) return 4;
  }
  const auto back = open_recording(file);
  if (!back) return 5;
  if (back->slices().size() != committed || committed < 10) return 6;
  for (std::uint64_t i = 0; i < committed; ++i) {
    if (back->slices()[i].from_ns != 1000 + i || back->slices()[i].samples.size() != 7) return 7;
  }
  const auto events = back->query().events;
  const bool says_so = std::any_of(events.begin(), events.end(), [](const profile::Event& event) {
    return event.text.find("was not finished") != std::string::npos;
  });
  return says_so ? 0 : 8;
}

TEST_F(FullDisk, IsReportedAndLosesOnlyWhatCameAfter) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(record_until_full(directory_));
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "no file system may be mounted here, not even privately";
  EXPECT_EQ(WEXITSTATUS(status), 0) << "see record_until_full()";
}

}  // namespace
}  // namespace fanlight::store
