// The server from outside: real sockets, real clients, a port of its own.
#include "server/net/server.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/websocket.hpp>

#include "tests/server/net/client.hpp"
#include "tests/server/net/serve.hpp"

namespace fanlight::server::net {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using asio::ip::tcp;

/// Beast's own client, as a second opinion on the protocol.
class WebsocketClient {
 public:
  WebsocketClient(std::uint16_t port, const std::string& topic) {
    stream_.next_layer().connect({asio::ip::address_v4::loopback(), port});
    stream_.handshake("test", "/ws/" + topic);
  }
  /// The next message; the close code in words when there is none.
  std::string read() {
    beast::flat_buffer buffer;
    beast::error_code error;
    stream_.read(buffer, error);
    if (error == websocket::error::closed) return "closed " + std::to_string(stream_.reason().code);
    if (error) return "error " + error.message();
    return beast::buffers_to_string(buffer.data());
  }
  websocket::stream<tcp::socket>& stream() { return stream_; }

 private:
  asio::io_context context_;
  websocket::stream<tcp::socket> stream_{context_};
};

TEST(Server, BothTransportsGetEveryMessageInOrder) {
  Server server = serve();
  // More subscribers than workers, so that every worker has some of each kind.
  std::vector<RawClient> streams;
  std::vector<std::unique_ptr<WebsocketClient>> sockets;
  for (int i = 0; i < 4; ++i) {
    streams.push_back(subscribe_sse(server.port(), "news"));
    sockets.push_back(std::make_unique<WebsocketClient>(server.port(), "news"));
  }
  RawClient other = subscribe_sse(server.port(), "other");

  const std::vector<std::string> messages = {"first", "", "two\nlines", std::string(70'000, 'L'), "last"};
  RawClient publisher(server.port());  // kept for all of them
  for (std::size_t i = 0; i < messages.size(); ++i) {
    publisher.send(request("POST", "/topics/news", messages[i]));
    const Answered answered = read_answer(publisher);
    EXPECT_EQ(answered.status, 202);
    EXPECT_EQ(answered.body, "{\"subscribers\":8,\"id\":" + std::to_string(i + 1) + "}\n");
  }
  for (RawClient& stream : streams) {
    EXPECT_EQ(stream.read_until("\n\n"), "id: 1\ndata: first\n\n");
    EXPECT_EQ(stream.read_until("\n\n"), "id: 2\ndata: \n\n");
    EXPECT_EQ(stream.read_until("\n\n"), "id: 3\ndata: two\ndata: lines\n\n");
    EXPECT_EQ(stream.read_until("\n\n"), "id: 4\ndata: " + messages[3] + "\n\n");
    EXPECT_EQ(stream.read_until("\n\n"), "id: 5\ndata: last\n\n");
  }
  for (const auto& socket : sockets) {
    for (const std::string& message : messages) EXPECT_EQ(socket->read(), message);
    EXPECT_TRUE(socket->stream().got_text());
  }
  EXPECT_EQ(ask(server.port(), "POST", "/topics/other", "x").body, "{\"subscribers\":1,\"id\":1}\n");
  EXPECT_EQ(other.read_until("\n\n"), "id: 1\ndata: x\n\n") << "nothing of another topic before it";

  EXPECT_EQ(ask(server.port(), "POST", "/topics/news", "\xFF\xFE").status, 202);
  EXPECT_EQ(sockets[0]->read(), "\xFF\xFE");
  EXPECT_TRUE(sockets[0]->stream().got_binary()) << "not UTF-8, so not text";

  const Reading reading = server.reading();
  expect_balanced(reading);
  EXPECT_EQ(reading.published.encoded[0], 7u) << "one per message, not per subscriber";
  EXPECT_EQ(reading.published.encoded[1], 6u) << "none for topic 'other', which has no WebSocket";
}

TEST(Server, StreamHeadSaysWhatItIs) {
  Server server = serve();
  RawClient client(server.port());
  client.send(request("GET", "/sse/t"));
  const std::string head = client.read_until("\r\n\r\n");
  for (const char* line : {"HTTP/1.1 200 OK\r\n", "\r\nContent-Type: text/event-stream\r\n",
                           "\r\nCache-Control: no-cache\r\n", "\r\nX-Accel-Buffering: no\r\n"}) {
    EXPECT_NE(head.find(line), std::string::npos) << line << " in " << head;
  }
}

TEST(Server, AnswersByStatus) {
  Server server = serve({.max_body_bytes = 1000});
  struct Case {
    const char* name;
    std::string text;
    int status;
    const char* holds;
  };
  for (const Case& c : {
           Case{"health", request("GET", "/healthz"), 200, "{\"status\":\"ok\"}"},
           Case{"publish", request("POST", "/topics/t", "x"), 202, "{\"subscribers\":0,\"id\":"},
           Case{"largest body", request("POST", "/topics/t", std::string(1000, 'x')), 202, "\"id\":"},
           Case{"chunked body",
                "POST /topics/t HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", 202,
                "\"id\":"},
           Case{"unknown path", request("GET", "/nope"), 404, "no such path"},
           Case{"wrong method", request("DELETE", "/topics/t"), 405, "Allow: GET, POST"},
           Case{"presence", request("GET", "/topics/t"), 200, "{\"topic\":\"t\",\"subscribers\":0}"},
           Case{"bad topic", request("POST", "/topics/a%2Fb", "x"), 400, "1 to 128 of A-Z a-z 0-9 . _ -"},
           Case{"no topic", request("GET", "/sse/"), 400, "not a topic name"},
           Case{"body too large", request("POST", "/topics/t", std::string(1001, 'x')), 413, "above 1000 bytes"},
           Case{"chunks too large",
                "POST /topics/t HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n3E9\r\n" +
                    std::string(1001, 'x') + "\r\n0\r\n\r\n",
                413, "above 1000 bytes"},
           Case{"header too large", "GET /healthz HTTP/1.1\r\nX: " + std::string(9000, 'x') + "\r\n\r\n", 431, "8 KiB"},
           Case{"not WebSocket", request("GET", "/ws/t"), 426, "Upgrade: websocket"},
       }) {
    SCOPED_TRACE(c.name);
    RawClient client(server.port());
    client.send(c.text);
    const Answered answered = read_answer(client);
    EXPECT_EQ(answered.status, c.status);
    EXPECT_NE((answered.head + answered.body).find(c.holds), std::string::npos) << answered.head << answered.body;
    EXPECT_NE(answered.head.find("Content-Type: application/json"), std::string::npos);
  }
}

TEST(Server, HeadHasNoBodyAndTheConnectionGoesOn) {
  Server server = serve();
  RawClient client(server.port());
  client.send(request("HEAD", "/healthz") + request("GET", "/healthz"));
  EXPECT_NE(client.read_until("\r\n\r\n").find("Content-Length: 16"), std::string::npos);
  EXPECT_EQ(read_answer(client).body, "{\"status\":\"ok\"}\n");
}

TEST(Server, ExpectContinueIsAnsweredBeforeTheBody) {
  Server server = serve();
  RawClient client(server.port());
  client.send("POST /topics/t HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n");
  EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("x");
  EXPECT_EQ(read_answer(client).status, 202);
}

TEST(Server, ConnectionCloseIsObeyed) {
  Server server = serve();
  RawClient client(server.port());
  client.send("GET /healthz HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n");
  EXPECT_NE(client.read_all().find("\r\nConnection: close\r\n"), std::string::npos);
  EXPECT_TRUE(client.ended());
}

TEST(Server, RefusesConnectionsBeyondTheBoundAndCountsThem) {
  Server server = serve({.max_connections = 2});
  {
    RawClient first = subscribe_sse(server.port(), "t");
    RawClient second = subscribe_sse(server.port(), "t");
    const Answered third = ask(server.port(), "GET", "/healthz");
    EXPECT_EQ(third.status, 503);
    EXPECT_NE(third.body.find("--max-connections"), std::string::npos);
    EXPECT_EQ(server.reading().desks.refused, 1u);
  }
  EXPECT_TRUE(eventually([&] { return ask(server.port(), "GET", "/healthz").status == 200; })) << "room again";
}

TEST(Server, RefusesTopicsBeyondTheBound) {
  Server server = serve({.max_topics = 1});
  RawClient first = subscribe_sse(server.port(), "a");
  EXPECT_EQ(ask(server.port(), "GET", "/sse/b").status, 503);
  EXPECT_EQ(ask(server.port(), "POST", "/topics/a", "x").status, 202);
}

TEST(Server, SlowRequestsAreCutOff) {
  Server server = serve({.request_deadline = std::chrono::seconds(1)});
  RawClient silent(server.port());
  RawClient half(server.port());
  half.send("GET /healthz HT");
  EXPECT_EQ(silent.read_all(), "");
  EXPECT_EQ(half.read_all(), "");
  EXPECT_TRUE(silent.ended() && half.ended());
  EXPECT_TRUE(eventually([&] { return server.reading().desks.timeouts == 2; }));
}

TEST(Server, SilentSubscribersGetHeartbeats) {
  Server server = serve({.heartbeat = std::chrono::seconds(1)});
  RawClient stream = subscribe_sse(server.port(), "t");
  RawClient socket = subscribe_websocket(server.port(), "t");
  EXPECT_EQ(stream.read_until("\n\n"), ": heartbeat\n\n");
  EXPECT_EQ(socket.read(2), std::string("\x89\x00", 2));
  EXPECT_GE(server.reading().workers.wires[0].heartbeats, 1u);
}

TEST(Server, LeavingIsNoticed) {
  Server server = serve();
  RawClient stream = subscribe_sse(server.port(), "t");
  {
    RawClient gone_stream = subscribe_sse(server.port(), "t");
    WebsocketClient gone_socket(server.port(), "t");
    EXPECT_EQ(ask(server.port(), "POST", "/topics/t", "x").body, "{\"subscribers\":3,\"id\":1}\n");
    EXPECT_EQ(gone_socket.read(), "x");
    gone_socket.stream().close(websocket::close_code::normal);
  }
  EXPECT_TRUE(
      eventually([&] { return ask(server.port(), "POST", "/topics/t", "y").body.starts_with("{\"subscribers\":1,"); }));
  EXPECT_TRUE(eventually([&] {
    const Reading reading = server.reading();
    return reading.workers.wires[0].sessions == 1 && reading.workers.wires[1].sessions == 0;
  }));
  EXPECT_EQ(server.reading().workers.wires[1].ended[static_cast<std::size_t>(hub::End::client)], 1u);
}

std::map<std::string, double> samples_of(const std::string& page) {
  std::map<std::string, double> samples;
  std::istringstream lines(page);
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line.front() == '#') continue;
    const std::size_t space = line.rfind(' ');
    EXPECT_NE(space, std::string::npos) << line;
    EXPECT_TRUE(samples.emplace(line.substr(0, space), std::stod(line.substr(space + 1))).second) << "twice: " << line;
  }
  return samples;
}

TEST(Server, MetricsPageParsesAndAddsUp) {
  Server server = serve();
  RawClient stream = subscribe_sse(server.port(), "t");
  WebsocketClient socket(server.port(), "t");
  for (int i = 0; i < 3; ++i) ask(server.port(), "POST", "/topics/t", "abc");
  for (int i = 0; i < 3; ++i) {
    stream.read_until("\n\n");
    socket.read();
  }
  const Answered page = ask(server.port(), "GET", "/metrics");
  EXPECT_EQ(page.status, 200);
  EXPECT_NE(page.head.find("Content-Type: text/plain; version=0.0.4"), std::string::npos);
  const auto samples = samples_of(page.body);
  const auto value = [&](const std::string& name) {
    const auto found = samples.find("fanlight_server_" + name);
    EXPECT_NE(found, samples.end()) << name;
    return found == samples.end() ? -1 : found->second;
  };
  EXPECT_EQ(value("publishes_total"), 3);
  EXPECT_EQ(value("published_bytes_total"), 9);
  for (const std::string wire : {"{transport=\"sse\"}", "{transport=\"websocket\"}"}) {
    EXPECT_EQ(value("offered_total" + wire), 3);
    EXPECT_EQ(value("deliveries_total" + wire), 3);
    EXPECT_EQ(value("frames_encoded_total" + wire), 3);
    EXPECT_EQ(value("connections" + wire), 1);
  }
  EXPECT_EQ(value("delivery_latency_seconds_count"), 6);
  EXPECT_GT(value("delivery_latency_seconds_sum"), 0);
  EXPECT_EQ(value("delivery_latency_seconds_bucket{le=\"+Inf\"}"), 6);
  EXPECT_EQ(value("http_answers_total{status=\"202\"}"), 3);
  EXPECT_EQ(value("registry_operations_total{registry=\"per-core\",operation=\"lookup\"}"), 6)
      << "each worker looks for itself";
  EXPECT_EQ(value("registry_operations_total{registry=\"per-core\",operation=\"insert\"}"), 2);
  EXPECT_EQ(value("topics"), 1);

  double offered = 0;
  double accounted = 0;
  for (const auto& [name, amount] : samples) {
    if (name.starts_with("fanlight_server_offered_total")) offered += amount;
    for (const char* part : {"deliveries_total", "dropped_frames_total", "queued_frames"}) {
      if (name.starts_with(std::string("fanlight_server_") + part)) accounted += amount;
    }
  }
  EXPECT_EQ(offered, 6);
  EXPECT_EQ(accounted, offered);
}

TEST(Server, AddressesThatCannotBe) {
  const auto words = Server::start({.address = "not an address", .port = 0});
  ASSERT_FALSE(words);
  EXPECT_EQ(words.error().what, "listen on not an address:0: not an IP address");
  Server server = serve();
  const auto taken = Server::start({.port = server.port()});
  ASSERT_FALSE(taken);
  EXPECT_EQ(taken.error().what, "listen on 127.0.0.1:" + std::to_string(server.port()) + ": Address already in use");
  EXPECT_NE(taken.error().hint.find("ss -ltnp"), std::string::npos);
}

}  // namespace
}  // namespace fanlight::server::net
