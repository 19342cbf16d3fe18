#include "server/hub/mutex_registry.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace fanlight::server::hub {
namespace {

using codec::Wire;

struct Found {
  std::uint64_t id = 0;
  std::vector<std::vector<std::uint32_t>> slots;  // by worker * 2 + wire
};

Found look(MutexRegistry& registry, std::string_view topic, unsigned workers = 2) {
  Found found;
  registry.lookup(topic, [&](std::uint64_t id, const MutexRegistry::Subscribers& subscribers) {
    found.id = id;
    for (unsigned worker = 0; worker < workers; ++worker) {
      for (const Wire wire : codec::kAllWires) {
        auto& slots = found.slots.emplace_back();
        for (const SessionRef& ref : subscribers.of(worker, wire)) slots.push_back(ref.slot);
        std::ranges::sort(slots);
      }
    }
  });
  return found;
}

using Slots = std::vector<std::vector<std::uint32_t>>;

TEST(MutexRegistry, GroupsSubscribersByWorkerAndWire) {
  MutexRegistry registry(2, 10);
  ASSERT_TRUE(registry.insert("t", 0, Wire::sse, {.slot = 1}));
  ASSERT_TRUE(registry.insert("t", 0, Wire::sse, {.slot = 2}));
  ASSERT_TRUE(registry.insert("t", 1, Wire::websocket, {.slot = 3}));
  ASSERT_TRUE(registry.insert("other", 1, Wire::sse, {.slot = 4}));
  EXPECT_EQ(look(registry, "t").slots, (Slots{{1, 2}, {}, {}, {3}}));
  EXPECT_EQ(look(registry, "nobody").slots, (Slots{{}, {}, {}, {}}));
  EXPECT_TRUE(registry.in_use(Wire::websocket));

  EXPECT_TRUE(registry.remove("t", 0, Wire::sse, {.slot = 1}));
  EXPECT_FALSE(registry.remove("t", 0, Wire::sse, {.slot = 1})) << "gone";
  EXPECT_FALSE(registry.remove("t", 0, Wire::sse, {.slot = 2, .generation = 1})) << "another session in that slot";
  EXPECT_FALSE(registry.remove("nobody", 0, Wire::sse, {.slot = 2}));
  EXPECT_TRUE(registry.remove("t", 1, Wire::websocket, {.slot = 3}));
  EXPECT_FALSE(registry.in_use(Wire::websocket));
  EXPECT_EQ(look(registry, "t").slots, (Slots{{2}, {}, {}, {}}));
}

TEST(MutexRegistry, IdsGrowWithinATopicEvenWhenItIsForgotten) {
  MutexRegistry registry(1, 10);
  ASSERT_TRUE(registry.insert("t", 0, Wire::sse, {}));
  EXPECT_EQ(look(registry, "t", 1).id, 1u);
  EXPECT_EQ(look(registry, "t", 1).id, 2u);
  ASSERT_TRUE(registry.remove("t", 0, Wire::sse, {}));
  EXPECT_EQ(registry.reading().topics, 0u);
  EXPECT_EQ(look(registry, "t", 1).id, 3u) << "without subscribers";
  ASSERT_TRUE(registry.insert("t", 0, Wire::sse, {}));
  EXPECT_EQ(look(registry, "t", 1).id, 4u) << "with subscribers again";
  ASSERT_TRUE(registry.insert("new", 0, Wire::sse, {}));
  EXPECT_EQ(look(registry, "new", 1).id, 4u) << "dense from where forgotten topics ended";
  EXPECT_EQ(look(registry, "new", 1).id, 5u);
}

TEST(MutexRegistry, RefusesTopicsBeyondTheBound) {
  MutexRegistry registry(1, 2);
  ASSERT_TRUE(registry.insert("a", 0, Wire::sse, {.slot = 1}));
  ASSERT_TRUE(registry.insert("b", 0, Wire::sse, {.slot = 2}));
  const auto third = registry.insert("c", 0, Wire::sse, {.slot = 3});
  ASSERT_FALSE(third);
  EXPECT_FALSE(third.error().hint.empty());
  ASSERT_TRUE(registry.insert("a", 0, Wire::sse, {.slot = 4})) << "a known topic takes more subscribers";
  look(registry, "d", 1);
  EXPECT_EQ(registry.reading().topics, 2u) << "publishing makes no topic";
  registry.remove("b", 0, Wire::sse, {.slot = 2});
  EXPECT_TRUE(registry.insert("c", 0, Wire::sse, {.slot = 3}));
}

TEST(MutexRegistry, CountsItsOperations) {
  MutexRegistry registry(1, 2);
  for (std::uint32_t i = 0; i < 3; ++i) ASSERT_TRUE(registry.insert("t", 0, Wire::sse, {.slot = i}));
  registry.remove("t", 0, Wire::sse, {.slot = 0});
  for (int i = 0; i < 5; ++i) look(registry, "t", 1);
  const RegistryReading reading = registry.reading();
  EXPECT_EQ(reading.operations[0].name, "insert");
  EXPECT_EQ(reading.operations[0].count, 3u);
  EXPECT_EQ(reading.operations[1].name, "remove");
  EXPECT_EQ(reading.operations[1].count, 1u);
  EXPECT_EQ(reading.operations[2].name, "lookup");
  EXPECT_EQ(reading.operations[2].count, 5u);
  EXPECT_GT(reading.operations[2].hold_ns, 0u);
}

// Under churn on several threads every id of a topic is given once, and the table is empty when all have left.
TEST(MutexRegistry, SurvivesChurnOnManyThreads) {
  constexpr unsigned kThreads = 4;
  constexpr unsigned kRounds = 3000;
  MutexRegistry registry(kThreads, 10);
  std::vector<std::vector<std::uint64_t>> ids(kThreads);
  std::vector<std::thread> threads;
  for (unsigned thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (std::uint32_t i = 0; i < kRounds; ++i) {
        const SessionRef ref{.slot = i};
        ASSERT_TRUE(registry.insert("t", thread, Wire::sse, ref));
        registry.lookup("t", [&](std::uint64_t id, const MutexRegistry::Subscribers& subscribers) {
          ids[thread].push_back(id);
          ASSERT_EQ(subscribers.of(thread, Wire::sse).size(), 1u);
        });
        ASSERT_TRUE(registry.remove("t", thread, Wire::sse, ref));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::vector<std::uint64_t> all;
  for (const auto& own : ids) {
    EXPECT_TRUE(std::ranges::is_sorted(own));
    all.insert(all.end(), own.begin(), own.end());
  }
  std::ranges::sort(all);
  EXPECT_TRUE(std::ranges::adjacent_find(all) == all.end());
  EXPECT_EQ(registry.reading().topics, 0u);
  EXPECT_FALSE(registry.in_use(Wire::sse));
}

}  // namespace
}  // namespace fanlight::server::hub
