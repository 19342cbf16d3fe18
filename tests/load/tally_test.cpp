#include "load/tally.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "load/payload.hpp"
#include "load/schedule.hpp"

namespace fanlight::load {
namespace {

TEST(Payload, GoesThereAndBack) {
  std::mt19937_64 random(2);
  for (const std::size_t size : {kMinPayload, std::size_t{49}, std::size_t{128}, std::size_t{4096}}) {
    const Payload payload{static_cast<std::uint32_t>(random()), static_cast<std::uint16_t>(random()), random() >> 16,
                          random()};
    std::string text(size, '\0');
    encode(payload, text);
    EXPECT_EQ(decode(text), payload);
    EXPECT_EQ(text.find_first_of(std::string("\r\n\0", 3)), std::string::npos);
    EXPECT_EQ(text.substr(kMinPayload), std::string(size - kMinPayload, '.'));
  }
  std::string text(50, '\0');
  encode({0xdeadbeef, 7, 0x123456789abc, 0x0011223344556677}, text);
  EXPECT_EQ(text, "fl1 deadbeef 0007 123456789abc 0011223344556677 ..");
}

TEST(Payload, RefusesOtherText) {
  std::string good(kMinPayload, '\0');
  encode({1, 2, 3, 4}, good);
  ASSERT_TRUE(decode(good));
  EXPECT_FALSE(decode(""));
  EXPECT_FALSE(decode(good.substr(1)));
  EXPECT_FALSE(decode(good.substr(0, kMinPayload - 1)));
  // Every byte counts, digits aside: a digit may become another one.
  for (std::size_t i = 0; i < good.size(); ++i) {
    std::string spoiled = good;
    spoiled[i] = 'G';
    EXPECT_FALSE(decode(spoiled)) << i;
  }
}

TEST(Schedule, IsCountedFromItsStart) {
  const std::uint64_t start = 1'000'000'000'000;
  const Schedule third(start, start + 10'000'000'000, 3);
  EXPECT_EQ(third.count(), 30u);
  EXPECT_EQ(third.due_ns(0), start);
  EXPECT_EQ(third.due_ns(1), start + 333'333'333);
  EXPECT_EQ(third.due_ns(3), start + 1'000'000'000);  // no drift
  EXPECT_EQ(third.due_ns(3'000'000'000), start + 1'000'000'000'000'000'000);
  EXPECT_EQ(Schedule(start, start, 5).count(), 0u);
  EXPECT_EQ(Schedule(start, start + 1, 5).count(), 1u);
  EXPECT_EQ(Schedule(start, start + 2'000'000'000, 0.5).count(), 1u);
  EXPECT_EQ(Schedule(start, start + 2'000'000'001, 0.5).count(), 2u);
}

TEST(Schedule, CountAgreesWithDueTimes) {
  std::mt19937_64 random(9);
  for (int round = 0; round < 2000; ++round) {
    const double rate = static_cast<double>(random() % 1'000'000 + 1) / static_cast<double>(random() % 1000 + 1);
    const std::uint64_t start = random() >> 8, end = start + random() % 100'000'000'000;
    const Schedule schedule(start, end, rate);
    const std::uint64_t count = schedule.count();
    ASSERT_TRUE(count == 0 || schedule.due_ns(count - 1) < end) << rate;
    ASSERT_GE(schedule.due_ns(count), end) << rate;
  }
}

TEST(SequenceWindow, TellsGapsFromReorderingFromRepeats) {
  using enum Arrival;
  struct Case {
    const char* name;
    std::vector<std::uint64_t> sequence;
    std::vector<Arrival> arrivals;
  };
  for (const Case& c : {
           Case{"in order", {0, 1, 2}, {in_order, in_order, in_order}},
           Case{"first lost", {1, 2}, {after_gap, in_order}},
           Case{"one lost", {0, 2, 3}, {in_order, after_gap, in_order}},
           Case{"late", {0, 2, 1, 3}, {in_order, after_gap, reordered, in_order}},
           Case{"late and again", {0, 2, 1, 1}, {in_order, after_gap, reordered, duplicate}},
           Case{"twice", {0, 0, 1, 1, 0}, {in_order, duplicate, in_order, duplicate, duplicate}},
           Case{"two gaps", {0, 2, 5}, {in_order, after_gap, after_gap}},
           Case{"backwards", {3, 2, 1, 0}, {after_gap, reordered, reordered, reordered}},
           Case{"as late as is remembered", {0, 64, 1}, {in_order, after_gap, reordered}},
           Case{"later than is remembered", {0, 65, 1}, {in_order, after_gap, duplicate}},
           Case{"much later", {0, 66, 1}, {in_order, after_gap, duplicate}},
           Case{"far ahead", {0, 1'000'000, 999'999, 0}, {in_order, after_gap, reordered, duplicate}},
           Case{"64 ahead", {0, 64, 0, 63}, {in_order, after_gap, duplicate, reordered}},
       }) {
    SCOPED_TRACE(c.name);
    SequenceWindow window;
    std::vector<Arrival> arrivals;
    for (const std::uint64_t sequence : c.sequence) arrivals.push_back(window.see(sequence));
    EXPECT_EQ(arrivals, c.arrivals);
  }
}

TEST(SequenceWindow, ShuffledWithinTheWindowEveryMessageCountsOnce) {
  std::mt19937 random(4);
  std::vector<std::uint64_t> order(10'000);
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  for (std::size_t i = 0; i + 60 < order.size(); i += 60)
    std::shuffle(order.begin() + i, order.begin() + i + 60, random);
  SequenceWindow window;
  std::size_t fresh = 0;
  for (const std::uint64_t sequence : order) {
    if (window.see(sequence) != Arrival::duplicate) ++fresh;
    EXPECT_EQ(window.see(sequence), Arrival::duplicate);
  }
  EXPECT_EQ(fresh, order.size());
}

std::string message(const Payload& payload, std::size_t size = 64) {
  std::string text(size, '\0');
  encode(payload, text);
  return text;
}

TEST(Tally, BooksEachMessageOnceAndUnderItsName) {
  const Expectation expectation{.run = 9, .publishers = 2, .size = 64};
  Inbox inbox(2);
  Tally tally;
  const auto receive = [&](const std::string& text) { inbox.receive(text, 5000, 1000, expectation, tally); };
  receive(message({9, 0, 0, 900}));       // warm-up
  receive(message({9, 0, 1, 2000}));      // 3000 ns old
  receive(message({9, 1, 0, 4000}));      // the other publisher has an order of its own
  receive(message({9, 0, 3, 4500}));      // one missing
  receive(message({9, 0, 3, 4500}));      // again
  receive(message({9, 0, 2, 4400}));      // the missing one
  receive(message({9, 0, 4, 9000}));      // clocks may be read in any order; never below zero
  receive(message({8, 0, 5, 4500}));      // somebody else's
  receive(message({9, 2, 0, 4500}));      // no such publisher
  receive(message({9, 0, 5, 4500}, 65));  // another size
  receive("hello");
  EXPECT_EQ(tally.warmup, 1u);
  EXPECT_EQ(tally.received, 5u);
  EXPECT_EQ(tally.gaps, 1u);
  EXPECT_EQ(tally.duplicates, 1u);
  EXPECT_EQ(tally.reordered, 1u);
  EXPECT_EQ(tally.foreign, 1u);
  EXPECT_EQ(tally.malformed, 3u);
  EXPECT_EQ(tally.latency.count(), 5u);  // as many as were received: what is lost is not a latency
  EXPECT_EQ(tally.latency.max(), 3000u);
}

}  // namespace
}  // namespace fanlight::load
