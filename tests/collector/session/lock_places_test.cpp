#include "collector/session/lock_places.hpp"

#include <gtest/gtest.h>

namespace fanlight::session {
namespace {

profile::StackId stack_of(profile::Tables& tables, const std::vector<std::pair<std::string, std::string>>& root_first) {
  profile::Stack stack;
  std::uint64_t offset = 0;
  for (const auto& [module, name] : root_first) {
    offset += 16;
    stack.push_back(
        tables.frame({.origin = module == "[kernel]" ? profile::FrameOrigin::kernel : profile::FrameOrigin::user,
                      .module = module,
                      .offset = offset + std::hash<std::string>{}(name) % 1000 * 4096,
                      .name = name}));
  }
  return tables.stack(stack);
}

RawSample waiting_for(std::uint64_t address) { return {.reason = Reason::futex, .lock = address}; }

TEST(LockPlaces, TellWhatIsWaitedForAndByWhom) {
  struct Case {
    const char* name;
    std::vector<std::pair<std::string, std::string>> stack;
    Waiting waiting;
    const char* taker;
  };
  const std::pair<std::string, std::string> start{"/lib/libc.so.6", "start_thread"}, app{"/app", "Hub::publish"},
      futex{"[kernel]", "futex_wait"};
  for (const Case& c :
       {Case{"mutex", {start, app, {"/lib/libc.so.6", "pthread_mutex_lock"}, futex}, Waiting::mutex, "Hub::publish"},
        Case{"stripped libc",
             {start, app, {"/lib/libc.so.6", "[libc.so.6+0x80]"}, futex},
             Waiting::unknown,
             "Hub::publish"},
        Case{"condition",
             {start, app, {"/lib/libc.so.6", "pthread_cond_wait"}, futex},
             Waiting::condition,
             "Hub::publish"},
        Case{"rwlock",
             {start, app, {"/lib/libc.so.6", "pthread_rwlock_wrlock"}, futex},
             Waiting::rwlock,
             "Hub::publish"},
        Case{"join",
             {start, app, {"/lib/libstdc++.so.6", "std::thread::join"}, {"/lib/libc.so.6", "__pthread_clockjoin_ex"}},
             Waiting::other,
             "Hub::publish"},
        Case{"own function below decides nothing",
             {{"/app", "my_mutex_lock"}, app, futex},
             Waiting::unknown,
             "Hub::publish"},
        Case{"only libraries", {start, futex}, Waiting::unknown, ""}}) {
    SCOPED_TRACE(c.name);
    profile::Tables tables;
    const profile::StackId stack = stack_of(tables, c.stack);
    EXPECT_EQ(waiting_in(tables, stack), c.waiting);
    EXPECT_EQ(taker(tables, stack), c.taker);
  }
}

TEST(LockPlaces, RowsGrowAndCarryTheNamesOfTakerAndHolder) {
  profile::Tables tables;
  const profile::StackId common =
      stack_of(tables, {{"/app", "Hub::publish"}, {"/lib/libc.so.6", "pthread_mutex_lock"}});
  const profile::StackId rare = stack_of(tables, {{"/app", "Hub::close"}, {"/lib/libc.so.6", "pthread_mutex_lock"}});
  const profile::StackId idle = stack_of(tables, {{"/app", "Pool::run"}, {"/lib/libc.so.6", "pthread_cond_wait"}});
  LockPlaces places;
  for (int i = 0; i < 3; ++i) places.take(waiting_for(0x1000), common);
  places.take(waiting_for(0x1000), rare);
  places.take(waiting_for(0x2000), idle);
  const std::vector<kernel::ThreadReading> threads{{.tid = 7, .name = "worker-1"}};
  const std::vector<kernel::LockReading> first{
      {.address = 0x1000, .command = 0, .holder = 7, .waits = 10, .wait_ns = 1000, .wait = {}},
      {.address = 0x2000, .command = 9, .holder = 0, .waits = 5, .wait_ns = 5000, .wait = {}},
      {.address = 0x3000, .command = 0, .holder = 99, .waits = 1, .wait_ns = 100, .wait = {}},
      {.address = 0x4000, .command = 9, .holder = 0, .waits = 1, .wait_ns = 100, .wait = {}}};
  const auto rows = places.growth(first, threads, tables);
  ASSERT_EQ(rows.size(), 2u) << "a condition is no lock, and neither is an unseen wait by another call";
  EXPECT_EQ(rows[0].address, 0x1000u);
  EXPECT_EQ(rows[0].name, "Hub::publish");
  EXPECT_EQ(rows[0].holder, "worker-1");
  EXPECT_EQ(rows[0].waits, 10u);
  EXPECT_EQ(rows[1].address, 0x3000u);
  EXPECT_EQ(rows[1].name, "");
  EXPECT_EQ(rows[1].holder, "");
  std::vector<kernel::LockReading> second = first;
  second[0].waits = 12;
  second[0].wait_ns = 1500;
  const auto later = places.growth(second, threads, tables);
  ASSERT_EQ(later.size(), 1u) << "only what grew";
  EXPECT_EQ(later[0].waits, 2u);
  EXPECT_EQ(later[0].wait_ns, 500u);
}

}  // namespace
}  // namespace fanlight::session
