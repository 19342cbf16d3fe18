// The account at any instant: while publishers publish and clients come, read slowly and go, every reading adds up; in
// the end it says exactly what the publishers were told.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "tests/bench/designs/all_designs.hpp"
#include "tests/server/net/client.hpp"
#include "tests/server/net/serve.hpp"

namespace fanlight::server::net {
namespace {

struct Sums {
  double addressed = 0, replayed = 0, accounted = 0;
};

Sums sums_of(const std::string& page) {
  Sums sums;
  std::istringstream lines(page);
  for (std::string line; std::getline(lines, line);) {
    const auto is = [&](const char* name) { return line.starts_with(std::string("fanlight_server_") + name); };
    if (line.starts_with('#')) continue;
    const double value = std::stod(line.substr(line.rfind(' ') + 1));
    if (is("addressed_total")) sums.addressed += value;
    if (is("replayed_total")) sums.replayed += value;
    if (is("deliveries_total") || is("dropped_frames_total") || is("queued_frames")) sums.accounted += value;
  }
  return sums;
}

struct Design {
  const char* name;
  hub::RegistryKind registry;
  hub::SendMode send;
};
class AccountOf : public ::testing::TestWithParam<Design> {};
INSTANTIATE_TEST_SUITE_P(Designs, AccountOf,
                         ::testing::Values(Design{"percore", hub::RegistryKind::per_core, hub::SendMode::copy},
                                           Design{"percore_gather", hub::RegistryKind::per_core, hub::SendMode::gather},
                                           Design{"percore_uring", hub::RegistryKind::per_core, hub::SendMode::uring},
                                           Design{"mutex", hub::RegistryKind::mutex, hub::SendMode::copy},
                                           Design{"snapshot_uring", hub::RegistryKind::snapshot, hub::SendMode::uring}),
                         [](const auto& each) { return std::string(each.param.name); });

TEST_P(AccountOf, AddsUpAtAnyInstant) {
  const std::vector<hub::SendMode> modes = send_modes();
  if (std::ranges::find(modes, GetParam().send) == modes.end()) GTEST_SKIP() << "no io_uring here";
  Server server = serve({.outbox_frames = 4,
                         .slow_rules = {{.pattern = "strict", .slow = hub::SlowClient::evict},
                                        {.pattern = "latest", .slow = hub::SlowClient::conflate}},
                         .designs = &hub::designs::all_designs(),
                         .registry = GetParam().registry,
                         .inbox_messages = 8,
                         .send = GetParam().send,
                         .flush_slice = 4});
  const std::uint16_t port = server.port();
  const std::vector<std::string> topics = {"plain", "strict", "latest"};
  std::atomic<bool> running = true, publishing = true;
  std::atomic<std::uint64_t> told = 0;
  std::vector<std::thread> publishers, subscribers;
  for (int i = 0; i < 2; ++i) {
    publishers.emplace_back([&, i] {
      RawClient publisher(port);
      const std::string body(16 * 1024, 'x');
      for (unsigned n = 0; publishing; ++n) {
        publisher.send(request("POST", "/topics/" + topics[n % 3] + "?key=" + std::to_string(n % 5), body));
        const Answered answered = read_answer(publisher);
        ASSERT_EQ(answered.status, 202) << i;
        told += std::stoul(answered.body.substr(answered.body.find(':') + 1));
      }
    });
  }
  for (int i = 0; i < 3; ++i) {
    subscribers.emplace_back([&, i] {
      char drop[64 * 1024];
      while (running) {
        std::vector<RawClient> clients;
        for (int each = 0; each < 6; ++each) {
          const std::string topic = topics[static_cast<std::size_t>(each) % 3] + (each < 2 ? "?group=g" : "");
          clients.push_back(each % 2 == 0 ? subscribe_sse(port, topic, 4096) : subscribe_websocket(port, topic, 4096));
        }
        // Some read a little, all leave in the middle of something.
        for (int reads = 0; reads < 4; ++reads) clients[static_cast<std::size_t>(reads)].read_some(drop, sizeof drop);
        std::this_thread::sleep_for(std::chrono::milliseconds(5 * i));
      }
    });
  }
  double seen = 0;
  for (int look = 0; look < 40; ++look) {
    const Sums sums = sums_of(ask(port, "GET", "/metrics").body);
    EXPECT_EQ(sums.accounted, sums.addressed + sums.replayed) << "look " << look;
    EXPECT_GE(sums.addressed, seen);
    seen = sums.addressed;
    expect_balanced(server.reading());
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  // Publishers last: a subscriber that reads would wait for a message in vain.
  running = false;
  for (std::thread& subscriber : subscribers) subscriber.join();
  publishing = false;
  for (std::thread& publisher : publishers) publisher.join();
  const Reading reading = server.reading();
  expect_balanced(reading);
  EXPECT_EQ(reading.waiting(), 0u) << "at rest nothing is under way";
  EXPECT_EQ(reading.published.addressed, told.load()) << "what the publishers were told";
  std::uint64_t accounted = 0;
  for (const hub::WireReading& wire : reading.workers.wires)
    accounted += wire.delivered + wire.dropped_total() + wire.queued_outbox - wire.replayed;
  EXPECT_EQ(accounted, told.load());
  EXPECT_GT(told.load(), 0u);
  EXPECT_EQ(reading.workers.exceptions, 0u);
}

void look_at_slices(hub::SendMode send) {
  Server server = serve({.workers = 1, .send = send, .flush_slice = 16});
  std::vector<RawClient> clients;
  for (int i = 0; i < 200; ++i)
    clients.push_back(i % 2 == 0 ? subscribe_sse(server.port(), "t") : subscribe_websocket(server.port(), "t"));
  const std::uint64_t before = server.reading().workers.turns;
  ask(server.port(), "POST", "/topics/t", "x");
  for (std::size_t i = 0; i < clients.size(); ++i) {
    const std::string expected = i % 2 == 0 ? "id: 1\ndata: x\n\n" : "\x81\x01x";
    EXPECT_EQ(clients[i].read(expected.size()), expected);
  }
  const Reading after = server.reading();
  EXPECT_GE(after.workers.turns - before, 200u / 16);
  EXPECT_EQ(after.workers.wires[0].delivered + after.workers.wires[1].delivered, 200u);
  expect_balanced(after);
}

// One message to many is sent in slices, and the loop looks at everything else between them.
TEST(Account, ALargeFanOutIsSliced) {
  for (const hub::SendMode send : send_modes()) {
    SCOPED_TRACE(static_cast<int>(send));
    look_at_slices(send);
  }
}

// All that is queued for a connection leaves in one call.
TEST(Account, WhatIsQueuedLeavesTogether) {
  constexpr std::uint64_t kMessages = 64;
  for (const hub::SendMode send : send_modes()) {
    SCOPED_TRACE(static_cast<int>(send));
    Server server = serve({.workers = 1, .send = send});
    std::vector<RawClient> clients;
    for (int i = 0; i < 20; ++i)
      clients.push_back(i % 2 == 0 ? subscribe_sse(server.port(), "t") : subscribe_websocket(server.port(), "t"));
    std::string posts, events, frames;
    for (std::uint64_t id = 1; id <= kMessages; ++id) {
      const std::string payload = std::to_string(1000 + id);
      posts += request("POST", "/topics/t", payload);
      events += "id: " + std::to_string(id) + "\ndata: " + payload + "\n\n";
      frames += "\x81\x04" + payload;
    }
    const std::uint64_t before = server.reading().workers.sends;
    RawClient publisher(server.port());
    publisher.send(posts);
    for (std::size_t i = 0; i < clients.size(); ++i) {
      const std::string& expected = i % 2 == 0 ? events : frames;
      EXPECT_EQ(clients[i].read(expected.size()), expected);
    }
    const Reading after = server.reading();
    expect_balanced(after);
    EXPECT_EQ(after.workers.wires[0].delivered + after.workers.wires[1].delivered, 20 * kMessages);
    // The publisher's requests come in one or a few reads, each of which is one turn of the loop.
    EXPECT_LE(after.workers.sends - before, 20 * kMessages / 4);
  }
}

}  // namespace
}  // namespace fanlight::server::net
