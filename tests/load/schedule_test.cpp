// When messages are due, whatever the shape.
#include "load/schedule.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace fanlight::load {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

constexpr std::uint64_t kStart = 1'000'000'000'000;

Schedule steady(std::uint64_t start, std::int64_t duration_ns, double rate) {
  Schedule schedule(start);
  schedule.append({.duration = nanoseconds(duration_ns), .rate = rate});
  return schedule;
}

TEST(Schedule, IsCountedFromItsStart) {
  const Schedule third = steady(kStart, 10'000'000'000, 3);
  EXPECT_EQ(third.count(), 30u);
  EXPECT_EQ(third.due_ns(0), kStart);
  EXPECT_EQ(third.due_ns(1), kStart + 333'333'333);
  EXPECT_EQ(third.due_ns(3), kStart + 1'000'000'000);  // no drift
  EXPECT_EQ(third.due_ns(3'000'000'000), kStart + 1'000'000'000'000'000'000);
  EXPECT_EQ(steady(kStart, 0, 5).count(), 0u);
  EXPECT_EQ(steady(kStart, 1, 5).count(), 1u);
  EXPECT_EQ(steady(kStart, 2'000'000'000, 0.5).count(), 1u);
  EXPECT_EQ(steady(kStart, 2'000'000'001, 0.5).count(), 2u);
}

TEST(Schedule, CountAgreesWithDueTimesInEveryShape) {
  std::mt19937_64 random(9);
  const auto rate = [&] {
    return static_cast<double>(random() % 1'000'000 + 1) / static_cast<double>(random() % 1000 + 1);
  };
  for (int round = 0; round < 3000; ++round) {
    Phase phase{.duration = nanoseconds(random() % 100'000'000'000 + 1), .rate = rate(), .to_rate = rate()};
    phase.shape = static_cast<Shape>(round % 3);
    phase.burst = random() % 50 + 1;
    phase.every = nanoseconds(random() % 1'000'000'000 + 1'000'000);
    const std::uint64_t start = random() >> 8;
    Schedule schedule(start);
    schedule.append(phase);
    const std::uint64_t end = start + static_cast<std::uint64_t>(phase.duration.count());
    const std::uint64_t count = schedule.count();
    SCOPED_TRACE(shape_text(phase) + " for " + std::to_string(phase.duration.count()));
    ASSERT_TRUE(count == 0 || schedule.due_ns(count - 1) < end);
    ASSERT_EQ(schedule.count_before(end), count);
    const std::uint64_t somewhere = start + random() % static_cast<std::uint64_t>(phase.duration.count());
    const std::uint64_t before = schedule.count_before(somewhere);
    ASSERT_TRUE(before == 0 || schedule.due_ns(before - 1) < somewhere);
    ASSERT_TRUE(before >= count || schedule.due_ns(before) >= somewhere);
  }
}

TEST(Schedule, ARampIsItsIntegral) {
  Schedule schedule(kStart);
  schedule.append({.duration = seconds(10), .shape = Shape::ramp, .rate = 100, .to_rate = 300});
  EXPECT_EQ(schedule.count(), 2000u);  // the mean rate times the duration
  for (const double t : {1.0, 2.5, 5.0, 9.0}) {
    const double n = 100 * t + 200 * t * t / 20;
    EXPECT_NEAR(static_cast<double>(schedule.count_before(kStart + static_cast<std::uint64_t>(t * 1e9))), n, 1) << t;
  }
  EXPECT_NEAR(schedule.rate_at(kStart + 5'000'000'000), 200, 1e-9);
  Schedule falling(kStart);
  falling.append({.duration = seconds(10), .shape = Shape::ramp, .rate = 300, .to_rate = 100});
  EXPECT_EQ(falling.count(), 2000u);
}

TEST(Schedule, BurstsFallDueAtOnce) {
  Schedule schedule(kStart);
  schedule.append({.duration = milliseconds(2500), .shape = Shape::burst, .burst = 50, .every = seconds(1)});
  EXPECT_EQ(schedule.count(), 150u);
  EXPECT_EQ(schedule.due_ns(49), kStart);
  EXPECT_EQ(schedule.due_ns(50), kStart + 1'000'000'000);
  EXPECT_EQ(schedule.due_ns(149), kStart + 2'000'000'000);
}

TEST(Schedule, PhasesFollowOneAnother) {
  Schedule schedule(kStart);
  schedule.append({.duration = seconds(1), .rate = 10});
  schedule.append({.duration = seconds(2), .shape = Shape::burst, .burst = 5, .every = seconds(1)});
  schedule.append({.duration = seconds(1), .rate = 2});
  EXPECT_EQ(schedule.count(), 22u);
  EXPECT_EQ(schedule.phase_of(9), 0u);
  EXPECT_EQ(schedule.phase_of(10), 1u);
  EXPECT_EQ(schedule.phase_of(20), 2u);
  EXPECT_EQ(schedule.due_ns(10), kStart + 1'000'000'000);
  EXPECT_EQ(schedule.due_ns(21), kStart + 3'500'000'000);
  EXPECT_EQ(schedule.count_in_phase(1), 10u);
  EXPECT_EQ(schedule.phase_at(kStart + 2'999'999'999), 1u);
}

TEST(Schedule, AReplacementHoldsUntilThePlannedEnd) {
  Schedule schedule(kStart);
  schedule.append({.duration = seconds(2), .rate = 10});
  schedule.append({.duration = seconds(2), .rate = 1000});
  schedule.replace(kStart + 1'050'000'000, {.rate = 100});
  EXPECT_EQ(schedule.end_ns(), kStart + 4'000'000'000);
  EXPECT_EQ(schedule.count_in_phase(0), 11u);
  EXPECT_EQ(schedule.count_in_phase(1), 0u);  // never began
  EXPECT_EQ(schedule.count_in_phase(2), 295u);
  EXPECT_EQ(schedule.due_ns(11), kStart + 1'050'000'000);
  EXPECT_EQ(schedule.phase_of(11), 2u);
  schedule.set_end(kStart + 1'050'000'001);
  EXPECT_EQ(schedule.count(), 12u);
  schedule.replace(kStart + 5'000'000'000, {.rate = 100});  // too late to change anything
  EXPECT_EQ(schedule.count(), 12u);
}

TEST(Shape, IsReadAndWritten) {
  for (const char* text : {"100", "0.5", "100..1000", "50/1s", "3/250ms"}) {
    const auto phase = parse_shape(text);
    ASSERT_TRUE(phase) << text;
    const auto again = parse_shape(shape_text(*phase));
    ASSERT_TRUE(again) << text;
    EXPECT_TRUE(*again == *phase) << text;
  }
  for (const char* text : {"", "x", "0", "-1", "1..", "..1", "1..0", "0/1s", "5/", "5/0s", "5/0.5ms", "1e9", "nan",
                           "1000000/1ms", "1/1s/1s"})
    EXPECT_FALSE(parse_shape(text)) << text;
}

}  // namespace

}  // namespace fanlight::load
