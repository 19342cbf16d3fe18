#include "load/tally.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include <boost/json.hpp>

#include "load/payload.hpp"
#include "load/sequence_window.hpp"
#include "load/tally_json.hpp"

namespace fanlight::load {
namespace {

TEST(Payload, GoesThereAndBack) {
  std::mt19937_64 random(2);
  for (const std::size_t size : {kMinPayload, std::size_t{49}, std::size_t{128}, std::size_t{4096}}) {
    const Payload payload{static_cast<std::uint32_t>(random()), static_cast<std::uint8_t>(random()),
                          static_cast<std::uint32_t>(random()), static_cast<std::uint32_t>(random()), random() >> 8};
    std::string text(size, '\0');
    encode(payload, text);
    EXPECT_EQ(decode(text), payload);
    EXPECT_EQ(text.find_first_of(std::string("\r\n\0", 3)), std::string::npos);
    EXPECT_EQ(text.substr(kMinPayload), std::string(size - kMinPayload, '.'));
  }
  std::string text(50, '\0');
  encode({0xdeadbeef, 7, 0x12345678, 0x9abc, 0x11223344556677}, text);
  EXPECT_EQ(text, "fl2 deadbeef 07 12345678 00009abc 11223344556677..");
}

TEST(Payload, RefusesOtherText) {
  std::string good(kMinPayload, '\0');
  encode({1, 2, 3, 4, 5}, good);
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
           Case{"as late as is remembered", {0, 64, 1}, {in_order, after_gap, late}},
           Case{"5 late", {0, 7, 2, 1}, {in_order, after_gap, reordered, late}},
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

TEST(SequenceWindow, KnowsWhetherAnythingRecentIsMissing) {
  SequenceWindow window;
  EXPECT_TRUE(window.whole());
  window.see(0);
  EXPECT_TRUE(window.whole());
  window.see(2);
  EXPECT_FALSE(window.whole());
  window.see(1);
  EXPECT_TRUE(window.whole());
  window.see(4);
  for (std::uint64_t sequence = 5; sequence < 9; ++sequence) window.see(sequence);
  EXPECT_FALSE(window.whole());
  window.see(9);  // message 3 is six back now
  EXPECT_TRUE(window.whole());
}

TEST(Fairness, IsJains) {
  Fairness equal, skewed;
  for (int i = 0; i < 4; ++i) equal.add(7);
  skewed.add(4);
  for (int i = 0; i < 3; ++i) skewed.add(0);
  EXPECT_DOUBLE_EQ(equal.index(), 1);
  EXPECT_DOUBLE_EQ(skewed.index(), 0.25);
  equal.merge(skewed);
  EXPECT_DOUBLE_EQ(equal.index(), 32.0 * 32 / (8 * (4 * 49 + 16)));
}

TEST(Misses, AreLaterThanEverythingThatCame) {
  Latencies latencies;
  for (std::uint64_t i = 1; i <= 90; ++i) latencies.add(i);
  EXPECT_EQ(percentile_with_misses(latencies, 0, 1), 90u);
  EXPECT_EQ(percentile_with_misses(latencies, 10, 0.5), 50u);
  EXPECT_EQ(percentile_with_misses(latencies, 10, 0.9), 90u);
  EXPECT_FALSE(percentile_with_misses(latencies, 10, 0.91));
  for (std::uint64_t misses = 0; misses < 300; ++misses)  // no rank is off by one, however it divides
    for (std::uint64_t rank = 1; rank <= 90; ++rank)
      ASSERT_EQ(percentile_with_misses(latencies, misses,
                                       (static_cast<double>(rank) - 0.5) / static_cast<double>(90 + misses)),
                rank)
          << misses;
  EXPECT_FALSE(percentile_with_misses({}, 0, 0.5));
}

TEST(Tally, WhatWorkersHandOnMergesAsIfOneProcessHadCountedIt) {
  std::mt19937_64 random(6);
  for (int round = 0; round < 50; ++round) {
    Tally direct, handed_on;
    for (int worker = 0; worker < 3; ++worker) {
      Tally tally;
      tally.established = random() % 100;
      tally.standing = random() % 100;
      tally.joined_late = random() % 100;
      tally.connect_failures["refused"] = random() % 5 + 1;
      for (std::uint64_t i = random() % 200; i > 0; --i) {
        tally.phase(random() % 3).latency.add(random() >> (random() % 50 + 8));
        tally.connect.add(random() % 1000);
      }
      direct.merge(tally);
      const auto read = tallies_from_json(tallies_to_json({tally}));
      ASSERT_TRUE(read) << read.error().what;
      handed_on.merge(read->at(0));
    }
    const Latencies one = direct.latency(), other = handed_on.latency();
    EXPECT_EQ(one.max(), other.max());
    EXPECT_TRUE(std::ranges::equal(one.counts(), other.counts()));
    for (const double fraction : {0.0, 0.5, 0.9, 0.99, 0.999, 1.0})
      EXPECT_EQ(one.percentile(fraction), other.percentile(fraction)) << fraction;
    EXPECT_EQ(direct.connect.max(), handed_on.connect.max());
    EXPECT_EQ(direct.connect_failures, handed_on.connect_failures);
    EXPECT_EQ(direct.established, handed_on.established);
    EXPECT_EQ(direct.standing, handed_on.standing);
    EXPECT_EQ(direct.joined_late, handed_on.joined_late);
  }
}

TEST(Tally, HistogramsThatContradictThemselvesAreRefused) {
  for (const char* text :
       {R"({"bits": 8, "max": 5, "counts": [[6, 1]]})", R"({"bits": 8, "max": 5, "counts": [[4, 1]]})",
        R"({"bits": 8, "max": 5, "counts": [[5, 0]]})", R"({"bits": 7, "max": 5, "counts": [[5, 1]]})",
        R"({"bits": 8, "counts": [[5, 1]]})", R"({"bits": 8, "max": 5, "counts": [[99999999, 1]]})"}) {
    SCOPED_TRACE(text);
    EXPECT_FALSE(histogram_from(boost::json::parse(text)));
  }
  EXPECT_TRUE(histogram_from(boost::json::parse(R"({"bits": 8, "max": 5, "counts": [[4, 1], [5, 2]]})")));
  EXPECT_TRUE(histogram_from(boost::json::parse(R"({"bits": 8, "max": 0, "counts": []})")));
}

TEST(Misses, TheHistogramIsAsExactAsItSays) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 20'000; ++i) {
    const std::uint64_t value = random() >> random() % 60;
    Latencies latencies;
    latencies.add(value);
    latencies.add(~std::uint64_t{0});
    const auto found = static_cast<double>(latencies.percentile(0.5));
    ASSERT_LE(found, static_cast<double>(value) * (1 + kHistogramError));
    ASSERT_GE(found, static_cast<double>(value));
  }
}

}  // namespace
}  // namespace fanlight::load
