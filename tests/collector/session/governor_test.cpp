#include "collector/session/governor.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace fanlight::session {
namespace {

/// Observes a cost that depends on the level, for so many slices; the levels that were reached, in order.
template <class CostAt>
std::vector<std::size_t> levels(Governor& governor, int slices, CostAt cost_at) {
  std::vector<std::size_t> all;
  for (int i = 0; i < slices; ++i) {
    const std::size_t before = governor.level();
    (void)governor.observe(cost_at(before));
    if (governor.level() != before) all.push_back(governor.level());
  }
  return all;
}

TEST(Governor, LeavesAloneWhatIsCheap) {
  Governor governor(0.01);
  EXPECT_TRUE(levels(governor, 100, [](std::size_t) { return 0.009; }).empty());
}

TEST(Governor, LowersSamplingFirstAndProbesAfterwards) {
  Governor governor(0.01);
  kernel::Effort before;
  std::vector<kernel::Effort> efforts;
  for (int i = 0; i < 100; ++i)
    if (const auto change = governor.observe(0.05)) efforts.push_back(change->effort);
  ASSERT_GE(efforts.size(), 8u);
  bool probes_given_up = false;
  for (const kernel::Effort& effort : efforts) {
    EXPECT_GE(effort.sampling_divisor, before.sampling_divisor);
    const bool gave_up = !effort.windows || !effort.map_operations || !effort.registry || !effort.sockets;
    if (probes_given_up) {
      EXPECT_EQ(effort.sampling_divisor, before.sampling_divisor) << "no more sampling left";
    }
    probes_given_up = probes_given_up || gave_up;
    before = effort;
  }
  EXPECT_EQ(before, (kernel::Effort{16, false, false, false, false}));
}

TEST(Governor, StopsAtTheFirstStepThatIsEnough) {
  Governor governor(0.01);
  const auto cost = [](std::size_t level) { return level >= 2 ? 0.007 : 0.02; };
  EXPECT_EQ(levels(governor, 60, cost), (std::vector<std::size_t>{1, 2}));
}

TEST(Governor, SaysOnceThatABudgetIsOutOfReach) {
  Governor governor(0.01);
  int sentences = 0;
  for (int i = 0; i < 200; ++i)
    if (const auto change = governor.observe(0.05);
        change && change->sentence.find("nothing is left") != std::string::npos)
      ++sentences;
  EXPECT_EQ(sentences, 1);
}

TEST(Governor, GivesBackWhenTheLoadIsGoneAndTriesRarerWhenThatDidNotHold) {
  Governor governor(0.01);
  levels(governor, 6, [](std::size_t) { return 0.02; });
  ASSERT_GT(governor.level(), 0u);
  levels(governor, 200, [](std::size_t) { return 0.001; });
  EXPECT_EQ(governor.level(), 0u);
  // Cheap enough to try again at level 1, and too expensive at 0: the tries come further and further apart.
  std::vector<int> tries;
  for (int i = 0; i < 400; ++i) {
    const std::size_t before = governor.level();
    (void)governor.observe(before == 0 ? 0.02 : 0.004);
    if (before == 1 && governor.level() == 0) tries.push_back(i);
  }
  ASSERT_GE(tries.size(), 3u);
  for (std::size_t i = 2; i < tries.size(); ++i) EXPECT_GT(tries[i] - tries[i - 1], tries[i - 1] - tries[i - 2]);
}

TEST(Governor, OneExpensiveSliceIsNoReason) {
  Governor governor(0.01);
  (void)governor.observe(0.004);
  EXPECT_FALSE(governor.observe(0.015)) << "smoothed it is below";
  EXPECT_EQ(governor.level(), 0u);
}

}  // namespace
}  // namespace fanlight::session
