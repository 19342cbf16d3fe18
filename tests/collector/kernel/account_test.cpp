#include "collector/kernel/account.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace fanlight::kernel {
namespace {

TEST(Account, ClosesExactlyWhenNothingIsLost) {
  struct Case {
    const char* name;
    Counted counted;
    Received received;
    std::int64_t balance;
  };
  for (const Case& c : {
           Case{"nothing happened", {0, 0}, {}, 0},
           Case{"all delivered", {10, 0}, {.delivered = 10}, 0},
           Case{"ring full", {10, 4}, {.delivered = 6}, 0},
           Case{"malformed", {10, 4}, {.delivered = 5, .malformed = 1}, 0},
           Case{"waiting to be handed over", {10, 0}, {.delivered = 7, .waiting_min = 3, .waiting_max = 3}, 0},
           Case{"came while we looked", {10, 0}, {.delivered = 7, .waiting_min = 3, .waiting_max = 5}, 0},
           Case{"delivered after the snapshot", {10, 0}, {.delivered = 12, .waiting_min = -2, .waiting_max = 0}, 0},
           Case{"one vanished", {10, 0}, {.delivered = 9}, 1},
           Case{"one vanished among many waiting", {10, 0}, {.delivered = 5, .waiting_min = 2, .waiting_max = 4}, 1},
           Case{"a program in the middle of one", {10, 0, false}, {.delivered = 7}, 0},
           Case{"one came twice", {10, 0}, {.delivered = 11}, -1},
       }) {
    SCOPED_TRACE(c.name);
    const LedgerEntry entry = close_account("x", c.counted, c.received);
    EXPECT_EQ(entry.balance(), c.balance);
    EXPECT_EQ(entry.delivered, c.received.delivered);
    EXPECT_EQ(entry.dropped_total(), c.counted.ring_full + c.received.malformed);
  }
}

TEST(Account, SnapshotsNeverCatchARecordHalfCounted) {
  // A writer as the kernel programs are: every third record finds the ring full, and finding out takes a while.
  fanlight_account account{};
  std::atomic<bool> stop{false};
  const auto add = [](__u64& counter) { __atomic_fetch_add(&counter, 1, __ATOMIC_SEQ_CST); };
  const auto linger = [] {
    for (int i = 0; i < 100; ++i) asm volatile("" ::: "memory");
  };
  std::thread writer([&] {
    for (unsigned i = 0; !stop; ++i) {
      add(account.produced);
      linger();
      if (i % 3 == 2) add(account.ring_full);
      add(account.settled);
      linger();
    }
  });
  // The writer may be off its CPU in the middle of a record for as long as others want it: those do not count.
  std::uint64_t wrong = 0;
  for (Counted counted; counted.produced < 300'000;) {
    counted = snapshot(account);
    wrong += counted.settled && counted.ring_full != counted.produced / 3;
  }
  stop = true;
  writer.join();
  EXPECT_EQ(wrong, 0u);
}

}  // namespace
}  // namespace fanlight::kernel
