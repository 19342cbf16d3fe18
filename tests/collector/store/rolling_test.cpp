// Recordings that let go of their past.
#include <gtest/gtest.h>

#include <chrono>

#include "tests/collector/profile/made_windows.hpp"
#include "tests/collector/store/files.hpp"

namespace fanlight::store {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

class RollingFile : public testing::StoreTest {
 protected:
  /// Slices of a second each; every one has stacks that no other has.
  Result<std::uint64_t> write(std::uint64_t seconds, const RecorderOptions& options, bool finish = true) {
    profile::Window window(testing::broadcaster().target(), 0);
    profile::Tables& tables = window.tables();
    const profile::ThreadId thread = tables.thread(1, "worker");
    auto recorder = Recorder::create(file(), window.target(), 0, options);
    if (!recorder) return std::unexpected(recorder.error());
    std::uint64_t largest = 0;
    for (std::uint64_t second = 0; second < seconds; ++second) {
      profile::Slice slice{.from_ns = (second + 1) * kSecond, .to_ns = (second + 2) * kSecond};
      profile::ThreadSlice row{.thread = thread, .from_ns = slice.from_ns, .to_ns = slice.to_ns};
      row.ns[0] = kSecond;
      row.run_queue_ns.add(second);
      slice.threads.push_back(row);
      slice.ledger.push_back({"samples", 100, 99, {{"ring full", 1}}, {}});
      for (profile::FrameId leaf = 0; leaf < 100; ++leaf) {
        profile::Stack stack{tables.frame({.module = "m", .offset = 1, .name = "main"})};
        for (std::uint64_t depth = 0; depth < 10; ++depth) {
          const std::uint64_t place = 10 + (second * 7919 + leaf * 104'729 * (depth + 1)) % 1009;
          stack.push_back(tables.frame({.module = "m", .offset = place, .name = "f" + std::to_string(place % 97)}));
        }
        slice.samples.push_back({Sampler::kernel_cpu, Reason::running, thread, tables.stack(stack), 10'000'000, 1});
      }
      if (auto done = recorder->append(tables, slice); !done) return std::unexpected(done.error());
      std::error_code none;
      const auto log = std::filesystem::file_size(file().string() + "-wal", none);
      largest = std::max<std::uint64_t>(largest, std::filesystem::file_size(file()) + (none ? 0 : log));
    }
    if (finish) {
      if (auto done = recorder->finish(window.target()); !done) return std::unexpected(done.error());
    }
    return largest;
  }
};

TEST_F(RollingFile, KeepsTheLastSecondsAndSaysSo) {
  for (const bool finished : {true, false}) {
    SCOPED_TRACE(finished);
    ASSERT_TRUE(write(25, {.keep = std::chrono::seconds(10)}, finished));
    const auto window = open_recording(file());
    ASSERT_TRUE(window) << window.error().what;
    const profile::Profile profile = window->query();
    EXPECT_EQ(window->slices().size(), 11u) << "ten seconds before the last, and the last";
    EXPECT_EQ(profile.from_ns, 15 * kSecond);
    EXPECT_EQ(profile.to_ns, 26 * kSecond);
    EXPECT_EQ(profile::sum(profile::totals(profile)), 11 * kSecond);
    EXPECT_EQ(profile.samples.size(), 1100u);
    EXPECT_EQ(profile.threads.at(0).run_queue_ns.count(), 11u);
    EXPECT_EQ(profile.ledger.at(0).produced, 1100u);
    ASSERT_EQ(profile.events.size(), finished ? 1u : 2u);
    EXPECT_EQ(profile.events[0].text, "rolling recording: 14 earlier slices were let go to make room");
  }
}

TEST_F(RollingFile, StaysWithinItsBytesHoweverLongItRuns) {
  constexpr std::uint64_t kMost = 8 << 20;
  const auto largest = write(400, {.max_bytes = kMost});
  ASSERT_TRUE(largest) << largest.error().what;
  EXPECT_LE(*largest, kMost) << "the log included";
  const auto window = open_recording(file());
  ASSERT_TRUE(window) << window.error().what;
  EXPECT_GT(window->slices().size(), 20u);
  EXPECT_LT(window->slices().size(), 400u) << "else this tests nothing";
  EXPECT_EQ(window->slices().back().to_ns, 401 * kSecond) << "the newest is there";
  for (const profile::Slice& slice : window->slices()) {
    ASSERT_EQ(slice.samples.size(), 100u);
    for (const profile::SampleRow& row : slice.samples) ASSERT_EQ(window->tables().stacks()[row.stack].size(), 11u);
  }
}

TEST_F(RollingFile, RedactsBeforeAnythingIsWritten) {
  const profile::Window window = testing::broadcaster();
  auto recorder = Recorder::create(file(), window.target(), 0, {.redact = [](const std::string& text) {
                                     std::string out = text;
                                     for (std::size_t at = 0; (at = out.find("fanlight", at)) != std::string::npos;) {
                                       out.replace(at, 8, "[redacted]");
                                     }
                                     return out;
                                   }});
  ASSERT_TRUE(recorder);
  for (const profile::Slice& slice : window.slices()) ASSERT_TRUE(recorder->append(window.tables(), slice));
  ASSERT_TRUE(recorder->finish(window.target()));
  EXPECT_EQ(testing::bytes_of(file()).find("fanlight"), std::string::npos);
  EXPECT_EQ(profile::sum(profile::totals(open_recording(file())->query())),
            profile::sum(profile::totals(window.query())));
}

}  // namespace
}  // namespace fanlight::store
