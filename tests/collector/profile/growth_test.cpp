#include "collector/profile/growth.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstdint>
#include <map>

namespace fanlight::profile {
namespace {

std::uint64_t& at(PerReason& ns, Reason reason) { return ns[static_cast<std::size_t>(reason)]; }

kernel::ThreadReading reading(pid_t tid, std::uint64_t from, std::uint64_t running, std::uint64_t futex) {
  kernel::ThreadReading thread{.tid = tid, .name = "t", .from_ns = from, .to_ns = from + running + futex};
  at(thread.ns, Reason::running) = running;
  at(thread.ns, Reason::futex) = futex;
  return thread;
}

std::uint64_t sum_of(const PerReason& ns) {
  std::uint64_t all = 0;
  for (const std::uint64_t part : ns) all += part;
  return all;
}

TEST(Growth, OfThreadsIsExactInEveryCase) {
  struct Case {
    const char* name;
    kernel::ThreadReading before, now;
    std::uint64_t from, running, futex;
  };
  for (const Case& c : {Case{"goes on", reading(1, 100, 5, 5), reading(1, 100, 12, 8), 110, 7, 3},
                        Case{"same tid, later birth", reading(1, 100, 5, 5), reading(1, 400, 1, 2), 400, 1, 2},
                        Case{"counters began anew", reading(1, 100, 50, 5), reading(1, 100, 3, 2), 100, 3, 2},
                        Case{"open interval judged anew", reading(1, 100, 5, 5), reading(1, 100, 3, 20), 110, 0, 13},
                        Case{"nothing happened", reading(1, 100, 5, 5), reading(1, 100, 5, 5), 110, 0, 0}}) {
    SCOPED_TRACE(c.name);
    const auto grown = growth(kernel::Reading{.time_ns = 110, .threads = {c.before}},
                              kernel::Reading{.time_ns = 500, .threads = {c.now}});
    ASSERT_EQ(grown.threads.size(), 1u);
    auto thread = grown.threads[0];
    EXPECT_EQ(thread.from_ns, c.from);
    EXPECT_EQ(at(thread.ns, Reason::running), c.running);
    EXPECT_EQ(at(thread.ns, Reason::futex), c.futex);
    EXPECT_EQ(sum_of(thread.ns), thread.to_ns - thread.from_ns);
  }
}

TEST(Growth, OfSocketErrnosIsTheDifferenceOfEach) {
  const kernel::SocketCounts before{.writes = 9, .errors = 5, .by_errno = {{EPIPE, 3}, {ENOBUFS, 2}}};
  const kernel::SocketCounts now{.writes = 20, .errors = 10, .by_errno = {{EPIPE, 7}, {ENOBUFS, 2}, {ECONNRESET, 1}}};
  EXPECT_EQ(growth(before, now).by_errno, (std::map<int, std::uint64_t>{{EPIPE, 4}, {ECONNRESET, 1}}));
  EXPECT_EQ(growth(now, before), before) << "counters began anew";
}

TEST(Growth, OfOneReadingAloneIsAllOfIt) {
  const auto grown = growth({}, kernel::Reading{.time_ns = 9, .threads = {reading(1, 2, 3, 4)}});
  ASSERT_EQ(grown.threads.size(), 1u);
  EXPECT_EQ(grown.threads[0].from_ns, 2u);
  EXPECT_EQ(sum_of(grown.threads[0].ns), 7u);
}

TEST(Growth, TwoLivesOfOneTidStayTwo) {
  auto first = reading(1, 100, 5, 5);
  auto ended = reading(1, 100, 9, 5);
  ended.ended = true;
  const auto grown =
      growth(kernel::Reading{.threads = {first}}, kernel::Reading{.threads = {ended, reading(1, 200, 2, 0)}});
  ASSERT_EQ(grown.threads.size(), 2u);
  EXPECT_EQ(sum_of(grown.threads[0].ns), 4u);
  EXPECT_TRUE(grown.threads[0].ended);
  EXPECT_EQ(sum_of(grown.threads[1].ns), 2u);
}

TEST(Growth, SameLifeIsSameTidSameBirthAndNeverLess) {
  EXPECT_TRUE(same_life(reading(1, 100, 5, 5), reading(1, 100, 5, 5)));
  EXPECT_FALSE(same_life(reading(1, 100, 5, 5), reading(2, 100, 6, 6)));
  EXPECT_FALSE(same_life(reading(1, 100, 5, 5), reading(1, 101, 6, 6)));
  EXPECT_FALSE(same_life(reading(1, 100, 5, 5), reading(1, 100, 5, 4)));
  EXPECT_EQ(growth(reading(1, 100, 5, 5), reading(1, 101, 6, 6)).from_ns, 101u);
}

TEST(Growth, ALifeThatHadEndedIsNotToldTwice) {
  auto ended = reading(1, 100, 9, 5);
  ended.ended = true;
  EXPECT_TRUE(growth(kernel::Reading{.threads = {ended}}, kernel::Reading{.threads = {ended}}).threads.empty());
}

TEST(Growth, OfHistogramsSubtractsCountsOrBeginsAnew) {
  KernelHistogram before;
  before.add(10, 3);
  KernelHistogram now = before;
  now.add(1000, 2);
  EXPECT_EQ(growth(before, now).count(), 2u);
  EXPECT_EQ(growth(now, before).count(), 3u);
  EXPECT_EQ(growth(now, now).counts().size(), 0u);
}

TEST(Growth, OfALedgerEntryIsAsClosedAsTheReadingsAre) {
  const LedgerEntry before{"ring", 10, 8, {{"full", 2}}, {}};
  const LedgerEntry now{"ring", 30, 25, {{"full", 4}, {"malformed", 1}}, {{"recursion", 3}}};
  const LedgerEntry expected{"ring", 20, 17, {{"full", 2}, {"malformed", 1}}, {{"recursion", 3}}};
  EXPECT_EQ(growth(before, now), expected);
  EXPECT_EQ(growth(before, now).balance(), 0);
  EXPECT_EQ(growth(now, before), before) << "a cause that shrank means that the entry began anew";
}

TEST(Growth, OfMapsAndRegistriesLeavesOutWhatDidNotGrow) {
  const kernel::Reading before{
      .maps = {{1, "m", "hash", "lookup", 5, 1, 50, {}}, {1, "m", "hash", "update", 5, 0, 9, {}}},
      .registries = {{"mutex", 0, "insert", 4, 40, 400, {}}}};
  const kernel::Reading now{
      .maps = {{1, "m", "hash", "lookup", 8, 2, 90, {}}, {1, "m", "hash", "update", 5, 0, 9, {}}},
      .registries = {{"mutex", 0, "insert", 6, 50, 410, {}}, {"mutex", 1, "insert", 1, 2, 3, {}}}};
  const auto grown = growth(before, now);
  ASSERT_EQ(grown.maps.size(), 1u);
  EXPECT_EQ(grown.maps[0].count, 3u);
  EXPECT_EQ(grown.maps[0].errors, 1u);
  EXPECT_EQ(grown.maps[0].total_ns, 40u);
  ASSERT_EQ(grown.registries.size(), 2u);
  EXPECT_EQ(grown.registries[0].hold_ns, 10u);
  EXPECT_EQ(grown.registries[1].count, 1u);
}

}  // namespace
}  // namespace fanlight::profile
