// Clients that break every rule: each gets what the protocol says, and the server goes on serving.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "tests/server/net/client.hpp"
#include "tests/server/net/serve.hpp"

namespace fanlight::server::net {
namespace {

using namespace std::string_literals;

bool alive(const Server& server) { return ask(server.port(), "GET", "/healthz").status == 200; }

TEST(Hostile, MalformedRequests) {
  Server server = serve();
  struct Case {
    const char* name;
    std::string bytes;
    int status;  // 0: the connection just ends
  };
  for (const Case& c : {
           Case{"nothing", "", 0},
           Case{"not HTTP", "hello\r\n\r\n", 400},
           Case{"TLS hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xFC\x03\x03"s, 400},
           Case{"zero bytes", std::string(100, '\0'), 400},
           Case{"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400},
           Case{"wrong version", "GET /healthz HTTP/9.9\r\n\r\n", 400},
           Case{"no version", "GET /healthz\r\n\r\n", 400},
           Case{"space in a name", "GET /healthz HTTP/1.1\r\nBad Name: x\r\n\r\n", 400},
           Case{"no colon", "GET /healthz HTTP/1.1\r\nnonsense\r\n\r\n", 400},
           Case{"control character in a value", "GET /healthz HTTP/1.1\r\nX: \x01\r\n\r\n", 400},
           Case{"length not a number", "POST /topics/t HTTP/1.1\r\nContent-Length: ten\r\n\r\n", 400},
           Case{"negative length", "POST /topics/t HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400},
           Case{"two lengths", "POST /topics/t HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", 400},
           Case{"length and chunks",
                "POST /topics/t HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
           Case{"length above 64 bits", "POST /topics/t HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n", 400},
           Case{"huge length", "POST /topics/t HTTP/1.1\r\nContent-Length: 18446744073709551615\r\n\r\n", 413},
           Case{"chunk size not a number", "POST /topics/t HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
           Case{"huge chunk", "POST /topics/t HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n", 413},
           Case{"target of 9,000 bytes", "GET /" + std::string(9000, 'a') + " HTTP/1.1\r\n\r\n", 431},
           Case{"endless header", "GET / HTTP/1.1\r\n" + std::string(20'000, 'a'), 431},
           Case{"request cut short", "POST /topics/t HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc", 0},
           Case{"upgrade without a key",
                "GET /ws/t HTTP/1.1\r\nHost: t\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: "
                "13\r\n\r\n",
                400},
           Case{"upgrade of version 7",
                "GET /ws/t HTTP/1.1\r\nHost: t\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                "Sec-WebSocket-Version: 7\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                426},
       }) {
    SCOPED_TRACE(c.name);
    RawClient client(server.port());
    client.send(c.bytes);
    client.finish_sending();
    EXPECT_EQ(read_answer(client).status, c.status);
    client.read_all();
    EXPECT_TRUE(client.ended());
  }
  EXPECT_TRUE(alive(server));
  EXPECT_EQ(server.reading().workers.wires[1].sessions, 0u) << "failed upgrades leave no subscriber behind";
  EXPECT_EQ(server.reading().workers.exceptions, 0u);
}

TEST(Hostile, WebsocketFrames) {
  Server server = serve();
  const std::string protocol_error = "\x88\x02\x03\xEA"s;
  struct Case {
    const char* name;
    std::string bytes;
    std::string reply;
  };
  const std::string mask(4, '\0');
  for (const Case& c : {
           Case{"close", "\x88\x82"s + mask + "\x03\xE8"s, "\x88\x02\x03\xE8"s},
           Case{"message is ignored", "\x81\x82"s + mask + "hi", "\x88\x00"s},
           Case{"not masked", "\x81\x02hi"s, protocol_error},
           Case{"reserved bits", "\xF1\x80"s + mask, protocol_error},
           Case{"unknown opcode", "\x83\x80"s + mask, protocol_error},
           Case{"long ping", "\x89\xFE\x00\x7E"s + mask, protocol_error},
           Case{"message too big", "\x82\xFF\x00\x00\x00\x00\x7F\xFF\xFF\xFF"s + mask, "\x88\x02\x03\xF1"s},
           Case{"plain HTTP", request("GET", "/healthz"), protocol_error},
       }) {
    SCOPED_TRACE(c.name);
    RawClient client = subscribe_websocket(server.port(), "t");
    client.send(c.bytes + "\x88\x80"s + mask);  // a close behind it: what is left of the connection ends
    EXPECT_EQ(client.read_all(), c.reply);
    EXPECT_TRUE(client.ended());
  }
  EXPECT_TRUE(eventually([&] { return server.reading().workers.wires[1].sessions == 0; }));
  EXPECT_EQ(server.reading().workers.wires[1].ended[static_cast<std::size_t>(hub::End::protocol)], 6u);
  EXPECT_TRUE(alive(server));
}

TEST(Websocket, PingIsAnsweredWithItsPayload) {
  Server server = serve();
  RawClient client = subscribe_websocket(server.port(), "t");
  client.send("\x89\x82\x01\x02\x01\x02"s + "ik");
  EXPECT_EQ(client.read(4), "\x8A\x02hi");
  client.send("\x89\x80\x01\x02\x01\x02"s);
  EXPECT_EQ(client.read(2), "\x8A\x00"s);
}

TEST(Hostile, PingsWithoutReadingDoNotPileUp) {
  Server server = serve({.workers = 1, .outbox_frames = 3});
  RawClient client = subscribe_websocket(server.port(), "t", 4096);
  const std::string ping = "\x89\xFD"s + std::string(4, '\0') + std::string(125, 'p');
  std::string pings;
  for (int i = 0; i < 1000; ++i) pings += ping;
  for (int i = 0; i < 60; ++i) ASSERT_TRUE(client.send(pings));  // 7.8 MB: more answers than any buffer holds
  client.send("\x88\x80"s + std::string(4, '\0'));
  const std::string answers = client.read_all();
  EXPECT_TRUE(client.ended());
  ASSERT_GE(answers.size(), 2u);
  EXPECT_EQ(answers.substr(answers.size() - 2), "\x88\x00"s);
  EXPECT_EQ((answers.size() - 2) % 127, 0u) << "whole pongs only";
}

TEST(Hostile, RandomBytesOnEveryKindOfConnection) {
  Server server = serve();
  std::mt19937 random(7);
  for (int round = 0; round < 60; ++round) {
    std::string bytes;
    for (unsigned i = random() % 3000; i > 0; --i) bytes += static_cast<char>(random());
    RawClient client = round % 3 == 0   ? RawClient(server.port())
                       : round % 3 == 1 ? subscribe_websocket(server.port(), "t")
                                        : subscribe_sse(server.port(), "t");
    client.send(bytes);
    if (random() % 2 == 0) client.finish_sending();
    if (random() % 4 == 0) ask(server.port(), "POST", "/topics/t", bytes);
  }
  EXPECT_TRUE(alive(server));
  EXPECT_TRUE(eventually([&] {
    const Reading reading = server.reading();
    return reading.workers.wires[0].sessions == 0 && reading.workers.wires[1].sessions == 0;
  }));
  const Reading reading = server.reading();
  expect_balanced(reading);
  EXPECT_EQ(reading.workers.exceptions, 0u);
}

}  // namespace
}  // namespace fanlight::server::net
