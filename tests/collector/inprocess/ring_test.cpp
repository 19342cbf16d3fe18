#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "tests/collector/inprocess/shared_table.hpp"

namespace fanlight::inprocess {
namespace {

std::uint64_t mix(std::uint64_t number, std::uint64_t i) { return (number + 1) * 0x9e3779b97f4a7c15u + i * 0x100001u; }

constexpr std::uint64_t kAddress = (std::uint64_t{1} << 56) - 1;

/// Every field follows from the record's number, which is its first address.
void fill_from(fanlight_inprocess_record& record, std::uint64_t number) {
  record.time_ns = monotonic_ns();
  record.weight = number % 1000 + 1;
  record.tid = static_cast<__u32>(number % 4000 + 1);
  record.frames = static_cast<__u16>(number % FANLIGHT_INPROCESS_FRAMES + 1);
  record.kind = FANLIGHT_INPROCESS_SAMPLE;
  record.flags = static_cast<__u8>(number % 2);
  record.addresses[0] = number;
  for (unsigned i = 1; i < record.frames; ++i)
    record.addresses[i] = (mix(number, i) & kAddress) | std::uint64_t{i % 4} << 56;
}

bool whole(const RawSample& sample) {
  const std::uint64_t number = sample.user_stack.at(0);
  if (sample.weight != number % 1000 + 1 || sample.tid != static_cast<pid_t>(number % 4000 + 1) ||
      sample.truncated != (number % 2 == 1) || sample.user_stack.size() != number % FANLIGHT_INPROCESS_FRAMES + 1)
    return false;
  for (unsigned i = 1; i < sample.user_stack.size(); ++i)
    if (sample.user_stack[i] != (mix(number, i) & kAddress) || static_cast<unsigned>(sample.user_found.at(i)) != i % 4)
      return false;
  return true;
}

TEST(Ring, NoTornRecordIsDeliveredAndTheLedgerCloses) {
  for (const std::uint32_t records : {2u, 16u, 128u}) {
    SCOPED_TRACE(records);
    constexpr std::uint64_t kTotal = 300'000;
    SharedTable table(2, records);
    auto reader = table.reader();
    ASSERT_TRUE(reader) << reader.error().what;
    std::atomic<bool> done = false;
    std::thread producer([&] {
      std::vector<RingWriter> writers{table.writer(0, records), table.writer(1, records)};
      for (std::uint64_t number = 0; number < kTotal; ++number) {
        writers[number % 2].publish([&](fanlight_inprocess_record& record) { fill_from(record, number); });
        // Bursts and pauses: the reader keeps up at times and is lapped at others.
        if (number % 1024 < 8) std::this_thread::yield();
      }
      done = true;
    });
    std::uint64_t torn = 0, delivered = 0, backwards = 0;
    std::uint64_t last[2] = {};
    const auto on_sample = [&](RawSample&& sample) {
      ++delivered;
      if (!whole(sample)) ++torn;
      std::uint64_t& previous = last[sample.user_stack[0] % 2];
      if (previous != 0 && sample.user_stack[0] <= previous) ++backwards;
      previous = sample.user_stack[0];
    };
    unsigned round = 0;
    for (bool last_round = false; !last_round;) {
      last_round = done;
      if (++round % 64 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      ASSERT_TRUE(reader->drain(on_sample));
      ASSERT_EQ(reader->ledger().balance(), 0);
    }
    producer.join();
    EXPECT_EQ(torn, 0u);
    EXPECT_EQ(backwards, 0u);
    const LedgerEntry ledger = reader->ledger();
    EXPECT_EQ(ledger.produced, kTotal);
    EXPECT_EQ(ledger.delivered, delivered);
    EXPECT_EQ(ledger.dropped.at("malformed"), 0u);
    EXPECT_GT(ledger.dropped.at("overrun"), 0u);
    EXPECT_GT(delivered, 0u);
    EXPECT_EQ(ledger.balance(), 0);
  }
}

TEST(Ring, AnUnhurriedReaderGetsEverything) {
  SharedTable table(1, 64);
  RingWriter writer = table.writer(0, 64);
  for (std::uint64_t n = 0; n < 10; ++n) writer.publish([&](auto& record) { fill_from(record, n); });
  auto reader = table.reader();  // starts at what is newest: the ten are not its own
  ASSERT_TRUE(reader);
  std::vector<std::uint64_t> numbers;
  const auto on_sample = [&](RawSample&& sample) { numbers.push_back(sample.user_stack[0]); };
  std::vector<std::uint64_t> expected;
  std::uint64_t n = 10;
  for (const unsigned burst : {0u, 1u, 63u, 50u, 63u}) {
    for (unsigned i = 0; i < burst; ++i, ++n) {
      writer.publish([&](auto& record) { fill_from(record, n); });
      expected.push_back(n);
    }
    ASSERT_TRUE(reader->drain(on_sample));
  }
  EXPECT_EQ(numbers, expected);
  EXPECT_EQ(reader->ledger().produced, expected.size());
  EXPECT_EQ(reader->ledger().dropped_total(), 0u);
}

TEST(Ring, EveryWayForAStackToEndEarlyIsCounted) {
  SharedTable table(1, 64);
  auto reader = table.reader();
  RingWriter writer = table.writer(0, 64);
  for (unsigned end = 0; end < kStackEnds; ++end)
    for (unsigned times = 0; times <= end; ++times)
      writer.publish([&](fanlight_inprocess_record& record) {
        fill_from(record, 0);
        record.flags = static_cast<__u8>(end << FANLIGHT_INPROCESS_STOP_SHIFT);
      });
  // 66 of them, of which 63 are left to read: the first three are of no interest.
  ASSERT_TRUE(reader->drain([](RawSample&&) {}));
  const LedgerEntry ledger = reader->ledger();
  EXPECT_EQ(ledger.missed.at("callers: more frames than a record holds"), 3u);
  EXPECT_EQ(ledger.missed.at("callers: unwind rule that is not supported"), 9u);
  EXPECT_EQ(ledger.missed.count("callers: entry reached"), 0u);
  EXPECT_EQ(ledger.missed.count("callers: end of the frame pointers"), 0u);
  EXPECT_EQ(ledger.balance(), 0);
}

TEST(Ring, TwoReadersDoNotDisturbEachOther) {
  SharedTable table(1, 16);
  auto first = table.reader();
  RingWriter writer = table.writer(0, 16);
  for (std::uint64_t n = 0; n < 5; ++n) writer.publish([&](auto& record) { fill_from(record, n); });
  auto second = table.reader();
  for (std::uint64_t n = 5; n < 8; ++n) writer.publish([&](auto& record) { fill_from(record, n); });
  unsigned by_first = 0, by_second = 0;
  ASSERT_TRUE(first->drain([&](RawSample&&) { ++by_first; }));
  ASSERT_TRUE(second->drain([&](RawSample&&) { ++by_second; }));
  EXPECT_EQ(by_first, 8u);
  EXPECT_EQ(by_second, 3u);
}

}  // namespace
}  // namespace fanlight::inprocess
