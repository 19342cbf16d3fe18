#include "core/state.hpp"

#include <gtest/gtest.h>

#include <set>

#include "core/ledger.hpp"

namespace fanlight {
namespace {

TEST(State, EveryReasonHasAStateAndANameOfItsOwn) {
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < kReasons; ++i) {
    const auto reason = reason_from(i);
    ASSERT_TRUE(reason);
    EXPECT_TRUE(names.insert(name_of(*reason)).second) << name_of(*reason);
    EXPECT_EQ(state_of(*reason), i == 0                                          ? State::running
                                 : i < 4 || reason == Reason::runnable_throttled ? State::runnable
                                                                                 : State::blocked);
  }
  EXPECT_FALSE(reason_from(kReasons));
}

TEST(Ledger, BalanceIsWhatNobodyAccountsFor) {
  LedgerEntry entry{
      .source = "samples", .produced = 10, .delivered = 7, .dropped = {{"ring full", 2}}, .missed = {{"late", 5}}};
  EXPECT_EQ(entry.dropped_total(), 2u);
  EXPECT_EQ(entry.balance(), 1);
  entry.dropped["malformed"] = 1;
  EXPECT_EQ(entry.balance(), 0);
}

}  // namespace
}  // namespace fanlight
