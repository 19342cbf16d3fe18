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

bool mount_small(const std::filesystem::path& directory) {
  return ::unshare(CLONE_NEWNS) == 0 && ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
         ::mount("tmpfs", directory.c_str(), "tmpfs", 0, "size=2m") == 0;
}

/// 0 when all is as it should be; the number says which step was not.
int record_until_full(const std::filesystem::path& directory) {
  if (!mount_small(directory)) return 77;
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
      if (done.error().hint.find("what was recorded before is kept") == std::string::npos) return 9;
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

/// The same, where an older recording takes part of the disk and something else all that is left but `room`.
int replace_on_full(const std::filesystem::path& directory, std::size_t room) {
  if (!mount_small(directory)) return 77;
  const std::filesystem::path file = directory / "run.fanlight";
  const profile::Window window = testing::broadcaster();
  if (!testing::record(file, window)) return 2;
  const auto left = std::filesystem::space(directory).available;
  testing::write_bytes(directory / "other", std::string(left - room, 'x'));
  if (std::filesystem::space(directory).available > room) return 3;
  {
    auto recorder = Recorder::create(file, window.target(), 0);
    const auto done = recorder ? recorder->append(window.tables(), window.slices()[0]) : Result<>();
    if (recorder && done) return 4;
    const Error error = recorder ? done.error() : recorder.error();
    std::fprintf(stderr, "%s; hint: %s\n", error.what.c_str(), error.hint.c_str());
    if (error.hint.find("free some space") == std::string::npos) return 5;
    if (error.hint.find("recorded before") != std::string::npos) return 6;
  }
  const auto back = open_recording(file);
  if (!back || back->slices().size() != window.slices().size()) return 7;
  return std::filesystem::exists(file.string() + "-new") ? 8 : 0;
}

template <class Work>
void expect_in_child(Work work) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(work());
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 77) GTEST_SKIP() << "no file system may be mounted here, not even privately";
  EXPECT_EQ(WEXITSTATUS(status), 0) << "see what ran in the child";
}

TEST_F(FullDisk, IsReportedAndLosesOnlyWhatCameAfter) {
  expect_in_child([this] { return record_until_full(directory_); });
}

TEST_F(FullDisk, KeepsTheOlderRecording) {
  for (const std::size_t room : {0u, 4096u, 40'000u}) {
    SCOPED_TRACE(room);
    expect_in_child([&] { return replace_on_full(directory_, room); });
  }
}

}  // namespace
}  // namespace fanlight::store
