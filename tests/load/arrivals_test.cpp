#include "load/arrivals.hpp"

#include <gtest/gtest.h>

#include <array>
#include <vector>

#include "load/share.hpp"

namespace fanlight::load {
namespace {

TEST(Arrivals, GroupsAlternateAndLateComersComeLast) {
  Arrivals arrivals;
  arrivals.plan(std::array{3u, 1u, 2u});
  arrivals.add(1);
  std::vector<int> order;
  while (!arrivals.empty()) order.push_back(arrivals.take());
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 0, 2, 0, 1}));
}

TEST(Arrivals, KeepThePace) {
  Arrivals arrivals;
  arrivals.plan(std::array{1000u});
  constexpr std::uint64_t kSecond = 1'000'000'000;
  std::size_t connected = 0;
  for (std::uint64_t now = kSecond; now <= 2 * kSecond; now += 10'000'000)
    for (std::size_t due = arrivals.due(now, 100); due > 0; --due, ++connected) arrivals.take();
  EXPECT_EQ(connected, 101u);  // the first at once
  // Another rate begins anew: nobody is owed what the old one did not bring.
  EXPECT_EQ(arrivals.due(10 * kSecond, 200), 1u);
  EXPECT_EQ(arrivals.due(10 * kSecond, 0), 64u);  // as fast as it goes, a round's worth
}

TEST(Share, PartsAddUpAndAreFair) {
  for (const unsigned total : {0u, 1u, 7u, 8u, 1000u})
    for (const unsigned pools : {1u, 2u, 3u, 8u}) {
      unsigned sum = 0;
      for (unsigned i = 0; i < pools; ++i) {
        const unsigned part = Share{i, pools}.of(total);
        EXPECT_GE(part, total / pools);
        EXPECT_LE(part, total / pools + 1);
        sum += part;
      }
      EXPECT_EQ(sum, total);
    }
}

}  // namespace
}  // namespace fanlight::load
