#include "server/hub/inbox.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace fanlight::server::hub {
namespace {

using codec::Wire;

Delivery delivery(std::uint64_t id, unsigned sessions = 0) {
  codec::NewMessage message = codec::new_message();
  message->id = id;
  Delivery made{.message = std::move(message), .topic = TopicPtr(new Topic("t", {}, 0))};
  if (sessions > 0) {
    auto list = new_session_list();
    for (std::uint32_t i = 0; i < sessions; ++i) list->sessions.push_back({.slot = i, .wire = Wire::websocket});
    made.sessions = std::move(list);
  }
  return made;
}

class InboxKinds : public ::testing::TestWithParam<QueueKind> {};
INSTANTIATE_TEST_SUITE_P(Both, InboxKinds, ::testing::Values(QueueKind::vector, QueueKind::ring), [](const auto& each) {
  return std::string(kQueueNames[static_cast<std::size_t>(each.param)]);
});

TEST_P(InboxKinds, GivesBackInOrderWhatItTook) {
  Inbox inbox(GetParam(), 8);
  EXPECT_TRUE(inbox.empty());
  for (std::uint64_t id = 1; id <= 8; ++id) EXPECT_TRUE(inbox.push(delivery(id)));
  EXPECT_EQ(inbox.size(), 8u);
  std::vector<Delivery> taken;
  inbox.take(taken);
  ASSERT_EQ(taken.size(), 8u);
  for (std::uint64_t id = 1; id <= 8; ++id) EXPECT_EQ(taken[id - 1].message->id, id);
  EXPECT_TRUE(inbox.empty());
}

TEST_P(InboxKinds, NotesWhatDoesNotFit) {
  Inbox inbox(GetParam(), 2);
  EXPECT_TRUE(inbox.push(delivery(1)));
  EXPECT_TRUE(inbox.push(delivery(2)));
  EXPECT_FALSE(inbox.push(delivery(3, 5))) << "five sessions that the publisher knew";
  const Delivery local = delivery(4);
  const auto of_same_topic = [&](std::uint64_t id) {
    Delivery made = delivery(id);
    made.topic = local.topic;
    return made;
  };
  EXPECT_FALSE(inbox.push(local));
  EXPECT_FALSE(inbox.push(of_same_topic(5))) << "the worker knows for whom";
  EXPECT_FALSE(inbox.push(of_same_topic(7))) << "6 was taken, say";
  EXPECT_FALSE(inbox.empty());
  const Lost lost = inbox.take_lost();
  EXPECT_EQ(lost.deliveries[index_of(Wire::websocket)], 5u);
  ASSERT_EQ(lost.messages.size(), 2u);
  EXPECT_EQ(lost.messages[0].topic, local.topic);
  EXPECT_EQ(lost.messages[0].first_id, 4u);
  EXPECT_EQ(lost.messages[0].last_id, 5u);
  EXPECT_EQ(lost.messages[1].first_id, 7u);
  EXPECT_EQ(lost.messages[1].last_id, 7u);
  EXPECT_FALSE(inbox.take_lost().any());
}

// Several publishers and one worker: nothing is lost, doubled or reordered within a publisher.
TEST_P(InboxKinds, ManyWritersOneReader) {
  constexpr unsigned kWriters = 4;
  constexpr unsigned kEach = 5000;
  Inbox inbox(GetParam(), 256);
  std::vector<std::thread> writers;
  for (unsigned writer = 0; writer < kWriters; ++writer) {
    writers.emplace_back([&inbox, writer] {
      for (std::uint64_t i = 0; i < kEach; ++i) {
        while (inbox.size() > 200) std::this_thread::yield();
        codec::NewMessage message = codec::new_message();
        message->id = i;
        message->published_ns = writer;
        inbox.push({.message = std::move(message)});
      }
    });
  }
  std::vector<std::uint64_t> next(kWriters, 0);
  std::vector<Delivery> batch;
  std::uint64_t seen = 0, lost = 0;
  while (seen + lost < kWriters * kEach) {
    batch.clear();
    inbox.take(batch);
    for (const Delivery& each : batch) {
      ASSERT_GE(each.message->id, next[each.message->published_ns]);
      next[each.message->published_ns] = each.message->id + 1;
      ++seen;
    }
    for (const Lost::Messages& run : inbox.take_lost().messages) lost += run.last_id - run.first_id + 1;
    std::this_thread::yield();
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_TRUE(inbox.empty());
  EXPECT_GT(seen, lost);
}

}  // namespace
}  // namespace fanlight::server::hub
