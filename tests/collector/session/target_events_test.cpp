#include "collector/session/target_events.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include "fanlight/events.h"

namespace fanlight::session {
namespace {

inprocess::TargetEvent operation(std::uint64_t op, std::uint64_t wait_ns, std::uint64_t hold_ns) {
  return {.name = "map_op",
          .words = {{"registry", 1, "mutex"},
                    {"shard", 2, ""},
                    {"op", op, ""},
                    {"wait_ns", wait_ns, ""},
                    {"hold_ns", hold_ns, ""}}};
}

TEST(TargetEvents, AddUpByNameAndGoWithTheirSlice) {
  TargetEvents events(::getpid());
  events.take({.is_span = true, .duration_ns = 100, .name = "encode"});
  events.take({.is_span = true, .duration_ns = 300, .name = "encode"});
  events.take(operation(2, 5, 7));
  events.take(operation(2, 6, 8));
  events.take(operation(0, 1, 1));
  profile::Slice slice;
  events.close_slice(slice, true);
  ASSERT_EQ(slice.metrics.size(), 2u);
  EXPECT_EQ(slice.metrics[0].name, "span encode");
  EXPECT_EQ(slice.metrics[0].histogram.count(), 2u);
  EXPECT_EQ(slice.metrics[1].name, "event map_op");
  EXPECT_EQ(slice.metrics[1].value, 3);
  ASSERT_EQ(slice.registries.size(), 2u);
  EXPECT_EQ(slice.registries[0].operation, "insert");
  EXPECT_EQ(slice.registries[1].operation, "lookup");
  EXPECT_EQ(slice.registries[1].count, 2u);
  EXPECT_EQ(slice.registries[1].wait_ns, 11u);
  EXPECT_EQ(slice.registries[1].hold_ns, 15u);
  profile::Slice next;
  events.close_slice(next, true);
  EXPECT_TRUE(next.metrics.empty());
  EXPECT_TRUE(next.registries.empty());
}

TEST(TargetEvents, OperationsThatAProbeCountedAreNotCountedTwice) {
  TargetEvents events(::getpid());
  events.take(operation(2, 5, 7));
  profile::Slice slice;
  events.close_slice(slice, false);
  EXPECT_TRUE(slice.registries.empty());
}

TEST(TargetEvents, AreReadOutOfALiveTarget) {
  TargetEvents events(::getpid());
  fanlight_listen(1);
  FANLIGHT_EVENT(first);
  profile::Slice slice;
  events.close_slice(slice, true);  // finds the rings
  for (int i = 0; i < 10; ++i) FANLIGHT_EVENT(later, i);
  fanlight_listen(0);
  profile::Slice next;
  events.close_slice(next, true);
  ASSERT_EQ(next.metrics.size(), 1u);
  EXPECT_EQ(next.metrics[0].name, "event later");
  EXPECT_EQ(next.metrics[0].value, 10);
  ASSERT_EQ(next.ledger.size(), 1u);
  EXPECT_EQ(next.ledger[0].source, "in-process events");
  EXPECT_EQ(next.ledger[0].balance(), 0);
}

}  // namespace
}  // namespace fanlight::session
