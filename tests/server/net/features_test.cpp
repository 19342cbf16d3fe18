// What came to the protocol beside plain subscribing: replay, commands, compression, tokens, origins, limits, designs.
#include <gtest/gtest.h>
#include <zlib.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/bench/designs/all_designs.hpp"
#include "tests/server/net/client.hpp"
#include "tests/server/net/serve.hpp"

namespace fanlight::server::net {
namespace {

using namespace std::string_literals;

std::string masked(unsigned first, std::string_view payload) {
  std::string frame(1, static_cast<char>(first));
  if (payload.size() <= 125) {
    frame += static_cast<char>(0x80 | payload.size());
  } else {
    frame +=
        {static_cast<char>(0xFE), static_cast<char>(payload.size() >> 8), static_cast<char>(payload.size() & 0xFF)};
  }
  return frame + std::string(4, '\0') + std::string(payload);
}

RawClient open_websocket(std::uint16_t port, const std::string& path, const std::string& headers = {},
                         std::string* head_out = nullptr) {
  RawClient client(port);
  client.send("GET " + path +
              " HTTP/1.1\r\nHost: test\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
              "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
              headers + "\r\n");
  const std::string head = client.read_until("\r\n\r\n");
  EXPECT_TRUE(head.starts_with("HTTP/1.1 101 ")) << head;
  if (head_out != nullptr) *head_out = head;
  return client;
}

/// The payload of the next unmasked frame below 64 KiB.
std::string read_frame(RawClient& client, unsigned* first = nullptr) {
  const std::string head = client.read(2);
  if (head.size() < 2) return "ended";
  if (first != nullptr) *first = static_cast<unsigned char>(head[0]);
  std::size_t size = static_cast<unsigned char>(head[1]);
  if (size == 126) {
    const std::string more = client.read(2);
    size = static_cast<std::size_t>(static_cast<unsigned char>(more[0]) << 8 | static_cast<unsigned char>(more[1]));
  }
  return client.read(size);
}

TEST(Replay, LastEventIdByHeaderAndQuery) {
  Server server = serve({.history_messages = 3});
  for (int i = 1; i <= 5; ++i) ask(server.port(), "POST", "/topics/t", std::to_string(i));
  RawClient by_header = subscribe_sse(server.port(), "t", 0, "Last-Event-ID: 3\r\n");
  EXPECT_EQ(by_header.read_until("\n\n"), "id: 4\ndata: 4\n\n");
  EXPECT_EQ(by_header.read_until("\n\n"), "id: 5\ndata: 5\n\n");
  RawClient by_query = subscribe_sse(server.port(), "t?last-event-id=1");
  EXPECT_EQ(by_query.read_until("\n\n"),
            "event: loss\ndata: {\"type\":\"loss\",\"topic\":\"t\",\"id\":3,\"lost\":1}\n\n");
  for (int i = 3; i <= 5; ++i)
    EXPECT_EQ(by_query.read_until("\n\n"), "id: " + std::to_string(i) + "\ndata: " + std::to_string(i) + "\n\n");
  ask(server.port(), "POST", "/topics/t", "6");
  EXPECT_EQ(by_header.read_until("\n\n"), "id: 6\ndata: 6\n\n");
  EXPECT_EQ(by_query.read_until("\n\n"), "id: 6\ndata: 6\n\n");
  RawClient bad_id = subscribe_sse(server.port(), "t", 0, "Last-Event-ID: nonsense\r\n");
  ask(server.port(), "POST", "/topics/t", "7");
  EXPECT_EQ(bad_id.read_until("\n\n"), "id: 7\ndata: 7\n\n") << "as without an id";
  expect_balanced(server.reading());
}

// Clients come and go with the id they have seen while messages flow: every one of them sees each id exactly once.
TEST(Replay, NoGapAndNoDuplicateBetweenHistoryAndLive) {
  for (const hub::RegistryKind registry : {hub::RegistryKind::per_core, hub::RegistryKind::snapshot}) {
    Server server = serve({.history_messages = 10'000,
                           .history_bytes = 64u << 20,
                           .designs = &hub::designs::all_designs(),
                           .registry = registry});
    std::atomic<bool> publishing = true;
    std::thread publisher([&] {
      RawClient client(server.port());
      for (int i = 0; i < 3000; ++i) {
        client.send(request("POST", "/topics/t", "x"));
        read_answer(client);
      }
      publishing = false;
    });
    std::uint64_t last = 0;
    int connections = 0;
    while (last < 3000) {
      RawClient client = subscribe_sse(server.port(), "t", 0, "Last-Event-ID: " + std::to_string(last) + "\r\n");
      ++connections;
      for (int i = 0; i < 100 && last < 3000; ++i) {
        const std::string event = client.read_until("\n\n");
        ASSERT_EQ(event, "id: " + std::to_string(last + 1) + "\ndata: x\n\n");
        ++last;
      }
    }
    publisher.join();
    EXPECT_GE(connections, 30);
    expect_balanced(server.reading());
  }
}

TEST(Commands, SeveralTopicsOverOneWebsocket) {
  Server server = serve();
  std::string head;
  RawClient client = open_websocket(server.port(), "/ws", "Sec-WebSocket-Protocol: other, fanlight.json\r\n", &head);
  EXPECT_NE(head.find("Sec-WebSocket-Protocol: fanlight.json\r\n"), std::string::npos) << head;
  client.send(masked(0x81, R"({"subscribe":["a","b"]})"));
  EXPECT_EQ(read_frame(client), R"({"type":"subscribed","topic":"a","subscribers":1})");
  EXPECT_EQ(read_frame(client), R"({"type":"subscribed","topic":"b","subscribers":1})");
  ask(server.port(), "POST", "/topics/b?event=news&key=k", "hello");
  EXPECT_EQ(read_frame(client), R"({"type":"event","topic":"b","id":1,"event":"news","key":"k","data":"hello"})");
  client.send(masked(0x81, R"({"publish":{"topic":"a","data":"from me"}})"));
  std::vector<std::string> two = {read_frame(client), read_frame(client)};
  std::ranges::sort(two);
  EXPECT_EQ(two[0], R"({"type":"event","topic":"a","id":1,"data":"from me"})");
  EXPECT_EQ(two[1], R"({"type":"published","topic":"a","id":1,"subscribers":1})");
  client.send(masked(0x81, R"({"unsubscribe":"a"})"));
  EXPECT_EQ(read_frame(client), R"({"type":"unsubscribed","topic":"a"})");
  EXPECT_EQ(ask(server.port(), "POST", "/topics/a", "x").body, "{\"subscribers\":0,\"id\":2}\n");
  client.send(masked(0x81, R"({"subscribe":{"topic":"a","after":1}})"));
  EXPECT_EQ(read_frame(client), R"({"type":"subscribed","topic":"a","id":2,"subscribers":1})");
  EXPECT_EQ(read_frame(client), R"({"type":"event","topic":"a","id":2,"data":"x"})");
  for (const char* bad :
       {"nonsense", R"({"subscribe":"not a topic"})", R"({"unsubscribe":"zzz"})", R"({"subscribe":"a"})"}) {
    client.send(masked(0x81, bad));
    EXPECT_TRUE(read_frame(client).starts_with(R"({"type":"error")")) << bad;
  }
  EXPECT_EQ(count_of(server.reading().desks.command_refusals, Refusal::not_a_command), 1u);
  EXPECT_EQ(count_of(server.reading().desks.command_refusals, Refusal::bad_topic), 1u);
  EXPECT_EQ(count_of(server.reading().desks.command_refusals, Refusal::not_subscribed), 1u);
  EXPECT_EQ(count_of(server.reading().desks.command_refusals, Refusal::already_subscribed), 1u);
  expect_balanced(server.reading());
}

TEST(Commands, MessagePackAndProtobufByOffer) {
  Server server = serve();
  RawClient packed = open_websocket(server.port(), "/ws", "Sec-WebSocket-Protocol: fanlight.msgpack\r\n");
  packed.send(masked(0x82, "\x81\xA9subscribe\xA1t"));
  EXPECT_EQ(read_frame(packed), "\x83\xA4type\xAAsubscribed\xA5topic\xA1t\xABsubscribers\x01");
  RawClient buffered = open_websocket(server.port(), "/ws", "Sec-WebSocket-Protocol: fanlight.protobuf\r\n");
  buffered.send(masked(0x82, "\x0A\x03\x0A\x01t"s));
  unsigned first = 0;
  EXPECT_EQ(read_frame(buffered, &first), "\x0A\x0Asubscribed\x12\x01t\x38\x02"s);
  EXPECT_EQ(first, 0x82u);
  ask(server.port(), "POST", "/topics/t", "hi");
  EXPECT_EQ(read_frame(packed), "\x84\xA4type\xA5"s + "event\xA5topic\xA1t\xA2id\x01\xA4" + "data\xC4\x02hi");
  EXPECT_EQ(read_frame(buffered), "\x0A\x05"s + "event\x12\x01t\x18\x01\x22\x02hi");
}

TEST(Compression, PermessageDeflateAndGzip) {
  Server server = serve();
  std::string head;
  RawClient socket = open_websocket(server.port(), "/ws/t",
                                    "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n", &head);
  EXPECT_NE(head.find("Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover"), std::string::npos);
  RawClient stream(server.port());
  stream.send(request("GET", "/sse/t", {}, "Accept-Encoding: br, gzip\r\n"));
  EXPECT_NE(stream.read_until("\r\n\r\n").find("Content-Encoding: gzip\r\n"), std::string::npos);
  const std::string body(2000, 'z');
  EXPECT_EQ(ask(server.port(), "POST", "/topics/t", body).body, "{\"subscribers\":2,\"id\":1}\n");
  unsigned first = 0;
  const std::string frame = read_frame(socket, &first);
  EXPECT_EQ(first, 0xC1u);
  EXPECT_LT(frame.size(), 100u);
  Reading reading = server.reading();
  EXPECT_EQ(reading.published.encoded[index_of(codec::Wire::websocket_deflate)], 1u);
  EXPECT_EQ(reading.published.encoded[index_of(codec::Wire::sse_gzip)], 1u);
  z_stream inflater{};
  ASSERT_EQ(::inflateInit2(&inflater, 16 + MAX_WBITS), Z_OK);
  std::string text(10'000, '\0');
  inflater.next_out = reinterpret_cast<Bytef*>(text.data());
  inflater.avail_out = static_cast<uInt>(text.size());
  while (text.find("zzz\n\n") == std::string::npos) {
    std::string byte = stream.read(1);
    ASSERT_EQ(byte.size(), 1u);
    inflater.next_in = reinterpret_cast<Bytef*>(byte.data());
    inflater.avail_in = 1;
    ASSERT_GE(::inflate(&inflater, Z_SYNC_FLUSH), Z_OK);
  }
  ::inflateEnd(&inflater);
  EXPECT_NE(text.find("\n\nid: 1\ndata: " + body + "\n\n"), std::string::npos);
}

TEST(Compression, OnlyForThoseWhoAsk) {
  Server server = serve({.compress = false});
  std::string head;
  open_websocket(server.port(), "/ws/t", "Sec-WebSocket-Extensions: permessage-deflate\r\n", &head);
  EXPECT_EQ(head.find("Sec-WebSocket-Extensions"), std::string::npos);
}

TEST(Access, TokensAndOrigins) {
  Server server = serve({.access = {.publish_token = "pub", .subscribe_token = "sub", .origins = {"https://good"}}});
  const std::uint16_t port = server.port();
  EXPECT_EQ(ask(port, "POST", "/topics/t", "x").status, 401);
  EXPECT_EQ(ask(port, "POST", "/topics/t", "x", "Authorization: Bearer pub\r\n").status, 202);
  EXPECT_EQ(ask(port, "POST", "/topics/t?token=pub", "x").status, 202);
  EXPECT_EQ(ask(port, "POST", "/topics/t?token=sub", "x").status, 401);
  EXPECT_EQ(ask(port, "GET", "/sse/t").status, 401);
  const Answered foreign = ask(port, "GET", "/sse/t?token=sub", {}, "Origin: https://evil\r\n");
  EXPECT_EQ(foreign.status, 403);
  EXPECT_NE(foreign.body.find("--allow-origin"), std::string::npos);
  RawClient stream = subscribe_sse(port, "t?token=sub", 0, "Origin: https://good\r\n");
  RawClient socket = open_websocket(port, "/ws/t?token=sub", "Origin: https://good\r\n");
  const std::string upgrade =
      "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  EXPECT_EQ(ask(port, "GET", "/ws/t?token=sub", {}, upgrade + "Origin: https://evil\r\n").status, 403);
  RawClient commands = open_websocket(port, "/ws?token=sub", "Origin: https://good\r\n");
  commands.send(masked(0x81, R"({"subscribe":"t"})"));
  EXPECT_TRUE(read_frame(commands).starts_with(R"({"type":"subscribed")"));
  commands.send(masked(0x81, R"({"publish":{"topic":"t","data":"x"}})"));
  EXPECT_TRUE(read_frame(commands).starts_with(R"({"type":"error")")) << "the token is not a publisher's";
  const Reading reading = server.reading();
  EXPECT_EQ(count_of(reading.desks.refusals, Refusal::denied), 3u);
  EXPECT_EQ(count_of(reading.desks.command_refusals, Refusal::denied), 1u);
  EXPECT_EQ(count_of(reading.desks.refusals, Refusal::origin), 2u);
}

TEST(Access, JwtGrantsTopicsToWhoeverHoldsIt) {
  Server server = serve({.access = {.jwt_key = "key"}});
  const std::uint16_t port = server.port();
  const std::string reader = limits::make_jwt("key", R"({"subscribe":["prices*"]})");
  const std::string writer = limits::make_jwt("key", R"({"publish":["prices.eur"]})");
  const std::string late = limits::make_jwt("key", R"({"publish":["prices.eur"],"exp":1000})");
  const auto bearer = [](const std::string& token) { return "Authorization: Bearer " + token + "\r\n"; };
  RawClient stream = subscribe_sse(port, "prices.eur", 0, bearer(reader));
  RawClient socket = open_websocket(port, "/ws/prices.eur?token=" + reader);
  EXPECT_EQ(ask(port, "GET", "/sse/news", {}, bearer(reader)).status, 401) << "another topic";
  EXPECT_EQ(ask(port, "POST", "/topics/prices.eur", "1", bearer(reader)).status, 401) << "another right";
  EXPECT_EQ(ask(port, "POST", "/topics/prices.eur", "1", bearer(late)).status, 401) << "expired";
  EXPECT_EQ(ask(port, "POST", "/topics/prices.eur", "1", bearer(limits::make_jwt("other", "{}"))).status, 401);
  EXPECT_EQ(ask(port, "POST", "/topics/prices.eur", "1", bearer(writer)).body, "{\"subscribers\":2,\"id\":1}\n");
  EXPECT_EQ(stream.read_until("\n\n"), "id: 1\ndata: 1\n\n");
  EXPECT_EQ(read_frame(socket), "1");
  EXPECT_EQ(count_of(server.reading().desks.refusals, Refusal::denied), 4u);
}

/// The payloads of a stream's events.
std::vector<std::string> payloads_of(const std::string& stream) {
  std::vector<std::string> payloads;
  constexpr std::string_view kData = "data: ";
  for (std::size_t at = stream.find(kData); at != std::string::npos; at = stream.find(kData, at + 1))
    payloads.push_back(stream.substr(at + kData.size(), stream.find('\n', at) - at - kData.size()));
  return payloads;
}

TEST(Groups, EachWayOfSharing) {
  constexpr std::size_t kKeys = 60;
  for (const std::string how : {"round-robin", "range", "sticky"}) {
    SCOPED_TRACE(how);
    Server server = serve();
    const std::uint16_t port = server.port();
    std::vector<RawClient> members;
    for (int i = 0; i < 3; ++i) members.push_back(subscribe_sse(port, "t?group=g&assign=" + how));
    RawClient other_group = subscribe_sse(port, "t?group=h&assign=" + how);
    RawClient alone = subscribe_sse(port, "t");
    const Answered conflict =
        ask(port, "GET", "/sse/t?group=g&assign=" + std::string(how == "range" ? "sticky" : "range"));
    EXPECT_EQ(conflict.status, 409);
    EXPECT_NE(conflict.body.find("assign=" + how), std::string::npos) << conflict.body;
    for (std::size_t i = 0; i < 2 * kKeys; ++i) {
      const std::string key = std::to_string(i % kKeys);
      EXPECT_TRUE(ask(port, "POST", "/topics/t?key=" + key, key).body.starts_with("{\"subscribers\":3,"))
          << "one of each group, and the one who is alone";
    }
    std::thread stopping([&] { server.stop(); });
    std::map<std::string, std::set<std::size_t>> who;
    std::size_t all = 0;
    for (std::size_t member = 0; member < members.size(); ++member) {
      const auto payloads = payloads_of(members[member].read_all());
      all += payloads.size();
      EXPECT_GT(payloads.size(), kKeys / 6) << "everybody has a share";
      if (how == "round-robin") {
        EXPECT_EQ(payloads.size(), 2 * kKeys / 3);
      }
      for (const std::string& key : payloads) who[key].insert(member);
    }
    EXPECT_EQ(all, 2 * kKeys) << "each message to one of them";
    if (how != "round-robin") {
      for (const auto& [key, takers] : who) EXPECT_EQ(takers.size(), 1u) << "key " << key << " stays with its member";
    }
    EXPECT_EQ(payloads_of(other_group.read_all()).size(), 2 * kKeys) << "every group gets all";
    EXPECT_EQ(payloads_of(alone.read_all()).size(), 2 * kKeys);
    for (RawClient& member : members) member.close();
    other_group.close();
    alone.close();
    stopping.join();
  }
}

TEST(Websocket, RefusalsSayWhatToDo) {
  Server server = serve();
  for (const std::string& headers :
       {""s, "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"s,
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 8\r\nSec-WebSocket-Key: x\r\n"s}) {
    const Answered answered = ask(server.port(), "GET", "/ws/t", {}, headers);
    EXPECT_TRUE(answered.status == 400 || answered.status == 426) << answered.status;
    EXPECT_NE(answered.body.find("\"hint\":\"connect with a WebSocket client"), std::string::npos) << answered.body;
  }
}

TEST(Websocket, WhoDoesNotAnswerPingsIsGone) {
  Server server = serve({.heartbeat = std::chrono::seconds(1), .pong_window = std::chrono::seconds(1)});
  RawClient silent = open_websocket(server.port(), "/ws/t");
  RawClient answering = open_websocket(server.port(), "/ws/t");
  std::string frames;
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(answering.read(2), "\x89\0"s);
    answering.send(masked(0x8A, ""));
  }
  EXPECT_TRUE(eventually([&] { return server.reading().workers.wires[1].sessions == 1; }));
  const Reading reading = server.reading();
  EXPECT_EQ(reading.workers.wires[1].ended[static_cast<std::size_t>(hub::End::silent)], 1u);
  EXPECT_EQ(reading.workers.wires[1].sessions, 1u);
}

TEST(Limits, PerAddress) {
  Server server = serve({.per_address = {.connections = 3, .publishes = {.per_second = 1, .burst = 2}}});
  const std::uint16_t port = server.port();
  std::vector<int> statuses;
  {
    RawClient publisher(port);
    for (int i = 0; i < 3; ++i) {
      publisher.send(request("POST", "/topics/t", "x"));
      statuses.push_back(read_answer(publisher).status);
    }
    RawClient second = subscribe_sse(port, "t");
    RawClient third = subscribe_sse(port, "t");
    EXPECT_EQ(ask(port, "GET", "/healthz").status, 503);
  }
  EXPECT_EQ(statuses, (std::vector<int>{202, 202, 429}));
  EXPECT_TRUE(eventually([&] { return ask(port, "GET", "/healthz").status == 200; })) << "they are released";
  const Reading reading = server.reading();
  EXPECT_GE(reading.desks.refused_address, 1u);
  EXPECT_EQ(count_of(reading.desks.refusals, Refusal::throttled), 1u);
  EXPECT_EQ(count_of(reading.desks.refusals, Refusal::max_per_address), reading.desks.refused_address);
}

TEST(Limits, CanBeChangedWhileItRuns) {
  Server server = serve();
  EXPECT_EQ(ask(server.port(), "POST", "/topics/t", "x").status, 202);
  Limits limits;
  limits.access.publish_token = "secret";
  server.set_limits(limits);
  EXPECT_EQ(ask(server.port(), "POST", "/topics/t", "x").status, 401);
  EXPECT_EQ(ask(server.port(), "POST", "/topics/t?token=secret", "x").status, 202);
}

TEST(SlowClient, IsEvictedWhereTheTopicSaysSo) {
  Server server = serve({.outbox_frames = 4, .slow_rules = {{.pattern = "strict*", .slow = hub::SlowClient::evict}}});
  RawClient slow = subscribe_sse(server.port(), "strict.t", 4096);
  RawClient publisher(server.port());
  for (int i = 0; i < 300; ++i) {
    publisher.send(request("POST", "/topics/strict.t", std::string(64 * 1024, 'x')));
    ASSERT_EQ(read_answer(publisher).status, 202);
  }
  EXPECT_TRUE(eventually(
      [&] { return server.reading().workers.wires[0].ended[static_cast<std::size_t>(hub::End::evicted)] == 1; }));
  slow.read_all();
  EXPECT_TRUE(slow.ended());
  expect_balanced(server.reading());
}

TEST(Admin, ShowsWorkersTopicsAndOutboxes) {
  Server server = serve();
  RawClient stream = subscribe_sse(server.port(), "t");
  const Answered admin = ask(server.port(), "GET", "/admin");
  EXPECT_EQ(admin.status, 200);
  for (const char* part : {"\"registry\":{\"name\":\"per-core\"", "\"topic\":\"t\"", "\"workers\":[", "\"slots\":[0,1"})
    EXPECT_NE(admin.body.find(part), std::string::npos) << part << " in " << admin.body;
  const Answered page = ask(server.port(), "GET", "/");
  EXPECT_NE(page.head.find("text/html"), std::string::npos);
  EXPECT_NE(page.body.find("new EventSource("), std::string::npos);
}

// Every combination that can be chosen at start serves both transports in order.
TEST(Designs, AllServe) {
  const std::vector<hub::SendMode> modes = send_modes();
  for (std::size_t registry = 0; registry < hub::kRegistryNames.size(); ++registry) {
    for (std::size_t dispatch = 0; dispatch < hub::kDispatchNames.size(); ++dispatch) {
      SCOPED_TRACE(std::string(hub::kRegistryNames[registry]) + " " + std::string(hub::kDispatchNames[dispatch]));
      Server server = serve({.designs = &hub::designs::all_designs(),
                             .registry = static_cast<hub::RegistryKind>(registry),
                             .queue = dispatch % 2 == 0 ? hub::QueueKind::vector : hub::QueueKind::ring,
                             .dispatch = static_cast<hub::DispatchKind>(dispatch),
                             .send = modes[(registry + dispatch) % modes.size()],
                             .affinity = registry % 2 == 0 ? Affinity::none : Affinity::address,
                             .edge_triggered = registry % 2 == 1});
      RawClient stream = subscribe_sse(server.port(), "t");
      RawClient socket = subscribe_websocket(server.port(), "t");
      RawClient publisher(server.port());
      std::string pipelined;
      for (int i = 1; i <= 20; ++i) pipelined += request("POST", "/topics/t", std::to_string(i));
      publisher.send(pipelined);
      for (int i = 1; i <= 20; ++i)
        EXPECT_EQ(read_answer(publisher).body, "{\"subscribers\":2,\"id\":" + std::to_string(i) + "}\n");
      for (int i = 1; i <= 20; ++i) {
        const std::string n = std::to_string(i);
        ASSERT_EQ(stream.read_until("\n\n"), "id: " + n + "\ndata: " + n + "\n\n");
        ASSERT_EQ(read_frame(socket), n);
      }
      // Gone, they need not be waited for.
      stream.close();
      socket.close();
      publisher.close();
      const Reading reading = server.stop();
      expect_balanced(reading);
      EXPECT_EQ(reading.dispatch.jobs, dispatch == 0 ? 0u : 20u);
    }
  }
}

TEST(Tls, ServesBothKinds) {
  const std::string base = std::string(FANLIGHT_BINARY_DIR) + "/tls-test";
  const std::string make = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=localhost -keyout " + base +
                           ".key -out " + base + ".pem 2>/dev/null";
  if (std::system(make.c_str()) != 0) GTEST_SKIP() << "no openssl command";
  Server server = serve({.certificate = base + ".pem", .key = base + ".key"});
  const std::string port = std::to_string(server.port());
  const auto run = [](const std::string& command) {
    std::string out;
    FILE* pipe = ::popen(command.c_str(), "r");
    char buffer[4096];
    while (std::size_t got = std::fread(buffer, 1, sizeof buffer, pipe)) out.append(buffer, got);
    ::pclose(pipe);
    return out;
  };
  const std::string curl = "curl -sk --http1.1 --max-time 3 ";
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(run(curl + "--data m" + std::to_string(i) + " https://127.0.0.1:" + port + "/topics/t"),
              "{\"subscribers\":0,\"id\":" + std::to_string(i + 1) + "}\n");
  const std::string stream =
      run("curl -skN --http1.1 --max-time 1 -H 'Last-Event-ID: 0' https://127.0.0.1:" + port + "/sse/t");
  EXPECT_NE(stream.find("id: 1\ndata: m0\n\nid: 2\ndata: m1\n\nid: 3\ndata: m2\n\n"), std::string::npos) << stream;
  const std::string large(300'000, 'L');
  std::ofstream(base + ".body") << large;
  run(curl + "--data-binary @" + base + ".body https://127.0.0.1:" + port + "/topics/big");
  EXPECT_NE(
      run("curl -skN --http1.1 --max-time 2 -H 'Last-Event-ID: 0' https://127.0.0.1:" + port + "/sse/big").find(large),
      std::string::npos);
  RawClient plain(server.port());
  plain.send(request("GET", "/healthz"));
  EXPECT_EQ(read_answer(plain).status, 0) << "not TLS";
  EXPECT_TRUE(eventually([&] { return server.reading().desks.tls_failures >= 1; }));
  const auto missing = Server::start({.port = 0, .certificate = "/nonexistent.pem", .key = "/nonexistent.key"});
  ASSERT_FALSE(missing);
  EXPECT_FALSE(missing.error().hint.empty());
}

}  // namespace
}  // namespace fanlight::server::net
