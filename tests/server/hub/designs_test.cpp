// The small parts: ring, slots, shard count, groups, history, dispatch.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <map>
#include <numeric>
#include <stdexcept>
#include <thread>
#include <vector>

#include "server/hub/group.hpp"
#include "server/hub/slots.hpp"
#include "server/memory/ring.hpp"
#include "tests/bench/designs/all_designs.hpp"
#include "tests/bench/designs/pool_dispatch.hpp"
#include "tests/bench/designs/shard_count.hpp"

namespace fanlight::server::hub {
namespace {

using designs::PoolDispatch;
using designs::shard_count;
using designs::ShardCounter;

TEST(Ring, IsBoundedAndKeepsTheOrder) {
  memory::Ring<int> ring(3);
  EXPECT_EQ(ring.capacity(), 4u) << "a power of two";
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(ring.try_push(i));
  int five = 5;
  EXPECT_FALSE(ring.try_push(five));
  EXPECT_EQ(ring.size(), 4u);
  int value = -1;
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(ring.try_pop(value));
    EXPECT_EQ(value, i);
  }
  EXPECT_FALSE(ring.try_pop(value));
  EXPECT_EQ(value, 3) << "untouched";
}

TEST(Ring, ManyProducersAndConsumersLoseNothing) {
  constexpr int kEach = 20'000;
  memory::Ring<std::uint64_t> ring(64);
  std::atomic<std::uint64_t> sum = 0;
  std::atomic<int> taken = 0;
  std::vector<std::thread> threads;
  for (int producer = 0; producer < 3; ++producer) {
    threads.emplace_back([&] {
      for (std::uint64_t i = 1; i <= kEach; ++i) {
        while (!ring.try_push(std::uint64_t{i})) std::this_thread::yield();
      }
    });
  }
  for (int consumer = 0; consumer < 3; ++consumer) {
    threads.emplace_back([&] {
      std::uint64_t value = 0;
      while (taken < 3 * kEach) {
        if (!ring.try_pop(value)) {
          std::this_thread::yield();
          continue;
        }
        sum += value;
        ++taken;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(sum, 3 * std::uint64_t{kEach} * (kEach + 1) / 2);
}

// Golden values of coverage row R8.
TEST(ShardCount, GoldenValues) {
  struct Case {
    double qps, p95_ms;
    unsigned shards;
  };
  for (const Case& c : {Case{0, 0, 8}, Case{1000, 0, 9}, Case{0, 240, 22}, Case{12000, 214, 20}, Case{0, 480, 64},
                        Case{60000, 0, 64}, Case{-5, -5, 8}, Case{1e300, 1e300, 64}}) {
    EXPECT_EQ(shard_count(c.qps, c.p95_ms), c.shards) << c.qps << " " << c.p95_ms;
  }
}

TEST(ShardCount, DoesNotFlap) {
  ShardCounter counter(8);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(counter.update(i % 2 == 0 ? 0 : 30'000, 0), 8u) << "asked for now and then";
  for (int i = 0; i < 100; ++i) EXPECT_EQ(counter.update(1000, 0), 8u) << "a small change";
  EXPECT_EQ(counter.update(30'000, 0), 8u);
  EXPECT_EQ(counter.update(30'000, 0), 8u);
  EXPECT_EQ(counter.update(30'000, 0), 38u) << "asked for three times in a row";
  for (int i = 0; i < 2; ++i) EXPECT_EQ(counter.update(0, 0), 38u);
  EXPECT_EQ(counter.update(0, 0), 8u);
}

// Source of the values: xxhsum -H0 (xxHash 0.8.1).
TEST(Slots, HashAndRemapWithoutHashingAgain) {
  EXPECT_EQ(hash_of(""), 0x02CC5D05u);
  EXPECT_EQ(hash_of("abc"), 0x32D153FFu);
  Slots slots(4);
  EXPECT_EQ(slots.size(), 16u);
  EXPECT_EQ(slots.slot_of(0), 0u);
  EXPECT_EQ(slots.slot_of(4095), 0u);
  EXPECT_EQ(slots.slot_of(4096), 1u);
  EXPECT_EQ(slots.slot_of(65'535), 15u);
  EXPECT_EQ(slots.slot_of(65'536), 0u);
  const std::size_t slot = slots.slot_of(hash_of("client"));
  const unsigned before = slots.owner_of_key("client");
  EXPECT_EQ(before, slot % 4);
  slots.remap(slot, 3 - before);
  EXPECT_EQ(slots.owner_of_key("client"), 3 - before);
  int moved = 0;
  for (std::size_t each = 0; each < slots.size(); ++each) moved += slots.owner_of(each) != each % 4 ? 1 : 0;
  EXPECT_EQ(moved, 1) << "only that slot";
}

// A client that comes again finds its worker: affinity's reuse against dealing in turn.
TEST(Slots, TheSameKeyComesToTheSameWorker) {
  Slots slots(4);
  int same = 0, same_in_turn = 0;
  unsigned turn = 0;
  std::map<int, unsigned> last_in_turn;
  for (int round = 0; round < 10; ++round) {
    for (int client = 0; client < 101; ++client) {
      const std::string key = "10.0.0." + std::to_string(client);
      same += slots.owner_of_key(key) == Slots(4).owner_of_key(key) ? 1 : 0;
      const unsigned worker = turn++ % 4;
      same_in_turn += round > 0 && last_in_turn[client] == worker ? 1 : 0;
      last_in_turn[client] = worker;
    }
  }
  EXPECT_EQ(same, 1010);
  EXPECT_LT(same_in_turn, 500);
}

std::map<std::uint32_t, int> dealt(Group& group, int messages, bool keyed) {
  std::map<std::uint32_t, int> counts;
  for (int i = 0; i < messages; ++i)
    ++counts[group.pick(keyed ? "key-" + std::to_string(i) : "", static_cast<std::uint64_t>(i + 1))->session.slot];
  return counts;
}

TEST(Group, DealsFairly) {
  for (const Assignment how : {Assignment::round_robin, Assignment::range, Assignment::sticky}) {
    SCOPED_TRACE(name_of(how));
    Group group("g", how);
    EXPECT_EQ(group.pick("k", 1), nullptr);
    for (std::uint32_t i = 0; i < 4; ++i) group.join(0, {.slot = i});
    for (const bool keyed : {false, true}) {
      for (const auto& [slot, count] : dealt(group, 4000, keyed)) EXPECT_NEAR(count, 1000, 150) << "member " << slot;
    }
  }
}

TEST(Group, StickyKeysStayWhenAnotherMemberLeaves) {
  Group group("g", Assignment::sticky);
  for (std::uint32_t i = 0; i < 4; ++i) group.join(0, {.slot = i});
  std::map<std::string, std::uint32_t> before;
  for (int i = 0; i < 400; ++i) {
    const std::string key = std::to_string(i);
    before[key] = group.pick(key, 1)->session.slot;
    EXPECT_EQ(group.pick(key, 2)->session.slot, before[key]);
  }
  EXPECT_TRUE(group.leave(0, {.slot = 2}));
  EXPECT_FALSE(group.leave(0, {.slot = 2}));
  for (const auto& [key, slot] : before) {
    if (slot != 2) {
      EXPECT_EQ(group.pick(key, 3)->session.slot, slot) << key;
    }
  }
}

class Dispatchers : public ::testing::TestWithParam<DispatchKind> {};
INSTANTIATE_TEST_SUITE_P(All, Dispatchers,
                         ::testing::Values(DispatchKind::inline_, DispatchKind::task, DispatchKind::pool,
                                           DispatchKind::steal),
                         [](const auto& each) {
                           return std::string(kDispatchNames[static_cast<std::size_t>(each.param)]);
                         });

TEST_P(Dispatchers, RunEveryJobOnce) {
  const auto owned = designs::all_designs()[GetParam()]();
  AnyDispatch& dispatcher = *owned;
  std::vector<std::atomic<int>> ran(2000);
  std::vector<std::thread> callers;
  for (std::size_t caller = 0; caller < 4; ++caller) {
    callers.emplace_back([&, caller] {
      for (std::size_t i = caller; i < ran.size(); i += 4) dispatcher.run([&ran, i] { ++ran[i]; });
    });
  }
  for (std::thread& caller : callers) caller.join();
  dispatcher.stop();
  for (const auto& count : ran) ASSERT_EQ(count, 1);
  const DispatchReading reading = dispatcher.reading();
  EXPECT_EQ(reading.jobs, ran.size());
  EXPECT_EQ(reading.dispatch, kDispatchNames[static_cast<std::size_t>(GetParam())]);
  bool late = false;
  dispatcher.run([&] { late = true; });
  dispatcher.stop();
  EXPECT_TRUE(late) << "after the stop, by its caller at the latest";
}

// One job in twenty throws on its first try, as a consumer that dies mid-way: nothing is lost.
TEST_P(Dispatchers, LoseNothingWhenJobsThrow) {
  const auto owned = designs::all_designs()[GetParam()]();
  AnyDispatch& dispatcher = *owned;
  std::atomic<int> done = 0;
  for (int i = 0; i < 1000; ++i) {
    dispatcher.run([&done, throws = i % 20 == 0]() mutable {
      if (std::exchange(throws, false)) throw std::runtime_error("injected");
      ++done;
    });
  }
  dispatcher.run([] { throw std::runtime_error("always"); });
  dispatcher.stop();
  EXPECT_EQ(done, 1000);
  EXPECT_EQ(dispatcher.reading().failed, 50u + 3);
  EXPECT_EQ(dispatcher.reading().given_up, 1u);
}

TEST(PoolDispatch, GrowsWithTheQueueAndShrinksAgain) {
  PoolDispatch pool(4096, std::chrono::milliseconds(50));
  EXPECT_EQ(pool.reading().threads, PoolDispatch::kFewest);
  std::atomic<bool> hold = true;
  for (int i = 0; i < 200; ++i) {
    pool.run([&] {
      while (hold) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    });
  }
  EXPECT_GT(pool.reading().threads, PoolDispatch::kFewest);
  EXPECT_LE(pool.reading().threads, PoolDispatch::kMost);
  hold = false;
  for (int i = 0; i < 500 && pool.reading().threads > PoolDispatch::kFewest; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  EXPECT_EQ(pool.reading().threads, PoolDispatch::kFewest);
  pool.stop();
  EXPECT_EQ(pool.reading().jobs, 200u);
}

}  // namespace
}  // namespace fanlight::server::hub
