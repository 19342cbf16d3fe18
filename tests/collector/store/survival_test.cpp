// What a recording survives: a killed recorder, a full disk, a directory that nobody may write to.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <random>
#include <thread>
#include <vector>

#include "tests/collector/profile/made_windows.hpp"
#include "tests/collector/store/files.hpp"

namespace fanlight::store {
namespace {

using testing::StoreTest;

class Survival : public StoreTest {
 protected:
  /// Records the broadcaster over and over, one byte into `progress` after each commit, until it is killed or fails.
  [[noreturn]] static void record_for_ever(const std::filesystem::path& path, int progress, std::uint64_t slices) {
    const profile::Window window = testing::broadcaster();
    auto recorder = Recorder::create(path, window.target(), 0);
    if (!recorder) ::_exit(3);
    for (std::uint64_t i = 0; i < slices; ++i) {
      profile::Slice slice = window.slices()[i % 2];
      slice.from_ns = 1000 + i;
      slice.to_ns = 1001 + i;
      if (!recorder->append(window.tables(), slice)) ::_exit(4);
      if (::write(progress, "x", 1) != 1) ::_exit(5);
    }
    // Neither finished nor closed: as if killed right here.
    ::_exit(0);
  }

  struct Child {
    pid_t pid = -1;
    int progress = -1;
  };
  Child start(std::uint64_t slices, void (*before)() = [] {}) const {
    int ends[2];
    if (::pipe(ends) != 0) std::abort();
    const pid_t pid = ::fork();
    if (pid == 0) {
      ::close(ends[0]);
      before();
      record_for_ever(file(), ends[1], slices);
    }
    ::close(ends[1]);
    return {pid, ends[0]};
  }

  static std::size_t drain(int progress) {
    std::size_t committed = 0;
    char buffer[256];
    for (ssize_t n = 0; (n = ::read(progress, buffer, sizeof buffer)) > 0;) committed += static_cast<std::size_t>(n);
    ::close(progress);
    return committed;
  }
};

bool says_unfinished(const profile::Window& window) {
  const auto events = window.query().events;
  return std::any_of(events.begin(), events.end(), [](const profile::Event& event) {
    return event.text.find("was not finished") != std::string::npos;
  });
}

TEST_F(Survival, KilledRecorderLosesNoCommittedSlice) {
  // Early, in the first log, and after the log was folded into the file some times.
  for (const std::size_t at_least : {1, 7, 60, 500}) {
    SCOPED_TRACE(at_least);
    const Child child = start(~std::uint64_t{0});
    char byte = 0;
    for (std::size_t seen = 0; seen < at_least; ++seen) ASSERT_EQ(::read(child.progress, &byte, 1), 1);
    ASSERT_EQ(::kill(child.pid, SIGKILL), 0);
    int status = 0;
    ASSERT_EQ(::waitpid(child.pid, &status, 0), child.pid);
    ASSERT_TRUE(WIFSIGNALED(status));
    const std::size_t committed = at_least + drain(child.progress);
    const auto back = open_recording(file());
    ASSERT_TRUE(back) << back.error().what;
    // Killed between a commit and the word of it: one more is there.
    EXPECT_GE(back->slices().size(), committed);
    EXPECT_LE(back->slices().size(), committed + 1);
    for (std::size_t i = 0; i < back->slices().size(); ++i) {
      EXPECT_EQ(back->slices()[i].from_ns, 1000 + i);
      EXPECT_EQ(back->slices()[i].samples.size(), 7u);
    }
    EXPECT_TRUE(says_unfinished(*back));
    ASSERT_TRUE(testing::record(file(), testing::broadcaster())) << "and it can be replaced, log and all";
    EXPECT_FALSE(says_unfinished(open_recording(file()).value()));
  }
}

TEST_F(Survival, EveryFileOpensWhateverTheMomentOfTheKill) {
  std::mt19937_64 random(6);
  for (int round = 0; round < 200; ++round) {
    SCOPED_TRACE(round);
    const Child child = start(~std::uint64_t{0});
    char byte = 0;
    ASSERT_EQ(::read(child.progress, &byte, 1), 1);
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 15'000));
    ASSERT_EQ(::kill(child.pid, SIGKILL), 0);
    int status = 0;
    ASSERT_EQ(::waitpid(child.pid, &status, 0), child.pid);
    ASSERT_TRUE(WIFSIGNALED(status));
    const std::size_t committed = 1 + drain(child.progress);
    const auto back = open_recording(file());
    ASSERT_TRUE(back) << back.error().what;
    ASSERT_GE(back->slices().size(), committed);
    ASSERT_LE(back->slices().size(), committed + 1);
  }
}

TEST_F(Survival, KilledRecordersFileIsReadWhereNothingMayBeWritten) {
  const Child child = start(5);
  EXPECT_EQ(drain(child.progress), 5u);
  int status = 0;
  ASSERT_EQ(::waitpid(child.pid, &status, 0), child.pid);
  std::filesystem::remove(file().string() + "-shm");
  ASSERT_TRUE(std::filesystem::exists(file().string() + "-wal")) << "else this tests nothing";
  std::filesystem::permissions(directory_, std::filesystem::perms(0555));
  for (const char* suffix : {"", "-wal"}) {
    std::filesystem::permissions(file().string() + suffix, std::filesystem::perms(0444));
  }
  const pid_t reader = ::fork();
  if (reader == 0) {
    // Permissions mean nothing to root.
    if (::geteuid() == 0 && ::setuid(65534) != 0) ::_exit(10);
    const auto back = open_recording(file());
    if (!back) ::_exit(11);
    if (!says_unfinished(*back)) ::_exit(12);
    ::_exit(static_cast<int>(back->slices().size()));
  }
  ASSERT_EQ(::waitpid(reader, &status, 0), reader);
  std::filesystem::permissions(directory_, std::filesystem::perms(0755));
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 5) << "slices read; 10 and more: see the child";
  EXPECT_TRUE(std::filesystem::exists(file().string() + "-wal")) << "a reader leaves the log alone";
  EXPECT_EQ(open_recording(file())->slices().size(), 5u);
}

TEST_F(Survival, FullDiskIsAnErrorAndKeepsWhatWasThere) {
  const Child child = start(~std::uint64_t{0}, [] {
    // The nearest thing to a full disk that needs no privilege: no file may pass this size.
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{400'000, 400'000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  });
  const std::size_t committed = drain(child.progress);
  int status = 0;
  ASSERT_EQ(::waitpid(child.pid, &status, 0), child.pid);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 4) << "append fails; it neither crashes nor goes on as if nothing were wrong";
  EXPECT_GT(committed, 3u);
  const auto back = open_recording(file());
  ASSERT_TRUE(back) << back.error().what;
  EXPECT_EQ(back->slices().size(), committed);
  EXPECT_TRUE(says_unfinished(*back));
}

TEST_F(Survival, FullDiskErrorHasAHintAndAppendWorksAgainWithRoom) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::signal(SIGXFSZ, SIG_IGN);
    const profile::Window window = testing::broadcaster();
    auto recorder = Recorder::create(file(), window.target(), 0);
    rlimit limit{};
    ::getrlimit(RLIMIT_FSIZE, &limit);
    const rlim_t all = limit.rlim_cur;
    // Room for what is there, not for the second: so the failure comes when it is committed, with every row told.
    limit.rlim_cur = 0;
    for (const auto& entry : std::filesystem::directory_iterator(file().parent_path()))
      limit.rlim_cur = std::max<rlim_t>(limit.rlim_cur, entry.file_size());
    ::setrlimit(RLIMIT_FSIZE, &limit);
    profile::Slice large = window.slices()[0];
    const std::vector<profile::SampleRow> few = large.samples;
    for (int i = 0; i < 4000; ++i) large.samples.insert(large.samples.end(), few.begin(), few.end());
    const auto failed = recorder->append(window.tables(), large);
    if (failed || failed.error().hint.find("space") == std::string::npos) ::_exit(1);
    limit.rlim_cur = all;
    ::setrlimit(RLIMIT_FSIZE, &limit);
    if (const auto again = recorder->append(window.tables(), window.slices()[0]); !again) {
      std::fprintf(stderr, "%s\n", again.error().what.c_str());
      ::_exit(2);
    }
    if (!recorder->append(window.tables(), window.slices()[1])) ::_exit(3);
    if (!recorder->finish(window.target())) ::_exit(4);
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  ASSERT_TRUE(WIFEXITED(status));
  ASSERT_EQ(WEXITSTATUS(status), 0);
  const auto back = open_recording(file());
  ASSERT_TRUE(back) << back.error().what;
  profile::Window expected = testing::broadcaster();
  profile::Profile profile = back->query();
  profile.realtime_offset_ns = expected.realtime_offset_ns();
  EXPECT_EQ(testing::describe(profile), testing::describe(expected.query())) << "frames of the failed second are there";
}

}  // namespace
}  // namespace fanlight::store
