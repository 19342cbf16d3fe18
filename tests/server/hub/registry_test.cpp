// Every registry against the same expectations, against each other, and under threads.
#include "server/hub/registry/registry.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/bench/designs/locked_registry.hpp"
#include "tests/bench/designs/readmostly_registry.hpp"
#include "tests/bench/designs/sharded_registry.hpp"
#include "tests/bench/designs/snapshot_registry.hpp"

namespace fanlight::server::hub {
namespace {

using namespace designs;

static_assert(Registry<MutexRegistry> && Registry<RwlockRegistry> && Registry<ReadmostlyRegistry> &&
              Registry<ShardedRegistry> && Registry<SnapshotRegistry> && Registry<PerCoreRegistry>);

constexpr unsigned kWorkers = 3;

template <class R>
std::unique_ptr<R> make() {
  if constexpr (std::is_same_v<R, ShardedRegistry>)
    return std::make_unique<R>(kWorkers, 7);
  else
    return std::make_unique<R>(kWorkers);
}

using Found = std::map<unsigned, std::set<std::uint32_t>>;  // slots by worker

template <class R>
Found look(R& registry, Topic& topic) {
  Found found;
  registry.lookup(topic, [&](unsigned worker, const SessionListPtr& list) {
    auto& slots = found[worker];
    if constexpr (std::is_same_v<R, PerCoreRegistry>) {
      for (const LocalMember& member : registry.local(worker, topic)) slots.insert(member.session.slot);
    } else {
      for (const SessionRef& session : list->sessions) slots.insert(session.slot);
      EXPECT_EQ(slots.size(), list->sessions.size());
    }
  });
  return found;
}

template <class R>
class Registries : public ::testing::Test {};
using All = ::testing::Types<MutexRegistry, RwlockRegistry, ReadmostlyRegistry, ShardedRegistry, SnapshotRegistry,
                             PerCoreRegistry>;
struct Names {
  template <class R>
  static std::string GetName(int) {
    std::string name(R::kName);
    std::erase(name, '-');
    return name;
  }
};
TYPED_TEST_SUITE(Registries, All, Names);

/// Whether the calling thread's labels name it.
bool labelled(std::string_view word) {
  fanlight_thread_context now;
  const std::size_t bytes = fanlight_context_save(&now);
  return std::string_view(reinterpret_cast<const char*>(&now), bytes).find(word) != std::string_view::npos;
}

TYPED_TEST(Registries, ALookLabelsItsThread) {
  // A publisher's look at a registry of each core reads one word, which is no operation; the workers' own looks are.
  constexpr bool kLabels = !std::is_same_v<TypeParam, PerCoreRegistry>;
  const auto registry = make<TypeParam>();
  const TopicPtr topic(new Topic("t", {}, 0));
  registry->insert(*topic, 1, {.slot = 1});
  int visits = 0;
  registry->lookup(*topic, [&](unsigned, const SessionListPtr&) {
    ++visits;
    EXPECT_EQ(labelled("lookup"), kLabels);
  });
  EXPECT_EQ(visits, 1);
  EXPECT_FALSE(labelled("lookup"));
}

TEST(Operations, LabelTheirThreadByKind) {
  Operations operations("test");
  for (std::size_t kind = 0; kind < kMapOps; ++kind) {
    operations.free(static_cast<int>(kind), 0, [&] { EXPECT_TRUE(labelled(kMapOpNames[kind])); });
    std::mutex mutex;
    operations.locked(static_cast<int>(kind), 0, std::unique_lock(mutex, std::defer_lock),
                      [&] { EXPECT_TRUE(labelled(kMapOpNames[kind])); });
    EXPECT_FALSE(labelled(kMapOpNames[kind]));
    EXPECT_EQ(operations.reading().operations[kind].count, 2u);
  }
}

TYPED_TEST(Registries, GroupsSubscribersByWorker) {
  const auto registry = make<TypeParam>();
  Topic a("a", {}, 0), b("b", {}, 0);
  registry->insert(a, 0, {.slot = 2});
  registry->insert(a, 0, {.slot = 1});
  registry->insert(a, 2, {.slot = 1});
  registry->insert(b, 1, {.slot = 9});
  EXPECT_EQ(look(*registry, a), (Found{{0, {1, 2}}, {2, {1}}}));
  EXPECT_EQ(look(*registry, b), (Found{{1, {9}}}));
  EXPECT_TRUE(registry->remove(a, 0, {.slot = 1}));
  EXPECT_FALSE(registry->remove(a, 0, {.slot = 1})) << "gone";
  EXPECT_FALSE(registry->remove(a, 0, {.slot = 2, .generation = 1})) << "another session in that slot";
  EXPECT_FALSE(registry->remove(b, 0, {.slot = 9})) << "another worker";
  EXPECT_EQ(look(*registry, a), (Found{{0, {2}}, {2, {1}}}));
  EXPECT_TRUE(registry->remove(a, 0, {.slot = 2}));
  EXPECT_TRUE(registry->remove(a, 2, {.slot = 1}));
  EXPECT_EQ(look(*registry, a), Found());
  registry->insert(a, 1, {.slot = 5});
  EXPECT_EQ(look(*registry, a), (Found{{1, {5}}})) << "a topic that came back";
}

TYPED_TEST(Registries, CountsItsOperations) {
  const auto registry = make<TypeParam>();
  Topic topic("t", {}, 0);
  for (std::uint32_t i = 0; i < 3; ++i) registry->insert(topic, 0, {.slot = i});
  registry->remove(topic, 0, {.slot = 0});
  for (int i = 0; i < 5; ++i) look(*registry, topic);
  const RegistryReading reading = registry->reading();
  EXPECT_EQ(reading.registry, TypeParam::kName);
  for (const auto& [name, count] : {std::pair{"insert", 3u}, {"remove", 1u}, {"lookup", 5u}}) {
    const auto operation = std::ranges::find(reading.operations, name, &RegistryReading::Operation::name);
    ASSERT_NE(operation, reading.operations.end());
    EXPECT_EQ(operation->count, count) << name;
    EXPECT_GT(operation->hold_ns, 0u) << name;
  }
}

// Random operations: every registry answers as a plain map would.
TYPED_TEST(Registries, AgreesWithAModel) {
  const auto registry = make<TypeParam>();
  std::vector<TopicPtr> topics;
  for (int i = 0; i < 20; ++i) topics.push_back(TopicPtr(new Topic("topic-" + std::to_string(i), {}, 0)));
  std::map<const Topic*, Found> model;
  std::mt19937 random(7);
  for (int step = 0; step < 20'000; ++step) {
    Topic& topic = *topics[random() % topics.size()];
    const unsigned worker = random() % kWorkers;
    const std::uint32_t slot = random() % 12;
    auto& expected = model[&topic];
    switch (random() % 4) {
      case 0:
      case 1:
        if (!expected[worker].insert(slot).second) break;
        registry->insert(topic, worker, {.slot = slot});
        break;
      case 2:
        ASSERT_EQ(registry->remove(topic, worker, {.slot = slot}), expected[worker].erase(slot) > 0) << step;
        break;
      default: {
        Found trimmed = expected;
        std::erase_if(trimmed, [](const auto& each) { return each.second.empty(); });
        ASSERT_EQ(look(*registry, topic), trimmed) << step;
      }
    }
    if constexpr (std::is_same_v<TypeParam, ShardedRegistry>) {
      if (step % 1000 == 0) registry->reshard(1 + random() % 64);
    }
  }
}

// Each worker's thread joins and leaves; publishers look: nobody is seen twice, and all are gone at the end.
TYPED_TEST(Registries, SurvivesChurnOnManyThreads) {
  const auto registry = make<TypeParam>();
  TopicPtr topics[2] = {TopicPtr(new Topic("a", {}, 0)), TopicPtr(new Topic("b", {}, 0))};
  std::atomic<bool> churning = true;
  std::vector<std::thread> workers;
  for (unsigned worker = 0; worker < kWorkers; ++worker) {
    workers.emplace_back([&, worker] {
      for (std::uint32_t i = 0; i < 1500; ++i) {
        Topic& topic = *topics[i % 2];
        registry->insert(topic, worker, {.slot = i});
        registry->insert(topic, worker, {.slot = i + 10'000});
        ASSERT_TRUE(registry->remove(topic, worker, {.slot = i}));
        if constexpr (std::is_same_v<TypeParam, PerCoreRegistry>) {
          ASSERT_EQ(registry->local(worker, topic).size(), 1u);
        }
        ASSERT_TRUE(registry->remove(topic, worker, {.slot = i + 10'000}));
      }
    });
  }
  std::vector<std::thread> publishers;
  for (int publisher = 0; publisher < 2; ++publisher) {
    publishers.emplace_back([&, publisher] {
      for (unsigned i = 0; churning; ++i) {
        registry->lookup(*topics[i % 2], [&](unsigned worker, const SessionListPtr& list) {
          ASSERT_LT(worker, kWorkers);
          ASSERT_TRUE(!list || list->sessions.size() <= 2u);
        });
        if constexpr (std::is_same_v<TypeParam, ShardedRegistry>) {
          if (publisher == 0 && i % 200 == 0) registry->reshard(1 + i / 200 % 64);
        }
        if (i % 16 == 0) std::this_thread::yield();
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  churning = false;
  for (std::thread& publisher : publishers) publisher.join();
  for (TopicPtr& topic : topics) EXPECT_EQ(look(*registry, *topic), Found());
}

TEST(Published, FreesOldVersionsWhenNobodyReadsThem) {
  static std::atomic<int> alive = 0;
  struct Version {
    explicit Version(int n) : number(n), check(~n) { ++alive; }
    ~Version() {
      check = number;
      --alive;
    }
    int number, check;
  };
  {
    designs::Published<Version> published(std::make_unique<const Version>(0));
    published.read([&](const Version& old) {
      published.update([](const Version& last) { return std::make_unique<const Version>(last.number + 1); });
      EXPECT_EQ(old.check, ~old.number) << "still whole";
      EXPECT_EQ(published.waiting(), 1u);
    });
    published.update([](const Version& last) { return std::make_unique<const Version>(last.number + 1); });
    EXPECT_EQ(published.waiting(), 0u);
    EXPECT_EQ(alive, 1);
    std::vector<std::thread> threads;
    for (int t = 0; t < 3; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 3000; ++i) {
          if (t == 0) {
            published.update([](const Version& last) { return std::make_unique<const Version>(last.number + 1); });
          } else {
            published.read([](const Version& version) { ASSERT_EQ(version.check, ~version.number); });
          }
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(published.read([](const Version& version) { return version.number; }), 3002);
  }
  EXPECT_EQ(alive, 0);
}

}  // namespace
}  // namespace fanlight::server::hub
