#include "load/clock_offset.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace fanlight::load {
namespace {

constexpr std::uint64_t kMs = 1'000'000;
constexpr std::uint64_t kSecond = 1000 * kMs;

TEST(ClockOffset, TheQuickestRoundTripCounts) {
  struct Case {
    const char* name;
    std::vector<RoundTrip> trips;
    std::int64_t ahead_ns;
    std::uint64_t error_ns;
  };
  for (const Case& c : {
           Case{"symmetric", {{1000, 51'100, 1200}}, 50'000, 100},
           Case{"behind", {{1'000'000, 500'100, 1'000'200}}, -500'000, 100},
           Case{"all on the way there", {{1000, 51'200, 1200}}, 50'100, 100},  // off by half the round trip, as it says
           Case{"a slow one before", {{0, 3 * kMs, 4 * kMs}, {5 * kMs, 6 * kMs + 100, 5 * kMs + 200}}, kMs, 100},
           Case{"a slow one after",
                {{5 * kMs, 6 * kMs + 100, 5 * kMs + 200}, {6 * kMs, 9 * kMs, 10 * kMs}},
                kMs,
                // 4,999,800 ns of age at 100 ppm
                100 + 499},
           Case{"back before it went", {{1000, 51'100, 1200}, {2000, 0, 1900}}, 50'000, 100},
       }) {
    SCOPED_TRACE(c.name);
    ClockOffset clock;
    EXPECT_FALSE(clock.known());
    for (const RoundTrip& trip : c.trips) clock.add(trip);
    EXPECT_TRUE(clock.known());
    EXPECT_EQ(clock.ahead_ns(), c.ahead_ns);
    EXPECT_EQ(clock.error_ns(), c.error_ns);
  }
}

TEST(ClockOffset, FollowsClocksThatDriftAndStaysWithinItsError) {
  ClockOffset clock;
  // A minute of round trips of 100 us to 2 ms, unevenly long there and back; the other clock gains 50 us a second.
  for (std::uint64_t i = 0; i < 300; ++i) {
    const std::uint64_t now = 100 * kSecond + i * 200 * kMs;
    const auto gained = [](std::uint64_t at) { return 7 * kSecond + (at - 100 * kSecond) / 20'000; };
    const std::uint64_t there = 50'000 + i * 7919 % 1'000'000, back = 50'000 + i * 104'729 % 1'000'000;
    clock.add({now, now + there + gained(now + there), now + there + back});
    const auto truth = static_cast<std::int64_t>(gained(now + there + back));
    const std::int64_t off = clock.ahead_ns() - truth;
    ASSERT_LE(static_cast<std::uint64_t>(off < 0 ? -off : off), clock.error_ns() + 1) << i;
  }
  EXPECT_NEAR(static_cast<double>(clock.drifted_ns()), 60 * 50'000, 1.5 * kMs);
}

}  // namespace
}  // namespace fanlight::load
