#include "collector/session/open_slice.hpp"

#include <gtest/gtest.h>

namespace fanlight::session {
namespace {

TEST(OpenSlice, AddsWhatIsAlikeAndKeepsWhatDiffers) {
  OpenSlice slice;
  const RawSample running{.sampler = Sampler::kernel_cpu, .reason = Reason::running, .weight = 10, .count = 1};
  const RawSample waiting{.sampler = Sampler::kernel_blocked, .reason = Reason::futex, .weight = 5, .count = 1};
  slice.add(running, 1, 1);
  slice.add(running, 1, 1);
  slice.add(running, 2, 1);
  slice.add(running, 1, 2);
  slice.add(waiting, 1, 1);
  const auto rows = slice.take_rows();
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_EQ(rows[0], (profile::SampleRow{.thread = 1, .stack = 1, .weight = 20, .count = 2}));
  EXPECT_EQ(rows[3].sampler, Sampler::kernel_blocked);
  EXPECT_TRUE(slice.take_rows().empty());
}

}  // namespace
}  // namespace fanlight::session
