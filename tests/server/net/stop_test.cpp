// Stopping gracefully: who is told what, and what still arrives.
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "tests/server/net/client.hpp"
#include "tests/server/net/serve.hpp"

namespace fanlight::server::net {
namespace {

using namespace std::string_literals;

TEST(Stop, TellsEveryoneAndLosesNothing) {
  Server server = serve();
  const std::uint16_t port = server.port();
  RawClient stream = subscribe_sse(port, "t");
  RawClient socket = subscribe_websocket(port, "t");
  RawClient idle(port);
  idle.send(request("GET", "/healthz"));
  EXPECT_EQ(read_answer(idle).status, 200);
  EXPECT_EQ(ask(port, "POST", "/topics/t", "last words").status, 202);

  Reading final_account;
  std::thread stopping([&] { final_account = server.stop(); });
  const std::string last = stream.read_all();
  EXPECT_TRUE(last.starts_with("id: 1\ndata: last words\n\nretry: ")) << last;
  const int wait = std::stoi(last.substr(last.rfind(' ')));
  EXPECT_GE(wait, 48'000) << "maintenance: a minute, a fifth more or less";
  EXPECT_LE(wait, 72'000);
  EXPECT_TRUE(stream.ended());
  EXPECT_EQ(socket.read_all(), "\x81\x0Alast words"s + "\x88\x02\x03\xE9"s) << "the message, then close 1001";
  EXPECT_TRUE(socket.ended());
  EXPECT_EQ(idle.read_all(), "");
  EXPECT_TRUE(idle.ended()) << "a kept connection without a request need not wait";
  stream.close();
  socket.close();
  idle.close();
  stopping.join();

  expect_balanced(final_account);
  for (const codec::Wire wire : {codec::Wire::sse, codec::Wire::websocket}) {
    const hub::WireReading& account = final_account.workers.wires[index_of(wire)];
    EXPECT_EQ(account.delivered, 1u);
    EXPECT_EQ(account.dropped_total(), 0u);
    EXPECT_EQ(account.sessions, 0u);
    EXPECT_EQ(account.ended[static_cast<std::size_t>(hub::End::shutdown)], 1u);
  }
  EXPECT_EQ(final_account.topics, 0u);
}

TEST(Stop, PortIsFreeAtOnce) {
  Server server = serve();
  RawClient stream = subscribe_sse(server.port(), "t");
  const std::uint16_t port = server.port();
  server.stop();
  const auto again = Server::start({.port = port, .workers = 1});
  EXPECT_TRUE(again) << (again ? "" : again.error().what);
}

TEST(Stop, WithoutPatienceOnDestruction) {
  auto started = std::chrono::steady_clock::now();
  {
    Server server = serve({.drain = std::chrono::hours(1)});
    RawClient stream = subscribe_sse(server.port(), "t");
    RawClient half(server.port());
    half.send("GET /heal");
    started = std::chrono::steady_clock::now();
  }
  EXPECT_LT(std::chrono::steady_clock::now() - started, std::chrono::minutes(1));
}

// Publishers and subscribers come and go while the server stops: no message is lost without a count, nothing hangs.
TEST(Stop, UnderLoadTheAccountStillCloses) {
  for (int round = 0; round < 5; ++round) {
    Server server = serve({.outbox_frames = 3, .drain = std::chrono::milliseconds(500)});
    const std::uint16_t port = server.port();
    std::vector<RawClient> subscribers;
    for (int i = 0; i < 10; ++i) {
      subscribers.push_back(i % 2 == 0 ? subscribe_sse(port, "t") : subscribe_websocket(port, "t"));
    }
    std::vector<std::thread> publishers;
    for (int i = 0; i < 2; ++i) {
      publishers.emplace_back([port] {
        RawClient publisher(port);
        while (publisher.send(request("POST", "/topics/t", std::string(10'000, 'x'))) &&
               read_answer(publisher).status == 202) {}
      });
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    const Reading final_account = server.stop();
    for (std::thread& publisher : publishers) publisher.join();
    expect_balanced(final_account);
    for (const codec::Wire wire : {codec::Wire::sse, codec::Wire::websocket}) {
      const hub::WireReading& account = final_account.workers.wires[index_of(wire)];
      EXPECT_GT(account.offered, 0u);
      EXPECT_EQ(account.queued_outbox, 0u);
      EXPECT_EQ(account.sessions, 0u);
    }
  }
}

}  // namespace
}  // namespace fanlight::server::net
