// The older recording stays until a newer one has something to say, and two newer ones never take turns at one file.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <random>
#include <thread>

#include "tests/collector/profile/made_windows.hpp"
#include "tests/collector/store/files.hpp"

namespace fanlight::store {
namespace {

class Replace : public testing::StoreTest {
 protected:
  static constexpr std::uint64_t kOlderFrom = 77;

  /// A recording of `slices` that a newer one must not harm. Not finished: its recorder is killed, its log stays.
  void record_older(std::uint64_t slices, bool finished) const {
    const pid_t child = ::fork();
    if (child == 0) {
      auto recorder = Recorder::create(file(), window_.target(), 0);
      for (std::uint64_t i = 0; recorder && i < slices; ++i) {
        if (!append(*recorder, kOlderFrom + i)) ::_exit(1);
      }
      ::_exit(!recorder || (finished && !recorder->finish(window_.target())) ? 1 : 0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_EQ(status, 0);
  }
  Result<> append(Recorder& recorder, std::uint64_t from_ns) const {
    profile::Slice slice = window_.slices()[from_ns % 2];
    slice.from_ns = from_ns;
    slice.to_ns = from_ns + 1;
    return recorder.append(window_.tables(), slice);
  }
  void expect_older(std::size_t slices) const {
    const auto back = open_recording(file());
    ASSERT_TRUE(back) << back.error().what;
    ASSERT_EQ(back->slices().size(), slices);
    EXPECT_EQ(back->slices()[0].from_ns, kOlderFrom);
  }
  std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(directory_)) found.push_back(entry.path().filename());
    return found;
  }

  profile::Window window_ = testing::broadcaster();
};

TEST_F(Replace, TheOlderOneStaysUntilASliceIsStored) {
  for (const bool finished : {true, false}) {
    SCOPED_TRACE(finished);
    record_older(3, finished);
    {
      auto recorder = Recorder::create(file(), window_.target(), 0);
      ASSERT_TRUE(recorder) << recorder.error().what;
      expect_older(3);
    }
    expect_older(3);
    EXPECT_EQ(names(), std::vector<std::string>{"run.fanlight"}) << "a recorder without a slice leaves nothing";
    auto recorder = Recorder::create(file(), window_.target(), 0);
    ASSERT_TRUE(recorder) << recorder.error().what;
    ASSERT_TRUE(append(*recorder, 5));
    EXPECT_EQ(open_recording(file())->slices().at(0).from_ns, 5u);
    ASSERT_TRUE(append(*recorder, 6));
    EXPECT_TRUE(std::filesystem::exists(file("run.fanlight-wal"))) << "from the second slice on there is a log";
    ASSERT_TRUE(recorder->finish(window_.target()));
    EXPECT_EQ(open_recording(file())->slices().size(), 2u);
    EXPECT_EQ(names(), std::vector<std::string>{"run.fanlight"});
  }
}

TEST_F(Replace, AKillLeavesTheOlderOrTheNewer) {
  // How long it takes beside whatever else the machine does now; it is asked again before each round.
  std::chrono::duration<double> first_slice{};
  const auto time_first_slice = [&] {
    std::filesystem::remove(file());
    const auto begin = std::chrono::steady_clock::now();
    {
      auto recorder = Recorder::create(file(), window_.target(), 0);
      ASSERT_TRUE(recorder && append(*recorder, 1));
    }
    first_slice = std::chrono::steady_clock::now() - begin;
  };
  std::mt19937_64 random(4);
  unsigned older = 0;
  constexpr int kRounds = 60;
  for (int round = 0; round < kRounds; ++round) {
    SCOPED_TRACE(round);
    time_first_slice();
    std::filesystem::remove(file());
    record_older(2, round % 2 == 0);
    int written[2];
    ASSERT_EQ(::pipe(written), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      auto recorder = Recorder::create(file(), window_.target(), 0);
      for (std::uint64_t i = 1000; recorder && append(*recorder, i); ++i)
        if (i == 1000 && ::write(written[1], "", 1) != 1) break;
      ::_exit(1);
    }
    ::close(written[1]);
    // Some after the first slice, however long the machine takes for it.
    char byte;
    if (round % 4 == 3) {
      EXPECT_EQ(::read(written[0], &byte, 1), 1);
    }
    ::close(written[0]);
    std::this_thread::sleep_for(first_slice * static_cast<double>(random() % 1000) / 400);
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the recorder failed";
    const auto back = open_recording(file());
    ASSERT_TRUE(back) << back.error().what;
    ASSERT_FALSE(back->slices().empty());
    if (back->slices()[0].from_ns == kOlderFrom) {
      ++older;
      EXPECT_EQ(back->slices().size(), 2u);
    } else {
      EXPECT_EQ(back->slices()[0].from_ns, 1000u);
    }
  }
  EXPECT_GT(older, 2u) << "never killed before the first slice";
  EXPECT_LT(older, kRounds - 2u) << "never killed after the first slice";
  ASSERT_TRUE(testing::record(file(), window_)) << "what a killed one left is in nobody's way";
  EXPECT_EQ(names(), std::vector<std::string>{"run.fanlight"});
}

TEST_F(Replace, AFullDiskKeepsTheOlderOne) {
  record_older(2, true);
  // Room for no table, for the tables alone.
  for (const rlim_t room : {rlim_t{3000}, rlim_t{250'000}}) {
    SCOPED_TRACE(room);
    const pid_t child = ::fork();
    if (child == 0) {
      ::signal(SIGXFSZ, SIG_IGN);
      const rlimit limit{room, room};
      ::setrlimit(RLIMIT_FSIZE, &limit);
      auto recorder = Recorder::create(file(), window_.target(), 0);
      Error error = recorder ? Error{} : recorder.error();
      for (std::uint64_t i = 0; recorder && error.what.empty(); ++i) {
        if (i > 0) ::_exit(1);  // a slice was stored: this tests something else
        profile::Slice slice = window_.slices()[0];
        for (int copy = 0; copy < 20'000; ++copy) slice.events.push_back({1, "an event that takes room"});
        if (auto done = recorder->append(window_.tables(), slice); !done) error = done.error();
      }
      if (error.hint.find("free some space") == std::string::npos) ::_exit(2);
      if (error.hint.find("recorded before") != std::string::npos) ::_exit(3);
      recorder = std::unexpected(Error{});
      ::_exit(0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0) << "see the child";
    expect_older(2);
    EXPECT_EQ(names(), std::vector<std::string>{"run.fanlight"});
  }
}

TEST_F(Replace, OfManyStartedAtOnceOneRecords) {
  constexpr int kRecorders = 6;
  for (int round = 0; round < 20; ++round) {
    SCOPED_TRACE(round);
    std::filesystem::remove(file());
    if (round % 2 == 1) record_older(2, round % 4 == 1);
    int start[2], tried[2], end[2];
    for (int* pipe : {start, tried, end}) ASSERT_EQ(::pipe(pipe), 0);
    std::vector<pid_t> children;
    for (int i = 0; i < kRecorders; ++i) {
      const pid_t child = ::fork();
      if (child != 0) {
        children.push_back(child);
        continue;
      }
      for (const int* pipe : {start, end}) ::close(pipe[1]);
      char byte = 0;
      if (::read(start[0], &byte, 1) != 0) ::_exit(9);
      auto recorder = Recorder::create(file(), window_.target(), 0);
      const bool stored = recorder && append(*recorder, 1000);
      if (::write(tried[1], "x", 1) != 1 || ::read(end[0], &byte, 1) != 0) ::_exit(9);
      if (!recorder) ::_exit(recorder.error().code == EBUSY && !recorder.error().hint.empty() ? 1 : 2);
      ::_exit(stored && append(*recorder, 1001) && recorder->finish(window_.target()) ? 0 : 3);
    }
    ::close(start[0]);
    ::close(start[1]);
    ::close(end[0]);
    char byte = 0;
    for (int i = 0; i < kRecorders; ++i) ASSERT_EQ(::read(tried[0], &byte, 1), 1);
    ::close(end[1]);
    for (const int fd : {tried[0], tried[1]}) ::close(fd);
    int recorded = 0;
    for (const pid_t child : children) {
      int status = 0;
      ASSERT_EQ(::waitpid(child, &status, 0), child);
      ASSERT_TRUE(WIFEXITED(status));
      EXPECT_LE(WEXITSTATUS(status), 1) << "see the child";
      recorded += WEXITSTATUS(status) == 0 ? 1 : 0;
    }
    EXPECT_EQ(recorded, 1);
    const auto back = open_recording(file());
    ASSERT_TRUE(back) << back.error().what;
    ASSERT_EQ(back->slices().size(), 2u);
    EXPECT_EQ(back->slices()[0].from_ns, 1000u);
    EXPECT_EQ(names(), std::vector<std::string>{"run.fanlight"});
  }
}

TEST_F(Replace, WhatIsNotOursIsNeverInTheWayForLong) {
  const std::filesystem::path reserved = file("run.fanlight-new");
  testing::write_bytes(reserved, "not to be lost");
  auto recorder = Recorder::create(file(), window_.target(), 0);
  ASSERT_FALSE(recorder);
  EXPECT_FALSE(recorder.error().hint.empty());
  EXPECT_EQ(testing::bytes_of(reserved), "not to be lost");
  std::filesystem::remove(reserved);
  testing::write_bytes(file("victim"), "");
  std::filesystem::create_symlink(file("victim"), reserved);
  EXPECT_FALSE(Recorder::create(file(), window_.target(), 0));
  EXPECT_EQ(testing::bytes_of(file("victim")), "");
  std::filesystem::remove(reserved);
  ASSERT_TRUE(testing::record(file(), window_));
}

}  // namespace
}  // namespace fanlight::store
