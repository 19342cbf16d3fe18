#include "fanlight/events.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "collector/inprocess/event_reader.hpp"
#include "collector/inprocess/map_op.h"
#include "core/clock.hpp"
#include "tests/child.hpp"

namespace fanlight::inprocess {
namespace {

/// Listens while it lives.
struct Listening {
  Listening() { fanlight_listen(1); }
  ~Listening() { fanlight_listen(0); }
};

std::vector<TargetEvent> drained(EventReader& reader) {
  std::vector<TargetEvent> events;
  const auto done = reader.drain([&](TargetEvent&& event) { events.push_back(std::move(event)); });
  EXPECT_TRUE(done) << done.error().what;
  EXPECT_EQ(reader.ledger().balance(), 0);
  return events;
}

/// One that has begun: the region is made with the first event.
EventReader opened() {
  const Listening listening;
  FANLIGHT_EVENT(opened);
  auto reader = EventReader::open(::getpid());
  EXPECT_TRUE(reader) << reader.error().what;
  return std::move(*reader);
}

TEST(Events, AreRecordedOnlyWhileSomebodyListens) {
  EventReader reader = opened();
  unsigned evaluated = 0;
  const auto word = [&] { return ++evaluated; };
  FANLIGHT_EVENT(unheard, word());
  EXPECT_EQ(evaluated, 0u);
  EXPECT_TRUE(drained(reader).empty());
  const Listening listening;
  FANLIGHT_EVENT(heard, word());
  const auto events = drained(reader);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].name, "heard");
  EXPECT_EQ(evaluated, 1u);
}

TEST(Events, BringTheirWordsTimeAndThread) {
  EventReader reader = opened();
  const Listening listening;
  const char* registry = "mutex";
  const unsigned shard = 3;
  const std::uint64_t wait_ns = 17, hold_ns = 12'345'678'901;
  const std::uint64_t before = monotonic_ns();
  FANLIGHT_EVENT(map_op, registry, shard, FANLIGHT_MAP_OP_LOOKUP, wait_ns, hold_ns);
  const std::uint64_t after = monotonic_ns();
  const auto events = drained(reader);
  ASSERT_EQ(events.size(), 1u);
  EXPECT_EQ(events[0].name, "map_op");
  EXPECT_EQ(events[0].tid, ::gettid());
  EXPECT_FALSE(events[0].is_span);
  // Two clocks, put together from two moments.
  EXPECT_GE(events[0].time_ns + 100'000, before);
  EXPECT_LE(events[0].time_ns, after + 100'000);
  ASSERT_EQ(events[0].words.size(), 5u);
  EXPECT_EQ(events[0].words[0].field, "registry");
  EXPECT_EQ(events[0].words[0].text, "mutex");
  EXPECT_EQ(events[0].words[1].field, "shard");
  EXPECT_EQ(events[0].words[1].value, 3u);
  EXPECT_EQ(events[0].words[2].value, unsigned{FANLIGHT_MAP_OP_LOOKUP});
  EXPECT_EQ(events[0].words[3].value, 17u);
  EXPECT_EQ(events[0].words[4].field, "hold_ns");
  EXPECT_EQ(events[0].words[4].value, 12'345'678'901u);
}

TEST(Spans, SayHowLongAndAreLabelsMeanwhile) {
  EventReader reader = opened();
  const Listening listening;
  {
    FANLIGHT_SPAN("outer");
    {
      FANLIGHT_SPAN("inner");
      EXPECT_NE(otel_thread_ctx_v1->attributes_bytes, 0);
      ::usleep(20'000);
    }
  }
  EXPECT_EQ(otel_thread_ctx_v1->attributes_bytes, 0);
  const auto events = drained(reader);
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[0].name, "inner");
  EXPECT_TRUE(events[0].is_span);
  EXPECT_GE(events[0].duration_ns, 19'900'000u);
  EXPECT_EQ(events[1].name, "outer");
  EXPECT_GE(events[1].duration_ns, events[0].duration_ns);
  EXPECT_LE(events[1].time_ns, events[0].time_ns);
}

TEST(Events, OverrunIsCountedToTheLastOne) {
  EventReader reader = opened();
  const Listening listening;
  constexpr std::uint64_t kEvents = 1'000'000;
  std::atomic<bool> done = false;
  std::uint64_t delivered = 0, last = 0, backwards = 0;
  std::thread writer([&] {
    for (std::uint64_t i = 1; i <= kEvents; ++i) FANLIGHT_EVENT(count, i);
    done = true;
  });
  const auto take = [&](TargetEvent&& event) {
    if (event.name != "count") return;
    ++delivered;
    backwards += event.words.at(0).value <= last ? 1 : 0;
    last = event.words[0].value;
  };
  while (!done) ASSERT_TRUE(reader.drain(take));
  writer.join();
  ASSERT_TRUE(reader.drain(take));
  const LedgerEntry ledger = reader.ledger();
  EXPECT_EQ(ledger.balance(), 0);
  EXPECT_EQ(ledger.produced, kEvents);
  EXPECT_EQ(ledger.dropped.at("malformed"), 0u);
  EXPECT_EQ(ledger.delivered, delivered);
  EXPECT_GT(delivered, 0u);
  EXPECT_EQ(last, kEvents) << "the newest are never the ones that are lost";
  EXPECT_EQ(backwards, 0u);
}

TEST(Events, ThreadsInBurstsUseRingsAgain) {
  EventReader reader = opened();
  const Listening listening;
  std::atomic<std::uint64_t> recorded = 0;
  std::map<pid_t, std::uint64_t> seen;
  for (int burst = 0; burst < 10; ++burst) {
    std::vector<std::thread> threads;
    for (int t = 0; t < 100; ++t)
      threads.emplace_back([&] {
        for (int i = 0; i < 10; ++i) {
          FANLIGHT_EVENT(burst, i);
          ++recorded;
        }
      });
    for (std::thread& thread : threads) thread.join();
    ASSERT_TRUE(reader.drain([&](TargetEvent&& event) { ++seen[event.tid]; }));
  }
  const LedgerEntry ledger = reader.ledger();
  EXPECT_EQ(ledger.balance(), 0);
  EXPECT_EQ(ledger.missed.count("thread without a ring"), 0u);
  EXPECT_EQ(ledger.delivered, recorded.load());
  EXPECT_GE(seen.size(), 500u);
}

TEST(Events, OfSignalHandlersComeBetween) {
  EventReader reader = opened();
  const Listening listening;
  static std::atomic<std::uint64_t> handled;
  struct sigaction action{};
  struct sigaction before{};
  action.sa_handler = [](int) { FANLIGHT_EVENT(handler, ++handled); };
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGALRM, &action, &before);
  const itimerval every{{0, 100}, {0, 100}}, never{};
  ::setitimer(ITIMER_REAL, &every, nullptr);
  std::uint64_t written = 0, delivered = 0;
  const auto take = [&](TargetEvent&&) { ++delivered; };
  while (handled < 300) {
    for (int i = 0; i < 1000; ++i) {
      FANLIGHT_EVENT(interrupted, ++written);
    }
    ASSERT_TRUE(reader.drain(take));
  }
  ::setitimer(ITIMER_REAL, &never, nullptr);
  ::sigaction(SIGALRM, &before, nullptr);
  ASSERT_TRUE(reader.drain(take));
  EXPECT_EQ(delivered, written + handled);
  EXPECT_EQ(reader.ledger().dropped_total(), 0u);
}

TEST(Events, AForkedChildHasItsOwn) {
  EventReader reader = opened();
  const Listening listening;
  const pid_t child = ::fork();
  if (child == 0) {
    FANLIGHT_EVENT(of_the_child, 1);
    auto own = EventReader::open(::getpid());
    FANLIGHT_EVENT(of_the_child, 2);
    std::uint64_t seen = 0;
    if (own) static_cast<void>(own->drain([&](TargetEvent&& event) { seen += event.words.at(0).value; }));
    ::_exit(seen == 2 ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 0);
  EXPECT_TRUE(drained(reader).empty());
}

TEST(Events, AreReadOutOfACoreFile) {
  // Written as gcore would, so that no kernel setting is needed: the mapping, at some page of a larger file.
  const Listening listening;
  FANLIGHT_EVENT(last_words, 42);
  std::ifstream maps("/proc/self/maps");
  std::string bytes(8 * 4096, 'x');
  for (std::string line; std::getline(maps, line);) {
    if (line.find("/memfd:fanlight-events") == std::string::npos) continue;
    const auto begin = std::stoull(line, nullptr, 16);
    bytes.append(reinterpret_cast<const char*>(begin), 4096 + 1024 * 128 + 4 * (4096 + 4096 * 64));
  }
  const std::string path = std::filesystem::temp_directory_path() / ("fanlight-core-" + std::to_string(::getpid()));
  std::ofstream(path, std::ios::binary) << bytes << std::string(5000, 'y');
  auto reader = EventReader::open_file(path);
  ASSERT_TRUE(reader) << reader.error().what;
  bool found = false;
  static_cast<void>(reader->drain([&](TargetEvent&& event) { found |= event.name == "last_words"; }));
  EXPECT_TRUE(found);
  std::filesystem::remove(path);
  EXPECT_FALSE(EventReader::open_file("/proc/self/maps"));
  EXPECT_FALSE(EventReader::open_file("/nowhere"));
}

}  // namespace
}  // namespace fanlight::inprocess
