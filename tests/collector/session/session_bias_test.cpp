// A program that is biased on purpose is found out by checking one sampler with the other.
#include <gtest/gtest.h>

#include "collector/profile/trust.hpp"
#include "collector/session/session.hpp"
#include "tests/child.hpp"

namespace fanlight::session {
namespace {

using namespace std::chrono_literals;

/// By whole stacks: the leaf is a clock or a loop in both kinds of work.
double share_of(const std::vector<profile::Compared>& stacks, const std::string& function, bool kernel,
                profile::Difference* difference = nullptr) {
  double share = 0, most = 0;
  for (const profile::Compared& one : stacks) {
    if (one.name.find(function) == std::string::npos) continue;
    share += kernel ? one.kernel.share : one.inprocess.share;
    if (difference != nullptr && one.kernel.share > most) {
      most = one.kernel.share;
      *difference = one.difference;
    }
  }
  return share;
}

TEST(Bias, AThreadThatBlocksSignalsIsFound) {
  testing::Child program({TRUTH_BIAS});
  ASSERT_FALSE(program.await("ready").empty()) << program.err();
  auto session = Session::attach({.pid = program.pid(), .sample_hz = 199});
  ASSERT_TRUE(session) << session.error().what;
  program.send("go");
  while (session->target_alive()) ASSERT_TRUE(session->step(100ms));
  session->settle_names(10s);
  const profile::TrustReport report = profile::trust(session->query(0, ~std::uint64_t{0}));
  ASSERT_TRUE(report.possible());
  // The program's own budget is half and half, and the kernel sees that.
  EXPECT_NEAR(share_of(report.stacks, "closed_work", true), 0.5, 0.15);
  profile::Difference difference = profile::Difference::none;
  const double closed = share_of(report.stacks, "closed_work", false, &difference);
  EXPECT_LT(closed, 0.1);
  EXPECT_EQ(difference, profile::Difference::signals_off);
  bool late = false;
  for (const profile::Compared& one : report.functions) late |= one.difference == profile::Difference::late_signals;
  EXPECT_TRUE(late) << "what was missed comes with the first signal that is let through";
  EXPECT_LT(report.overlap_stacks, 0.7);
}

}  // namespace
}  // namespace fanlight::session
