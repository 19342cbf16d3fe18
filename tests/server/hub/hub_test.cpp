// Publishing without sockets: the workers' loops do not run here, so what is published stays where a test can see it.
#include "server/hub/hub.hpp"

#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <atomic>
#include <latch>
#include <string>
#include <thread>
#include <vector>

#include "server/hub/topic.hpp"
#include "tests/bench/designs/all_designs.hpp"

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

/// A subscriber without a client behind it: what it is sent stays in its outbox.
SessionRef join(Hub& hub, std::size_t worker, const char* topic, Wire wire = Wire::sse,
                std::optional<std::uint64_t> after = std::nullopt) {
  Worker& own = hub.worker(worker);
  const Fd socket(::eventfd(0, 0));
  Session& session = own.adopt(Fd(::dup(socket.get())), hub.ticket(), nullptr, nullptr, 5);
  own.go_live(session, wire,
              codec::is_stream(wire) ? nullptr : std::make_unique<Conversation>(codec::ClientFramesOptions{}));
  EXPECT_TRUE(own.subscribe(session, {.topic = topic, .wire = wire, .after = after}));
  return session.ref;
}

std::string queued(Hub& hub, std::size_t worker, SessionRef ref) {
  hub.worker(worker).reading();  // takes what is in the inbox
  const Session* session = hub.worker(worker).find(ref);
  std::string bytes;
  for (std::size_t i = 0; session != nullptr && i < session->outbox.frames(); ++i)
    bytes += session->outbox.frame(i).bytes();
  return bytes;
}

struct Design {
  RegistryKind registry;
  QueueKind queue;
};

class HubDesigns : public ::testing::TestWithParam<Design> {
 protected:
  HubOptions options(unsigned workers) const {
    HubOptions options{.workers = workers, .designs = &designs::all_designs(), .registry = GetParam().registry};
    options.worker.queue = GetParam().queue;
    return options;
  }
};
INSTANTIATE_TEST_SUITE_P(All, HubDesigns, ::testing::ValuesIn([] {
                           std::vector<Design> designs;
                           for (std::size_t registry = 0; registry < kRegistryNames.size(); ++registry) {
                             for (std::size_t queue = 0; queue < kQueueNames.size(); ++queue)
                               designs.push_back({static_cast<RegistryKind>(registry), static_cast<QueueKind>(queue)});
                           }
                           return designs;
                         }()),
                         [](const auto& each) {
                           std::string name(kRegistryNames[static_cast<std::size_t>(each.param.registry)]);
                           std::erase(name, '-');
                           return name + "_" + std::string(kQueueNames[static_cast<std::size_t>(each.param.queue)]);
                         });

TEST_P(HubDesigns, EncodesOncePerWireFormAndShares) {
  Hub hub(options(3));
  std::vector<SessionRef> first;
  for (std::size_t worker = 0; worker < 3; ++worker) {
    for (int i = 0; i < 50; ++i) {
      first.push_back(join(hub, worker, "t"));
      join(hub, worker, "t", Wire::websocket);
    }
  }
  EXPECT_EQ(hub.open_connections(), 300u);
  for (std::uint64_t id = 1; id <= 5; ++id) {
    const Receipt receipt = hub.publish({.topic = "t", .payload = "payload", .published_ns = 1});
    EXPECT_EQ(receipt.subscribers, 300u);
    EXPECT_EQ(receipt.id, id);
  }
  const std::string expected =
      "id: 1\ndata: payload\n\nid: 2\ndata: payload\n\nid: 3\ndata: payload\n\nid: 4\ndata: payload\n\nid: 5\ndata: "
      "payload\n\n";
  EXPECT_EQ(queued(hub, 0, first[0]), expected);
  EXPECT_EQ(queued(hub, 2, first[149]), expected);
  queued(hub, 1, first[50]);
  EXPECT_EQ(&hub.worker(0).find(first[0])->outbox.frame(3), &hub.worker(2).find(first[149])->outbox.frame(3))
      << "workers share the bytes";
  const auto encoded = hub.published().encoded;
  EXPECT_EQ(encoded[0], 5u) << "300 deliveries, two encodings each time";
  EXPECT_EQ(encoded[1], 5u);
  EXPECT_EQ(encoded[2] + encoded[3] + encoded[4], 0u) << "no form that nobody uses";
  WorkerReading all;
  for (std::size_t worker = 0; worker < 3; ++worker) all.add(hub.worker(worker).reading());
  EXPECT_EQ(all.wires[0].offered, 750u);
  EXPECT_EQ(all.wires[0].queued_outbox, 750u);
  EXPECT_EQ(all.wires[1].balance(), 0);
}

TEST_P(HubDesigns, WhoJoinsLaterGetsOnlyWhatIsNew) {
  Hub hub(options(2));
  const SessionRef early = join(hub, 0, "t");
  hub.publish({.topic = "t", .payload = "1"});  // still in the inbox when the next one joins
  const SessionRef late = join(hub, 0, "t");
  const SessionRef caught_up = join(hub, 0, "t", Wire::sse, 0);
  hub.publish({.topic = "t", .payload = "2"});
  EXPECT_EQ(queued(hub, 0, early), "id: 1\ndata: 1\n\nid: 2\ndata: 2\n\n");
  EXPECT_EQ(queued(hub, 0, late), "id: 2\ndata: 2\n\n");
  EXPECT_EQ(queued(hub, 0, caught_up), "id: 1\ndata: 1\n\nid: 2\ndata: 2\n\n") << "no gap, no duplicate";
  EXPECT_EQ(hub.worker(0).reading().wires[0].balance(), 0);
}

TEST_P(HubDesigns, EndingASessionLeavesTheAccountBalanced) {
  Hub hub(options(1));
  Worker& worker = hub.worker(0);
  const SessionRef session = join(hub, 0, "t");
  hub.publish({.topic = "t", .payload = "1"});
  WireReading account = worker.reading().wires[0];
  EXPECT_EQ(account.offered, 1u);
  EXPECT_EQ(account.queued_outbox, 1u);
  EXPECT_EQ(account.balance(), 0);

  hub.publish({.topic = "t", .payload = "2"});  // in the inbox when the session ends
  worker.end(*worker.find(session), End::client);
  EXPECT_EQ(hub.open_connections(), 0u);
  EXPECT_EQ(hub.publish({.topic = "t", .payload = "3"}).subscribers, 0u);
  account = worker.reading().wires[0];
  EXPECT_EQ(account.dropped[static_cast<std::size_t>(Drop::disconnected)] +
                account.dropped[static_cast<std::size_t>(Drop::left)],
            2u)
      << "the second one as well";
  EXPECT_EQ(account.sessions, 0u);
  EXPECT_EQ(account.balance(), 0);
  EXPECT_EQ(hub.published().addressed, 2u);
  EXPECT_EQ(account.offered, 2u);
}

TEST_P(HubDesigns, SeveralTopicsOnOneConnection) {
  Hub hub(options(1));
  Worker& worker = hub.worker(0);
  const SessionRef ref = join(hub, 0, "a", Wire::json);
  EXPECT_TRUE(worker.subscribe(*worker.find(ref), {.topic = "b", .wire = Wire::json}));
  hub.publish({.topic = "a", .payload = "1"});
  hub.publish({.topic = "b", .payload = "2"});
  worker.reading();
  EXPECT_TRUE(worker.unsubscribe(*worker.find(ref), "a"));
  EXPECT_FALSE(worker.unsubscribe(*worker.find(ref), "a"));
  hub.publish({.topic = "a", .payload = "3"});
  hub.publish({.topic = "b", .payload = "4"});
  const std::string bytes = queued(hub, 0, ref);
  EXPECT_NE(bytes.find(R"({"type":"subscribed","topic":"a","subscribers":1})"), std::string::npos) << bytes;
  EXPECT_NE(bytes.find(R"({"type":"event","topic":"a","id":1,"data":"1"})"), std::string::npos) << bytes;
  EXPECT_NE(bytes.find(R"({"type":"event","topic":"b","id":2,"data":"4"})"), std::string::npos) << bytes;
  EXPECT_EQ(bytes.find(R"("data":"3")"), std::string::npos) << bytes;
  EXPECT_EQ(worker.reading().wires[index_of(Wire::json)].balance(), 0);
}

TEST_P(HubDesigns, GroupsShareAndEachGroupGetsAll) {
  Hub hub(options(2));
  std::vector<std::pair<std::size_t, SessionRef>> members;
  for (const char* group : {"g", "g", "h"}) {
    const std::size_t worker = members.size() % 2;
    Worker& own = hub.worker(worker);
    Session& session = own.adopt(Fd(::eventfd(0, 0)), hub.ticket(), nullptr, nullptr, 5);
    own.go_live(session, Wire::sse, std::make_unique<Conversation>(codec::ClientFramesOptions{}));
    ASSERT_TRUE(own.subscribe(session, {.topic = "t", .group = group}));
    members.emplace_back(worker, session.ref);
  }
  const SessionRef alone = join(hub, 1, "t");
  for (int i = 0; i < 10; ++i) hub.publish({.topic = "t", .payload = "x"});
  const auto events = [&](std::size_t worker, SessionRef ref) {
    hub.worker(worker).reading();
    return hub.worker(worker).find(ref)->outbox.events();
  };
  EXPECT_EQ(events(members[0].first, members[0].second), 5u);
  EXPECT_EQ(events(members[1].first, members[1].second), 5u);
  EXPECT_EQ(events(members[2].first, members[2].second), 10u);
  EXPECT_EQ(events(1, alone), 10u);
}

TEST(Hub, ASlotIsUsedAgainButItsOldNameIsNot) {
  Hub hub({.workers = 1});
  Worker& worker = hub.worker(0);
  const SessionRef old_session = join(hub, 0, "t");
  worker.end(*worker.find(old_session), End::client);
  const SessionRef new_session = join(hub, 0, "t");
  EXPECT_EQ(new_session.slot, old_session.slot);
  EXPECT_NE(new_session.generation, old_session.generation);
  EXPECT_EQ(worker.find(old_session), nullptr);
}

TEST(Hub, HistoryTellsWhatIsGone) {
  HubOptions options{.workers = 1};
  options.policies.common.history_messages = 3;
  Hub hub(options);
  for (int i = 1; i <= 5; ++i) hub.publish({.topic = "t", .payload = std::to_string(i)});
  const SessionRef behind = join(hub, 0, "t", Wire::sse, 1);
  EXPECT_EQ(queued(hub, 0, behind),
            "event: loss\ndata: {\"type\":\"loss\",\"topic\":\"t\",\"id\":3,\"lost\":1}\n\n"
            "id: 3\ndata: 3\n\nid: 4\ndata: 4\n\nid: 5\ndata: 5\n\n");
  EXPECT_EQ(queued(hub, 0, join(hub, 0, "t", Wire::sse, 4)), "id: 5\ndata: 5\n\n");
  EXPECT_EQ(queued(hub, 0, join(hub, 0, "t", Wire::sse, 5)), "");
  const std::string stranger = queued(hub, 0, join(hub, 0, "t", Wire::sse, 99));
  EXPECT_TRUE(stranger.starts_with("event: loss\n")) << "an id that was never given: " << stranger;
  EXPECT_EQ(hub.worker(0).reading().losses_told, 2u);
  EXPECT_EQ(hub.worker(0).reading().wires[0].replayed, 3u + 1 + 0 + 3);
  EXPECT_EQ(hub.worker(0).reading().wires[0].balance(), 0);
}

TEST(Hub, SlowClientPolicies) {
  for (const SlowClient policy : {SlowClient::drop_oldest, SlowClient::conflate, SlowClient::evict}) {
    SCOPED_TRACE(name_of(policy));
    HubOptions options{.workers = 1};
    options.policies.common.outbox_frames = 3;
    options.policies.rules = {{.pattern = "t*", .slow = policy}};
    Hub hub(options);
    const SessionRef ref = join(hub, 0, "topic");
    for (int i = 1; i <= 6; ++i) {
      const std::string key = i % 2 == 0 ? "even" : "odd";
      hub.publish({.topic = "topic", .payload = std::to_string(i), .key = key});
    }
    const std::string bytes = queued(hub, 0, ref);
    const WireReading account = hub.worker(0).reading().wires[0];
    EXPECT_EQ(account.offered, 6u);
    EXPECT_EQ(account.balance(), 0);
    switch (policy) {
      case SlowClient::drop_oldest:
        EXPECT_EQ(bytes, "id: 4\ndata: 4\n\nid: 5\ndata: 5\n\nid: 6\ndata: 6\n\n");
        EXPECT_EQ(account.dropped[static_cast<std::size_t>(Drop::outbox_full)], 3u);
        break;
      case SlowClient::conflate:
        EXPECT_EQ(bytes, "id: 5\ndata: 5\n\nid: 6\ndata: 6\n\n");
        EXPECT_EQ(account.dropped[static_cast<std::size_t>(Drop::conflated)], 4u);
        break;
      case SlowClient::evict:
        EXPECT_EQ(hub.worker(0).find(ref), nullptr);
        EXPECT_EQ(account.dropped[static_cast<std::size_t>(Drop::evicted)], 6u);
        EXPECT_EQ(account.ended[static_cast<std::size_t>(End::evicted)], 1u);
    }
  }
}

TEST(Hub, TopicsAreBoundedAndIdsGoOnAboveForgottenOnes) {
  HubOptions options{.workers = 1, .max_topics = 2};
  options.policies.common.history_messages = 0;
  Hub hub(options);
  const SessionRef a = join(hub, 0, "a");
  EXPECT_EQ(hub.publish({.topic = "a"}).id, 1u);
  EXPECT_EQ(hub.publish({.topic = "a"}).id, 2u);
  join(hub, 0, "b");
  Session& third = hub.worker(0).adopt(Fd(::eventfd(0, 0)), hub.ticket(), nullptr, nullptr, 5);
  hub.worker(0).go_live(third, Wire::sse, nullptr);
  const auto refused = hub.worker(0).subscribe(third, {.topic = "c"});
  ASSERT_FALSE(refused);
  EXPECT_FALSE(refused.error().hint.empty());
  hub.worker(0).end(*hub.worker(0).find(a), End::client);
  EXPECT_EQ(hub.topics().active(), 1u);
  EXPECT_EQ(hub.topics().remembered(), 1u) << "nothing to remember of a";
  ASSERT_TRUE(hub.worker(0).subscribe(third, {.topic = "a"}));
  EXPECT_EQ(hub.publish({.topic = "a"}).id, 3u);
}

TEST(Hub, AFullInboxIsCountedForEverySubscriber) {
  for (const RegistryKind registry : {RegistryKind::per_core, RegistryKind::mutex}) {
    HubOptions options{.workers = 1, .designs = &designs::all_designs(), .registry = registry};
    options.worker.inbox_messages = 4;
    Hub hub(options);
    for (int i = 0; i < 3; ++i) join(hub, 0, "t");
    for (int i = 0; i < 10; ++i) hub.publish({.topic = "t", .payload = "x"});
    join(hub, 0, "t");  // it asked for none of them
    EXPECT_EQ(hub.published().addressed, 30u);
    const WireReading account = hub.worker(0).reading().wires[0];
    EXPECT_EQ(account.offered, 30u);
    EXPECT_EQ(account.dropped[static_cast<std::size_t>(Drop::inbox_full)], 18u);
    EXPECT_EQ(account.balance(), 0);
  }
}

// Publishers on several threads, joins and leaves on the workers': every subscriber sees ids that grow by one.
TEST_P(HubDesigns, NoGapUnderChurnOnManyThreads) {
  HubOptions chosen = options(2);
  chosen.policies.common.outbox_frames = 60'000;
  chosen.worker.inbox_messages = 1 << 15;
  Hub hub(chosen);
  std::atomic<bool> publishing = true;
  std::latch joined(2);  // each worker has somebody to send to before anything is published
  std::vector<std::thread> publishers;
  for (int i = 0; i < 2; ++i) {
    publishers.emplace_back([&] {
      joined.wait();
      for (int n = 0; n < 3000; ++n) {
        hub.publish({.topic = "t", .payload = "x"});
        if (n % 64 == 0) std::this_thread::yield();
      }
    });
  }
  std::vector<std::thread> workers;
  for (std::size_t worker = 0; worker < 2; ++worker) {
    workers.emplace_back([&, worker] {
      std::vector<SessionRef> refs;
      for (int n = 0; publishing || n < 20; ++n) {
        refs.push_back(join(hub, worker, "t"));
        if (n == 0) joined.count_down();
        hub.worker(worker).reading();
        if (refs.size() > 20) {
          const SessionRef ref = refs[static_cast<std::size_t>(n) % refs.size()];
          const std::string bytes = queued(hub, worker, ref);
          std::uint64_t last = 0;
          for (std::size_t at = 0; (at = bytes.find("id: ", at)) != std::string::npos; at += 4) {
            const std::uint64_t id = std::stoull(bytes.substr(at + 4, 20));
            ASSERT_TRUE(last == 0 || id == last + 1) << last << " then " << id;
            last = id;
          }
          hub.worker(worker).end(*hub.worker(worker).find(ref), End::client);
          std::erase(refs, ref);
        }
      }
    });
  }
  for (std::thread& publisher : publishers) publisher.join();
  publishing = false;
  for (std::thread& worker : workers) worker.join();
  for (std::size_t worker = 0; worker < 2; ++worker) {
    hub.worker(worker).end_all();
    const WireReading account = hub.worker(worker).reading().wires[0];
    EXPECT_GT(account.offered, 0u);
    EXPECT_EQ(account.balance(), 0);
  }
  EXPECT_EQ(hub.topics().active(), 0u);
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
  batch.close(1300, {&histogram}, shared);
  EXPECT_EQ(histogram.count(), 31u);
  EXPECT_EQ(histogram.sum(), 10 * 1200.0 + 10 * 1100.0 + 11 * 1000.0);
  EXPECT_EQ(batch.messages(), 0u);
  batch.add(2000);
  batch.close(1000, {&histogram}, shared);
  EXPECT_EQ(histogram.sum(), 10 * 1200.0 + 10 * 1100.0 + 11 * 1000.0) << "never negative";
}

}  // namespace
}  // namespace fanlight::server::hub
