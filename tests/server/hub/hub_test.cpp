// Publishing without sockets: the workers' loops do not run here, so what is published stays where a test can see it.
#include "server/hub/hub.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "server/hub/topic.hpp"

namespace fanlight::server::hub {
namespace {

using codec::Wire;

TEST(Topic, Names) {
  struct Case {
    const char* name;
    std::string topic;
    bool valid;
  };
  for (const Case& c : {
           Case{"letters", "News", true},
           Case{"all kinds", "a.B_9-z", true},
           Case{"one character", "x", true},
           Case{"longest", std::string(128, 'a'), true},
           Case{"too long", std::string(129, 'a'), false},
           Case{"empty", "", false},
           Case{"slash", "a/b", false},
           Case{"space", "a b", false},
           Case{"percent", "a%20", false},
           Case{"not ASCII", "caf\xC3\xA9", false},
           Case{"NUL", std::string("a\0b", 3), false},
           Case{"newline", "a\n", false},
       }) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(is_topic(c.topic), c.valid);
  }
}

/// All entries left for a worker.
std::vector<Inbox::Entry> left_for(Hub& hub, std::size_t worker) {
  Inbox::Batch batch;
  hub.worker(worker).inbox().take(batch);
  return batch.entries;
}

TEST(Hub, EncodesOncePerWireFormAndShares) {
  Hub hub({.workers = 3});
  for (std::size_t worker = 0; worker < 3; ++worker) {
    for (int i = 0; i < 50; ++i) {
      ASSERT_TRUE(hub.worker(worker).join("t", Wire::sse, hub.ticket()));
      ASSERT_TRUE(hub.worker(worker).join("t", Wire::websocket, hub.ticket()));
    }
  }
  EXPECT_EQ(hub.open_connections(), 300u);
  for (std::uint64_t id = 1; id <= 5; ++id) {
    const Receipt receipt = hub.publish("t", "payload", 1);
    EXPECT_EQ(receipt.subscribers, 300u);
    EXPECT_EQ(receipt.id, id);
  }
  EXPECT_EQ(hub.published().encoded, (std::array<std::uint64_t, 2>{5, 5})) << "300 deliveries, two encodings each time";
  const auto first = left_for(hub, 0);
  const auto second = left_for(hub, 1);
  ASSERT_EQ(first.size(), 10u);
  ASSERT_EQ(second.size(), 10u);
  for (std::size_t i = 0; i < first.size(); ++i) {
    EXPECT_EQ(first[i].frame.get(), second[i].frame.get()) << "workers share the bytes";
    EXPECT_EQ(first[i].sessions, 50u);
  }
  EXPECT_EQ(first[0].frame->bytes(), "id: 1\ndata: payload\n\n");
  EXPECT_EQ(first[1].frame->bytes(), "\x81\x07payload");
  EXPECT_EQ(first[8].frame->bytes(), "id: 5\ndata: payload\n\n");
}

TEST(Hub, EncodesNoFormThatNobodyUses) {
  Hub hub({.workers = 1});
  EXPECT_EQ(hub.publish("t", "x", 1).subscribers, 0u);
  EXPECT_EQ(hub.published().encoded, (std::array<std::uint64_t, 2>{0, 0}));
  ASSERT_TRUE(hub.worker(0).join("t", Wire::websocket, hub.ticket()));
  EXPECT_EQ(hub.publish("t", "x", 1).subscribers, 1u);
  EXPECT_EQ(hub.published().encoded, (std::array<std::uint64_t, 2>{0, 1}));
  EXPECT_EQ(hub.published().messages, 2u);
  EXPECT_EQ(hub.published().bytes, 2u);
}

TEST(Hub, EndingASessionLeavesTheAccountBalanced) {
  Hub hub({.workers = 1});
  Worker& worker = hub.worker(0);
  const auto session = worker.join("t", Wire::sse, hub.ticket());
  ASSERT_TRUE(session);
  hub.publish("t", "1", 1);
  WireReading account = worker.reading().wires[0];
  EXPECT_EQ(account.offered, 1u);
  EXPECT_EQ(account.queued_inbox, 1u);
  EXPECT_EQ(account.balance(), 0);

  worker.abandon(*session);
  EXPECT_EQ(hub.open_connections(), 0u);
  EXPECT_EQ(hub.publish("t", "2", 1).subscribers, 0u);
  worker.end_all();
  account = worker.reading().wires[0];
  EXPECT_EQ(account.dropped[static_cast<std::size_t>(Drop::left)], 1u);
  EXPECT_EQ(account.ended[static_cast<std::size_t>(End::handshake)], 1u);
  EXPECT_EQ(account.queued_inbox, 0u);
  EXPECT_EQ(account.sessions, 0u);
  EXPECT_EQ(account.balance(), 0);
}

TEST(Hub, ASlotIsUsedAgainButItsOldNameIsNot) {
  Hub hub({.workers = 1});
  Worker& worker = hub.worker(0);
  const auto old_session = worker.join("t", Wire::sse, hub.ticket());
  worker.abandon(*old_session);
  const auto new_session = worker.join("t", Wire::sse, hub.ticket());
  EXPECT_EQ(new_session->slot, old_session->slot);
  EXPECT_NE(new_session->generation, old_session->generation);
  worker.abandon(*old_session);
  EXPECT_EQ(worker.reading().wires[0].sessions, 1u) << "a stale name ends nobody";
}

TEST(LatencyBatch, WeighsEveryDelivery) {
  LatencyBatch batch;
  for (int session = 0; session < 10; ++session) {
    for (const std::uint64_t published : {100u, 200u, 300u}) batch.add(published);
  }
  batch.add(300);
  EXPECT_EQ(batch.messages(), 3u);
  KernelHistogram histogram;
  inprocess::HistogramMetric shared("test");
  batch.close(1300, histogram, shared);
  EXPECT_EQ(histogram.count(), 31u);
  EXPECT_EQ(histogram.sum(), 10 * 1200.0 + 10 * 1100.0 + 11 * 1000.0);
  EXPECT_EQ(batch.messages(), 0u);
  batch.add(2000);
  batch.close(1000, histogram, shared);
  EXPECT_EQ(histogram.sum(), 10 * 1200.0 + 10 * 1100.0 + 11 * 1000.0) << "never negative";
}

}  // namespace
}  // namespace fanlight::server::hub
