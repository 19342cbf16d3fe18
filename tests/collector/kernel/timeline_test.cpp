// Reading a ring while somebody writes to it: what is whole is taken once, what was overwritten is counted.
#include "collector/kernel/timeline.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>

namespace fanlight::kernel {
namespace {

constexpr std::uint64_t kRecords = FANLIGHT_TIMELINE_RECORDS;

void put(fanlight_timeline& ring, std::uint64_t number) {
  ring.at[number & (kRecords - 1)] = {
      .time_ns = number + 1, .tid = 7, .other = 0, .cpu = 0, .kind = FANLIGHT_TIMELINE_STATE, .reason = 0};
  __atomic_store_n(&ring.head, number + 1, __ATOMIC_RELEASE);
}

TEST(Timeline, TakesWhatIsThereAndCountsTheRest) {
  struct Case {
    const char* name;
    std::uint64_t before, more;  // written before the first look, and between it and the second
    std::uint64_t lost;          // at the second
  };
  // The record that is being written next may be half there, so a full ring gives one less than it holds.
  for (const Case& c :
       {Case{"nothing", 10, 0, 0}, Case{"a few", 10, 90, 0}, Case{"as many as are whole", 0, kRecords - 1, 0},
        Case{"one more", 0, kRecords, 1}, Case{"three times around", 5, 3 * kRecords, 2 * kRecords + 1}}) {
    SCOPED_TRACE(c.name);
    const auto ring = std::make_unique<fanlight_timeline>();
    std::vector<TimelineReading> records;
    std::uint64_t next = 0, malformed = 0;
    for (std::uint64_t i = 0; i < c.before; ++i) put(*ring, i);
    ASSERT_EQ(take_records(*ring, next, records, malformed), 0u);
    ASSERT_EQ(records.size(), c.before);
    records.clear();
    for (std::uint64_t i = c.before; i < c.before + c.more; ++i) put(*ring, i);
    EXPECT_EQ(take_records(*ring, next, records, malformed), c.lost);
    ASSERT_EQ(records.size(), c.more - c.lost);
    for (std::size_t i = 0; i < records.size(); ++i) ASSERT_EQ(records[i].time_ns, c.before + c.lost + i + 1);
    EXPECT_EQ(malformed, 0u);
  }
}

TEST(Timeline, LeavesNonsenseOut) {
  const auto ring = std::make_unique<fanlight_timeline>();
  for (std::uint64_t i = 0; i < 3; ++i) put(*ring, i);
  ring->at[0].kind = 9;
  ring->at[1].reason = FANLIGHT_REASONS;
  std::vector<TimelineReading> records;
  std::uint64_t next = 0, malformed = 0;
  EXPECT_EQ(take_records(*ring, next, records, malformed), 0u);
  EXPECT_EQ(records.size(), 1u);
  EXPECT_EQ(malformed, 2u);
}

/// Whatever is handed over is whole and in order, and nothing is counted twice or not at all.
TEST(Timeline, HoldsWhileAWriterOvertakes) {
  const auto ring = std::make_unique<fanlight_timeline>();
  constexpr std::uint64_t kAll = 40 * kRecords;
  std::thread writer([&] {
    for (std::uint64_t i = 0; i < kAll; ++i) put(*ring, i);
  });
  std::vector<TimelineReading> records;
  std::uint64_t next = 0, malformed = 0, lost = 0;
  while (next < kAll) lost += take_records(*ring, next, records, malformed);
  writer.join();
  EXPECT_EQ(records.size() + lost, kAll);
  EXPECT_EQ(malformed, 0u);
  for (std::size_t i = 1; i < records.size(); ++i) ASSERT_LT(records[i - 1].time_ns, records[i].time_ns);
}

}  // namespace
}  // namespace fanlight::kernel
