// Clients that do not read: they lose whole messages, nothing else, and every loss is counted.
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "tests/server/net/client.hpp"
#include "tests/server/net/serve.hpp"

namespace fanlight::server::net {
namespace {

constexpr int kMessages = 300;
constexpr int kMessageBytes = 64 * 1024;  // 300 of them are more than any socket buffer holds

void publish_all(std::uint16_t port) {
  RawClient publisher(port);
  for (int i = 1; i <= kMessages; ++i) {
    std::string body = std::to_string(i) + " ";
    body.resize(kMessageBytes, static_cast<char>('a' + i % 26));
    publisher.send(request("POST", "/topics/t", body));
    ASSERT_EQ(read_answer(publisher).status, 202);
  }
}

TEST(SlowClient, LosesWholeMessagesAndTheAccountCloses) {
  Server server = serve({.outbox_frames = 4});
  RawClient slow = subscribe_sse(server.port(), "t", 4096);
  RawClient slow_socket = subscribe_websocket(server.port(), "t", 4096);
  publish_all(server.port());

  Reading reading = server.reading();
  expect_balanced(reading);
  for (const codec::Wire wire : {codec::Wire::sse, codec::Wire::websocket}) {
    const hub::WireReading& account = reading.workers.wires[index_of(wire)];
    EXPECT_EQ(account.offered, static_cast<std::uint64_t>(kMessages));
    EXPECT_GT(account.dropped[static_cast<std::size_t>(hub::Drop::outbox_full)], 0u);
    EXPECT_GT(account.queued_outbox, 0u);
    EXPECT_LE(account.queued_outbox, 4u);
  }

  // The last message is never the one dropped, so reading up to it ends.
  long last = 0;
  std::uint64_t seen = 0;
  while (last < kMessages) {
    const std::string event = slow.read_until("\n\n");
    ASSERT_TRUE(event.starts_with("id: ")) << event.substr(0, 40);
    const long id = std::stol(event.substr(4));
    const std::string lead = "id: " + std::to_string(id) + "\ndata: " + std::to_string(id) + " ";
    ASSERT_TRUE(event.starts_with(lead)) << "id and payload belong together";
    ASSERT_EQ(event.size(), std::string("id: \ndata: \n\n").size() + std::to_string(id).size() + kMessageBytes);
    ASSERT_EQ(event.find_first_not_of(static_cast<char>('a' + id % 26), lead.size()), event.size() - 2) << "whole";
    ASSERT_GT(id, last);
    last = id;
    ++seen;
  }
  long last_number = 0;
  std::uint64_t seen_frames = 0;
  while (last_number < kMessages) {
    const std::string head = slow_socket.read(10);
    ASSERT_EQ(head, std::string("\x81\x7F\0\0\0\0\0\x01\0\0", 10));
    const std::string body = slow_socket.read(kMessageBytes);
    ASSERT_EQ(body.size(), static_cast<std::size_t>(kMessageBytes));
    const long number = std::stol(body);
    ASSERT_GT(number, last_number);
    last_number = number;
    ++seen_frames;
  }
  ASSERT_TRUE(eventually([&] {
    const Reading now = server.reading();
    return now.workers.wires[0].queued_outbox == 0 && now.workers.wires[1].queued_outbox == 0;
  }));
  reading = server.reading();
  expect_balanced(reading);
  EXPECT_EQ(reading.workers.wires[0].delivered, seen);
  EXPECT_EQ(reading.workers.wires[1].delivered, seen_frames);
  EXPECT_EQ(reading.workers.wires[0].dropped_total(), kMessages - seen);
  EXPECT_EQ(reading.workers.wires[1].dropped_total(), kMessages - seen_frames);
}

// Hundreds of messages within one turn of the loop are more than an outbox holds, but no sign of a slow client.
TEST(SlowClient, IsNotWhoIsSentManyMessagesAtOnce) {
  constexpr int kBurst = 500;
  for (const hub::SlowClient slow : {hub::SlowClient::drop_oldest, hub::SlowClient::evict}) {
    for (const hub::SendMode send : send_modes()) {
      SCOPED_TRACE(std::string(name_of(slow)) + ", send mode " + std::to_string(static_cast<int>(send)));
      Server server = serve({.workers = 1, .outbox_frames = 4, .slow_client = slow, .send = send});
      RawClient stream = subscribe_sse(server.port(), "t");
      RawClient socket = subscribe_websocket(server.port(), "t");
      std::string posts, events, frames;
      for (int id = 1; id <= kBurst; ++id) {
        const std::string payload = std::to_string(1000 + id);
        posts += request("POST", "/topics/t", payload);
        events += "id: " + std::to_string(id) + "\ndata: " + payload + "\n\n";
        frames += "\x81\x04" + payload;
      }
      RawClient publisher(server.port());
      publisher.send(posts);
      EXPECT_EQ(stream.read(events.size()), events);
      EXPECT_EQ(socket.read(frames.size()), frames);
      const Reading reading = server.reading();
      expect_balanced(reading);
      EXPECT_EQ(reading.workers.wires[0].dropped_total() + reading.workers.wires[1].dropped_total(), 0u);
    }
  }
}

TEST(SlowClient, WhoLeavesWithAFullOutboxIsCounted) {
  Server server = serve({.outbox_frames = 4});
  {
    RawClient slow = subscribe_sse(server.port(), "t", 4096);
    publish_all(server.port());
  }
  ASSERT_TRUE(eventually([&] { return server.reading().workers.wires[0].sessions == 0; }));
  const Reading reading = server.reading();
  expect_balanced(reading);
  EXPECT_GT(reading.workers.wires[0].dropped[static_cast<std::size_t>(hub::Drop::disconnected)], 0u);
  EXPECT_EQ(reading.workers.wires[0].queued_outbox, 0u);
}

TEST(SlowClient, DoesNotHoldUpOthersOrTheStop) {
  Server server = serve({.workers = 1, .outbox_frames = 4, .drain = std::chrono::milliseconds(300)});
  RawClient slow = subscribe_sse(server.port(), "t", 4096);
  RawClient other = subscribe_sse(server.port(), "u");
  publish_all(server.port());
  ask(server.port(), "POST", "/topics/u", "x");
  EXPECT_EQ(other.read_until("\n\n"), "id: 1\ndata: x\n\n");
  const Reading reading = server.stop();
  expect_balanced(reading);
  EXPECT_GT(reading.workers.wires[0].dropped[static_cast<std::size_t>(hub::Drop::shutdown)], 0u);
  EXPECT_EQ(reading.workers.wires[0].queued_outbox, 0u);
}

}  // namespace
}  // namespace fanlight::server::net
