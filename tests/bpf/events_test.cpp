#include "bpf/events.h"

#include <gtest/gtest.h>

namespace fanlight {
namespace {

TEST(Events, BucketsEndWhereTheTableEnds) {
  EXPECT_EQ(fanlight_capped_bucket(0), 0u);
  EXPECT_EQ(fanlight_capped_bucket((std::uint64_t{1} << 40) - 1), FANLIGHT_HISTOGRAM_BUCKETS - 1u);
  EXPECT_LT(fanlight_capped_bucket(std::uint64_t{1} << 39), FANLIGHT_HISTOGRAM_BUCKETS - 1u);
  EXPECT_EQ(fanlight_capped_bucket(std::uint64_t{1} << 40), FANLIGHT_HISTOGRAM_BUCKETS - 1u);
  EXPECT_EQ(fanlight_capped_bucket(~std::uint64_t{0}), FANLIGHT_HISTOGRAM_BUCKETS - 1u);
}

}  // namespace
}  // namespace fanlight
