#include "collector/serve/server.hpp"

#include <gtest/gtest.h>

#include <cerrno>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>

#include "collector/wire/wire.hpp"

namespace fanlight::serve {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;

profile::Profile tiny(std::uint64_t from_ns, std::uint64_t to_ns) {
  profile::Profile profile;
  profile.target.name = "toy";
  profile.from_ns = from_ns;
  profile.to_ns = to_ns;
  return profile;
}

class ServeTest : public ::testing::Test {
 protected:
  ServeTest() : server_(Server::start({.port = 0}, {tiny, [] { return tiny(0, 1); }})) {}
  std::string authority() const { return "127.0.0.1:" + std::to_string(server_->port()); }
  tcp::socket connected() {
    tcp::socket socket(context_);
    socket.connect({asio::ip::make_address("127.0.0.1"), server_->port()});
    return socket;
  }
  http::response<http::string_body> ask(http::verb verb, const std::string& target, const std::string& host,
                                        const std::string& origin = "") {
    tcp::socket socket = connected();
    http::request<http::empty_body> request{verb, target, 11};
    request.set(http::field::host, host);
    if (!origin.empty()) request.set(http::field::origin, origin);
    http::write(socket, request);
    beast::flat_buffer buffer;
    http::response_parser<http::string_body> parser;
    parser.skip(verb == http::verb::head);
    http::read(socket, buffer, parser);
    return parser.release();
  }

  asio::io_context context_;
  Result<Server> server_;
};

TEST_F(ServeTest, AnswersItsOwnNameAndRefusesOthers) {
  ASSERT_TRUE(server_) << server_.error().what;
  EXPECT_EQ(ask(http::verb::get, "/healthz", authority()).body(), "ok\n");
  EXPECT_EQ(ask(http::verb::head, "/healthz", authority()).result_int(), 200u);
  EXPECT_EQ(ask(http::verb::get, "/healthz", "evil.example").result_int(), 403u);
  EXPECT_EQ(ask(http::verb::get, "/metrics", authority(), "http://evil.example").result_int(), 403u);
  EXPECT_EQ(ask(http::verb::delete_, "/metrics", authority()).result_int(), 405u);
  EXPECT_EQ(ask(http::verb::get, "/debug/pprof/profile?seconds=0", authority()).result_int(), 400u);
}

TEST_F(ServeTest, TheFeedAsksAPlainRequestToUpgrade) {
  ASSERT_TRUE(server_) << server_.error().what;
  const auto reply = ask(http::verb::get, "/live", authority());
  EXPECT_EQ(reply.result_int(), 426u);
  EXPECT_EQ(reply[http::field::upgrade], "websocket");
  EXPECT_TRUE(http::token_list(reply[http::field::connection]).exists("upgrade")) << reply[http::field::connection];
  const auto other = ask(http::verb::get, "/healthz", authority());
  EXPECT_EQ(other.count(http::field::upgrade), 0u);
}

TEST_F(ServeTest, RefusesWithWords) {
  struct Case {
    const char* name;
    std::string text;
    const char* status;
  };
  for (const Case& c :
       {Case{"a body", "POST /metrics HTTP/1.1\r\nHost: " + authority() + "\r\nContent-Length: 5\r\n\r\nhello",
             " 405 "},
        Case{"a long body", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999\r\n\r\n", " 413 "},
        Case{"a long header", "GET /" + std::string(9000, 'u') + " HTTP/1.1\r\n\r\n", " 431 "},
        Case{"no HTTP", "hello there\r\n\r\n", " 400 "}}) {
    SCOPED_TRACE(c.name);
    tcp::socket socket = connected();
    asio::write(socket, asio::buffer(c.text));
    std::string answer;
    beast::error_code error;
    asio::read_until(socket, asio::dynamic_buffer(answer), "\r\n", error);
    EXPECT_NE(answer.substr(0, answer.find('\r')).find(c.status), std::string::npos) << answer;
  }
}

TEST_F(ServeTest, LiveFeedAnswersEachRequestWithItsRange) {
  beast::websocket::stream<tcp::socket> socket(connected());
  socket.handshake(authority(), "/live");
  socket.binary(true);
  for (const std::uint64_t id : {1u, 2u}) {
    socket.write(asio::buffer(wire::encode_request({.id = id, .from_ns = id * 100, .to_ns = id * 200})));
    beast::flat_buffer buffer;
    socket.read(buffer);
    const auto reply = wire::decode_reply({static_cast<const char*>(buffer.cdata().data()), buffer.size()});
    ASSERT_TRUE(reply) << reply.error().what;
    EXPECT_EQ(reply->id, id);
    ASSERT_TRUE(std::holds_alternative<profile::Profile>(reply->answer));
    EXPECT_EQ(std::get<profile::Profile>(reply->answer).from_ns, id * 100);
    EXPECT_EQ(std::get<profile::Profile>(reply->answer).to_ns, id * 200);
  }
}

TEST_F(ServeTest, LiveFeedClosesOnNonsense) {
  beast::websocket::stream<tcp::socket> socket(connected());
  socket.handshake(authority(), "/live");
  socket.binary(true);
  socket.write(asio::buffer(std::string("\xff\xff\xff\xff", 4)));
  beast::flat_buffer buffer;
  beast::error_code error;
  socket.read(buffer, error);
  EXPECT_EQ(error, beast::websocket::error::closed);
  EXPECT_EQ(socket.reason().code, beast::websocket::close_code::bad_payload);
}

TEST_F(ServeTest, LiveFeedRefusesForeignPages) {
  beast::websocket::stream<tcp::socket> socket(connected());
  socket.set_option(beast::websocket::stream_base::decorator(
      [](beast::websocket::request_type& request) { request.set(http::field::origin, "http://evil.example"); }));
  beast::error_code error;
  socket.handshake(authority(), "/live", error);
  EXPECT_EQ(error, beast::websocket::error::upgrade_declined);
}

TEST_F(ServeTest, SaysThatThePortIsTaken) {
  const auto second = Server::start({.port = server_->port()}, {tiny, [] { return tiny(0, 1); }});
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, EADDRINUSE);
  EXPECT_FALSE(second.error().hint.empty());
}

TEST_F(ServeTest, SurvivesHalfRequestsAndGarbage) {
  for (const std::string& text : {std::string("GET /met"), std::string(20'000, 'x'), std::string("\0\0\0\0", 4),
                                  std::string("GET / HTTP/1.1\r\nHost: ") + std::string(9000, 'h') + "\r\n\r\n"}) {
    tcp::socket socket = connected();
    beast::error_code ignored;
    asio::write(socket, asio::buffer(text), ignored);
    socket.close();
  }
  EXPECT_EQ(ask(http::verb::get, "/healthz", authority()).body(), "ok\n");
}

}  // namespace
}  // namespace fanlight::serve
