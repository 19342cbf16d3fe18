// A topic's state, from an origin that does what the test says: answers, knows nothing, fails, hangs.
#include "server/net/snapshots.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <atomic>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "core/fd.hpp"
#include "server/net/origin.hpp"
#include "tests/server/net/client.hpp"
#include "tests/server/net/serve.hpp"

namespace fanlight::server::net {
namespace {

using namespace std::chrono_literals;
using Source = Snapshot::Source;

constexpr std::uint64_t kSecond = 1'000'000'000;

Snapshot ask_for(Snapshots& snapshots, const std::string& topic) {
  std::promise<Snapshot> given;
  auto future = given.get_future();
  snapshots.ask(topic, [&](const Snapshot& snapshot) { given.set_value(snapshot); });
  return future.get();
}

/// A downstream without a network.
struct FakeOrigin {
  std::atomic<bool> fails = false;
  std::atomic<bool> knows = true;
  std::atomic<int> asked = 0;
  std::atomic<std::uint64_t> now = kSecond;

  Snapshots serve(limits::Breaker::Limits breaker = {.failures = 3, .successes = 1, .pause_ns = 10 * kSecond}) {
    return Snapshots(
        {.fresh = 1s, .unknown = 5s, .kept = 2, .breaker = breaker},
        [this](const std::string& topic) -> Result<std::optional<std::string>> {
          ++asked;
          if (fails) return fail(0, "told to fail");
          if (!knows) return std::optional<std::string>();
          return std::optional<std::string>("state of " + topic + " #" + std::to_string(asked));
        },
        [this] { return now.load(); });
  }
};

TEST(Snapshots, AreFreshForAWhile) {
  FakeOrigin origin;
  Snapshots snapshots = origin.serve();
  Snapshot given = ask_for(snapshots, "t");
  EXPECT_EQ(given.source, Source::origin);
  EXPECT_EQ(given.state, "state of t #1");
  origin.now += kSecond / 2;
  given = ask_for(snapshots, "t");
  EXPECT_EQ(given.source, Source::cache);
  EXPECT_EQ(given.age_ns, kSecond / 2);
  origin.now += kSecond;
  EXPECT_EQ(ask_for(snapshots, "t").state, "state of t #2");
  EXPECT_EQ(snapshots.reading().asked, 2u);
}

TEST(Snapshots, AFailingOriginIsLeftAloneAndWhatItSaidStays) {
  FakeOrigin origin;
  Snapshots snapshots = origin.serve();
  ask_for(snapshots, "t");
  origin.fails = true;
  origin.now += 2 * kSecond;
  for (int i = 0; i < 3; ++i) {
    const Snapshot given = ask_for(snapshots, "t");
    EXPECT_EQ(given.source, Source::stale);
    EXPECT_EQ(given.state, "state of t #1");
    EXPECT_EQ(given.age_ns, 2 * kSecond);
  }
  EXPECT_EQ(snapshots.reading().breaker, limits::Breaker::State::open) << "three failures in a row";
  for (int i = 0; i < 10; ++i) EXPECT_EQ(ask_for(snapshots, "t").source, Source::stale);
  EXPECT_EQ(ask_for(snapshots, "never seen").source, Source::none);
  EXPECT_EQ(origin.asked, 4) << "left alone";
  EXPECT_EQ(snapshots.reading().refused, 11u);

  origin.now += 10 * kSecond;
  EXPECT_EQ(ask_for(snapshots, "t").source, Source::stale);
  EXPECT_EQ(origin.asked, 5) << "one try after the pause";
  EXPECT_EQ(snapshots.reading().breaker, limits::Breaker::State::open) << "which failed";
  origin.fails = false;
  origin.now += 10 * kSecond;
  EXPECT_EQ(ask_for(snapshots, "t").source, Source::origin);
  EXPECT_EQ(snapshots.reading().breaker, limits::Breaker::State::closed);
  EXPECT_EQ(snapshots.reading().opened, 2u);
  EXPECT_EQ(snapshots.reading().failed, 4u);
}

TEST(Snapshots, UnknownTopicsAreNotAskedForAgain) {
  FakeOrigin origin;
  Snapshots snapshots = origin.serve();
  origin.knows = false;
  for (int i = 0; i < 5; ++i) EXPECT_EQ(ask_for(snapshots, "nope").source, Source::unknown);
  EXPECT_EQ(origin.asked, 1);
  origin.knows = true;
  origin.now += 6 * kSecond;
  EXPECT_EQ(ask_for(snapshots, "nope").source, Source::origin);
  EXPECT_EQ(snapshots.reading().breaker, limits::Breaker::State::closed) << "not knowing is an answer";
}

TEST(Snapshots, ManyWhoWantTheSameAskOnce) {
  std::promise<void> open;
  const auto opened = open.get_future().share();
  std::atomic<int> asked = 0, answered = 0;
  {
    Snapshots snapshots({}, [&](const std::string&) -> Result<std::optional<std::string>> {
      ++asked;
      opened.wait();
      return std::optional<std::string>("x");
    });
    for (int i = 0; i < 100; ++i) {
      snapshots.ask("t", [&](const Snapshot& given) { answered += given.source == Source::origin ? 1 : 0; });
    }
    open.set_value();
    for (int i = 0; i < 1000 && answered < 100; ++i) std::this_thread::sleep_for(10ms);
  }
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(answered, 100);
}

TEST(Snapshots, KeepsABoundedNumber) {
  FakeOrigin origin;
  Snapshots snapshots = origin.serve();
  for (const char* topic : {"a", "b", "c"}) {
    ask_for(snapshots, topic);
    origin.now += 1;
  }
  EXPECT_EQ(snapshots.reading().kept, 2u);
  origin.fails = true;
  origin.now += 2 * kSecond;
  EXPECT_EQ(ask_for(snapshots, "a").source, Source::none) << "the oldest one went";
  EXPECT_EQ(ask_for(snapshots, "c").source, Source::stale);
}

TEST(Origin, UrlsTable) {
  struct Case {
    const char* url;
    const char* host;  // empty: refused
    const char* port;
    const char* path;
  };
  for (const Case& c : {Case{"http://127.0.0.1:9000/state/", "127.0.0.1", "9000", "/state/"},
                        Case{"http://example.org", "example.org", "80", "/"}, Case{"http://[::1]:1/", "::1", "1", "/"},
                        Case{"http://[::1]/x?topic=", "::1", "80", "/x?topic="}, Case{"https://a/", "", "", ""},
                        Case{"http://", "", "", ""}, Case{"http://:80/", "", "", ""}, Case{"http://a:0/", "", "", ""},
                        Case{"http://a:99999/", "", "", ""}, Case{"http://a:x/", "", "", ""},
                        Case{"http://a/ b\r\nX: y", "", "", ""}, Case{"127.0.0.1:9000", "", "", ""}}) {
    SCOPED_TRACE(c.url);
    const auto origin = parse_origin(c.url);
    ASSERT_EQ(origin.has_value(), *c.host != '\0');
    if (!origin) {
      EXPECT_FALSE(origin.error().hint.empty());
      continue;
    }
    EXPECT_EQ(origin->host, c.host);
    EXPECT_EQ(origin->port, c.port);
    EXPECT_EQ(origin->path, c.path);
  }
}

/// A downstream with a network: what it answers can be changed at any time.
class FakeService {
 public:
  FakeService() : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(listener_.get(), 64), 0);
    ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { work(); });
  }
  FakeService(const FakeService&) = delete;
  ~FakeService() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
  }
  void say(const std::string& answer) {
    const std::scoped_lock lock(mutex_);
    answer_ = answer;
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_) + "/state/"; }
  int asked() const { return asked_; }
  std::string last_request() {
    const std::scoped_lock lock(mutex_);
    return request_;
  }

 private:
  void work() {
    std::vector<Fd> hanging;
    for (;;) {
      Fd client(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!client) return;
      char buffer[4096];
      const ssize_t got = ::recv(client.get(), buffer, sizeof buffer, 0);
      ++asked_;
      const std::scoped_lock lock(mutex_);
      request_.assign(buffer, static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
      if (answer_.empty()) {
        hanging.push_back(std::move(client));
        continue;
      }
      [[maybe_unused]] const ssize_t sent = ::send(client.get(), answer_.data(), answer_.size(), MSG_NOSIGNAL);
    }
  }

  Fd listener_;
  std::uint16_t port_ = 0;
  std::atomic<int> asked_ = 0;
  std::mutex mutex_;
  std::string answer_, request_;
  std::thread thread_;
};

std::string ok(const std::string& body) {
  return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

TEST(Origin, AnswersTable) {
  FakeService service;
  Origin origin = *parse_origin(service.url());
  origin.timeout = 300ms;
  origin.max_bytes = 100;
  struct Case {
    const char* name;
    std::string answer;
    bool good;
    std::optional<std::string> state;
  };
  for (const Case& c :
       {Case{"state", ok("hello"), true, "hello"}, Case{"empty state", ok(""), true, ""},
        Case{"until the end of the connection", "HTTP/1.1 200 OK\r\n\r\nhello", true, "hello"},
        Case{"chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", true, "abc"},
        Case{"not there", "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", true, std::nullopt},
        Case{"gone", "HTTP/1.1 410 Gone\r\nContent-Length: 0\r\n\r\n", true, std::nullopt},
        Case{"broken", "HTTP/1.1 500 Oh\r\nContent-Length: 0\r\n\r\n", false, {}},
        Case{"moved", "HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", false, {}},
        Case{"cut short", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", false, {}},
        Case{"too large", ok(std::string(101, 'x')), false, {}}, Case{"not HTTP", "hello\r\n\r\n", false, {}},
        Case{"hangs", "", false, {}}}) {
    SCOPED_TRACE(c.name);
    service.say(c.answer);
    const auto state = fetch_state(origin, "news");
    ASSERT_EQ(state.has_value(), c.good) << (state ? "" : state.error().what);
    if (state) {
      EXPECT_EQ(*state, c.state);
    }
  }
  EXPECT_TRUE(service.last_request().starts_with("GET /state/news HTTP/1.1\r\nHost: 127.0.0.1:"));
  origin.port = "1";
  EXPECT_FALSE(fetch_state(origin, "news")) << "nobody listens there";
}

Options with_origin(const FakeService& service) {
  Options options;
  options.origin = *parse_origin(service.url());
  options.origin->timeout = 300ms;
  options.snapshots = {.fresh = 0ms, .breaker = {.failures = 2, .successes = 1, .pause_ns = 3600 * kSecond}};
  return options;
}

TEST(Snapshot, OverHttpDegradesStepByStep) {
  FakeService service;
  service.say(ok("now"));
  Server server = serve(with_origin(service));
  const std::uint16_t port = server.port();
  Answered answered = ask(port, "GET", "/topics/t/snapshot");
  EXPECT_EQ(answered.status, 200);
  EXPECT_EQ(answered.body, "now");
  EXPECT_NE(answered.head.find("X-Snapshot: origin\r\n"), std::string::npos) << answered.head;
  service.say("");
  for (int i = 0; i < 4; ++i) {
    answered = ask(port, "GET", "/topics/t/snapshot");
    EXPECT_EQ(answered.status, 200);
    EXPECT_EQ(answered.body, "now");
    EXPECT_NE(answered.head.find("X-Snapshot: stale\r\n"), std::string::npos) << answered.head;
    EXPECT_NE(answered.head.find("\r\nAge: "), std::string::npos) << answered.head;
  }
  EXPECT_EQ(service.asked(), 3) << "the breaker opened after two that hung";
  EXPECT_EQ(ask(port, "GET", "/topics/other/snapshot").status, 503) << "nothing was ever said of that";
  ask(port, "POST", "/topics/other", "a message");
  answered = ask(port, "GET", "/topics/other/snapshot");
  EXPECT_EQ(answered.body, "a message") << "better than nothing";
  EXPECT_NE(answered.head.find("X-Snapshot: newest\r\n"), std::string::npos) << answered.head;
  const std::string metrics = ask(port, "GET", "/metrics").body;
  for (const char* line :
       {"fanlight_server_snapshots_total{source=\"stale\"} 4\n", "fanlight_server_origin_breaker{state=\"open\"} 1\n",
        "fanlight_server_origin_breaker_opened_total 1\n"})
    EXPECT_NE(metrics.find(line), std::string::npos) << line;
  EXPECT_NE(ask(port, "GET", "/admin").body.find("\"breaker\":\"open\""), std::string::npos);
}

TEST(Snapshot, OfAnUnknownTopicIs404) {
  FakeService service;
  service.say("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
  Server server = serve(with_origin(service));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(ask(server.port(), "GET", "/topics/t/snapshot").status, 404);
  EXPECT_EQ(service.asked(), 1) << "it is remembered that the origin does not know it";
}

TEST(Snapshot, BeginsAStreamThatAsksForIt) {
  FakeService service;
  service.say(ok("state"));
  Server server = serve(with_origin(service));
  RawClient stream = subscribe_sse(server.port(), "t?snapshot=1");
  EXPECT_EQ(stream.read_until("\n\n"),
            "event: snapshot\ndata: {\"type\":\"snapshot\",\"topic\":\"t\",\"data\":\"state\"}\n\n");
  RawClient socket = subscribe_websocket(server.port(), "t?snapshot=1");
  EXPECT_EQ(socket.read(2 + 46), "\x81\x2E{\"type\":\"snapshot\",\"topic\":\"t\",\"data\":\"state\"}");
  ask(server.port(), "POST", "/topics/t", "live");
  EXPECT_EQ(stream.read_until("\n\n"), "id: 1\ndata: live\n\n");
}

TEST(Snapshot, WithoutAnOriginIsTheNewestMessage) {
  Server server = serve();
  EXPECT_EQ(ask(server.port(), "GET", "/topics/t/snapshot").status, 404);
  ask(server.port(), "POST", "/topics/t", "one");
  ask(server.port(), "POST", "/topics/t", "two");
  EXPECT_EQ(ask(server.port(), "GET", "/topics/t/snapshot").body, "two");
  RawClient stream = subscribe_sse(server.port(), "t?snapshot=1");
  EXPECT_EQ(stream.read_until("\n\n"),
            "event: snapshot\ndata: {\"type\":\"snapshot\",\"topic\":\"t\",\"id\":2,\"data\":\"two\"}\n\n");
}

}  // namespace
}  // namespace fanlight::server::net
