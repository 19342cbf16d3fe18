#include "core/histogram.hpp"

#include <gtest/gtest.h>

#include <random>

namespace fanlight {
namespace {

TEST(LogLinear, EveryValueLiesInItsBucket) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 100'000; ++i) {
    const std::uint64_t value = random() >> (random() % 60 + 2);
    for (const unsigned bits : {0u, 3u, 7u}) {
      const unsigned bucket = fanlight_bucket(value, bits);
      ASSERT_LE(fanlight_bucket_low(bucket, bits), value) << bits;
      ASSERT_GT(fanlight_bucket_low(bucket + 1, bits), value) << bits;
    }
  }
}

TEST(LogLinear, BucketsAreDense) {
  unsigned last = 0;
  for (std::uint64_t value = 1; value < 5000; ++value) {
    const unsigned bucket = fanlight_bucket(value, 3);
    ASSERT_TRUE(bucket == last || bucket == last + 1) << value;
    last = bucket;
  }
}

TEST(Histogram, PercentilesAreWithinTheStatedError) {
  Histogram<7> histogram;
  for (std::uint64_t value = 1; value <= 100'000; ++value) histogram.add(value);
  for (const double p : {0.01, 0.5, 0.9, 0.99, 0.999, 1.0}) {
    const double truth = p * 100'000;
    EXPECT_GE(static_cast<double>(histogram.percentile(p)), truth - 1) << p;
    EXPECT_LE(static_cast<double>(histogram.percentile(p)), truth * (1 + 1.0 / 128) + 1) << p;
  }
  EXPECT_EQ(histogram.max(), 100'000u);
  EXPECT_EQ(histogram.count(), 100'000u);
  EXPECT_DOUBLE_EQ(histogram.mean(), 50'000.5);
}

TEST(Histogram, MergeIsTheSameAsAddingToOne) {
  Histogram<3> one, first, second;
  for (std::uint64_t value = 0; value < 1000; ++value) {
    one.add(value * value);
    (value % 3 == 0 ? first : second).add(value * value);
  }
  first.merge(second);
  EXPECT_EQ(std::vector(first.counts().begin(), first.counts().end()),
            std::vector(one.counts().begin(), one.counts().end()));
  EXPECT_EQ(first.percentile(0.99), one.percentile(0.99));
  EXPECT_EQ(first.max(), one.max());
}

TEST(Histogram, EmptyHasNoPercentile) {
  const Histogram<3> empty;
  EXPECT_EQ(empty.percentile(0.5), 0u);
  EXPECT_EQ(empty.mean(), 0);
}

}  // namespace
}  // namespace fanlight
