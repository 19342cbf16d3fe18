// A run held by several hosts: a coordinator and those that join it, each a process with an address of its own.
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>

#include <cmath>
#include <cstdlib>

#include <boost/json.hpp>

#include "load/endpoint.hpp"
#include "tests/child.hpp"
#include "tests/load/fake_server.hpp"

namespace fanlight::load {
namespace {

namespace json = boost::json;
using testing::Child;
using Words = std::vector<std::string>;

const std::string kProgram = FANLIGHT_BINARY_DIR "/bin/fanlight-load";

Words operator+(Words words, const Words& more) {
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

struct Coordinator : Child {
  Coordinator(const FakeServer& server, const Words& more, const std::string& warmup = "200ms")
      : Child(Words{kProgram, "--coordinator", "127.0.0.1:0", "--url", server.url(), "--rate", "100", "--warmup",
                    warmup, "--publishers", "1", "--json", "-"} +
              more),
        address(await("hosts join with --join ")) {}
  const std::string address;
};

Words join(const Coordinator& coordinator, const Words& more = {}) {
  return Words{kProgram, "--join", coordinator.address, "--threads", "1"} + more;
}

/// So many connections have come, within twenty seconds.
bool accepts(const FakeServer& server, std::uint64_t count) {
  for (int i = 0; i < 2000 && server.accepted() < count; ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  return server.accepted() >= count;
}

TEST(Hosts, HoldTheSubscribersTogether) {
  FakeServer server;
  Coordinator coordinator(server, {"--hosts", "2", "--sse", "9", "--ws", "13", "--for", "1s"});
  ASSERT_FALSE(coordinator.address.empty()) << coordinator.err();
  Child first(join(coordinator, {"--sources", "127.0.0.2"}));
  Child second(join(coordinator, {"--sources", "127.0.0.3", "--workers", "2"}));
  EXPECT_EQ(coordinator.wait(), 0) << coordinator.err();
  EXPECT_EQ(first.wait(), 0) << first.err();
  EXPECT_EQ(second.wait(), 0) << second.err();
  server.stop();
  EXPECT_EQ(server.peers(), (std::set<std::string>{"127.0.0.1", "127.0.0.2", "127.0.0.3"}));  // the first publishes
  const json::object report = json::parse(coordinator.out()).as_object();
  EXPECT_EQ(report.at("sse").at("established"), 9);
  EXPECT_EQ(report.at("ws").at("established"), 13);
  EXPECT_EQ(report.at("published").at("accepted"), 100);
  EXPECT_EQ(report.at("total").at("received"), 2200);
  EXPECT_EQ(report.at("total").at("misses"), 0);
  EXPECT_EQ(report.at("total").at("warmup_received"), 22 * 20);
  EXPECT_EQ(report.at("last_receiver_ns").at("count"), 100);
  EXPECT_EQ(report.at("tester").at("threads").as_array().size(), 4u);  // 1 and 2 that receive, one that publishes
  const json::array& hosts = report.at("hosts").as_array();
  ASSERT_EQ(hosts.size(), 2u);
  for (const json::value& host : hosts) {
    EXPECT_EQ(host.at("subscribers"), 11);  // dealt like cards: whoever has more of one group has less of the next
    // They share one clock.
    EXPECT_LE(std::abs(host.at("clock_ahead_ns").to_number<std::int64_t>()),
              host.at("clock_error_ns").to_number<std::int64_t>());
  }
  EXPECT_NE(first.err().find("the report is the coordinator's"), std::string::npos) << first.err();
}

/// How a program is started whose CLOCK_MONOTONIC is 1000 s ahead; empty where that is not allowed.
Words in_another_time() {
  for (const Words& way :
       {Words{"unshare", "-T", "--monotonic", "1000"}, Words{"unshare", "-r", "-T", "--monotonic", "1000"}})
    if (Child(way + Words{"true"}).wait() == 0) return way;
  return {};
}

TEST(Hosts, ClocksAreComparedAndLatenciesCorrected) {
  const Words elsewhere = in_another_time();
  if (elsewhere.empty()) GTEST_SKIP() << "time namespaces are not allowed here";
  FakeServer server;
  Coordinator coordinator(server, {"--hosts", "2", "--sse", "10", "--for", "1500ms"});
  ASSERT_FALSE(coordinator.address.empty()) << coordinator.err();
  Child here(join(coordinator));
  Child there(elsewhere + join(coordinator));
  EXPECT_EQ(coordinator.wait(), 0) << coordinator.err();
  EXPECT_EQ(there.wait(), 0) << there.err();
  const json::object report = json::parse(coordinator.out()).as_object();
  EXPECT_EQ(report.at("total").at("received"), 1500);
  EXPECT_EQ(report.at("total").at("warmup_received"), 10 * 20);
  // Not corrected, five of ten subscribers would have had everything 1000 s late.
  EXPECT_LT(report.at("total").at("latency_ns").at("max").to_number<double>(), 100e9);
  EXPECT_LT(report.at("total").at("connecting_ns").to_number<double>(), 100e9);
  unsigned ahead = 0;
  for (const json::value& host : report.at("hosts").as_array()) {
    const double ns = host.at("clock_ahead_ns").to_number<double>();
    const double error = host.at("clock_error_ns").to_number<double>();
    if (ns > 500e9) {
      ++ahead;
      EXPECT_NEAR(ns, 1000e9, error);
    } else {
      EXPECT_NEAR(ns, 0, error);
    }
    EXPECT_GT(error, 0);
  }
  EXPECT_EQ(ahead, 1u);
}

TEST(Hosts, ThePolicyReachesThemWhileTheyRun) {
  FakeServer server;
  Coordinator coordinator(
      server, {"--hosts", "2", "--sse", "4", "--for", "3s", "--listen", "127.0.0.1:0", "--connect-rate", "0"});
  Child first(join(coordinator)), second(join(coordinator));
  const std::string port = coordinator.await("metrics and policy on http://127.0.0.1:");
  ASSERT_FALSE(port.empty()) << coordinator.err();
  const auto curl = [&](const std::string& path, const Words& more = {}) {
    Child asking(Words{"curl", "-s", "http://127.0.0.1:" + port + path} + more);
    asking.wait();
    return asking.out();
  };
  const auto comes = [&](const std::string& path, const std::string& text) {
    for (int i = 0; i < 100; ++i) {
      if (curl(path).find(text) != std::string::npos) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return false;
  };
  EXPECT_TRUE(comes("/metrics", "fanlight_load_streams 4")) << curl("/metrics");
  EXPECT_NE(curl("/policy", {"-d", R"({"subscribers": {"sse": 11}})"}).find("\"sse\":11"), std::string::npos);
  EXPECT_TRUE(comes("/policy", "\"streams\":11")) << curl("/policy");
  EXPECT_EQ(coordinator.wait(), 0) << coordinator.err();
  const json::object report = json::parse(coordinator.out()).as_object();
  EXPECT_EQ(report.at("total").at("established"), 11);
}

TEST(Hosts, AHostThatGoesAwayIsAFailureThatNamesIt) {
  FakeServer server;
  Coordinator coordinator(server, {"--hosts", "2", "--sse", "4", "--for", "1h"});
  Child stays(join(coordinator)), goes(join(coordinator));
  ASSERT_TRUE(accepts(server, 5)) << coordinator.err();  // a publisher and four subscribers
  goes.signal(SIGKILL);
  EXPECT_EQ(coordinator.wait(), 1);
  EXPECT_NE(coordinator.err().find("host 127.0.0.1:"), std::string::npos) << coordinator.err();
  EXPECT_NE(coordinator.err().find("it closed the connection\nhint: "), std::string::npos) << coordinator.err();
  EXPECT_EQ(stays.wait(), 1);
  EXPECT_NE(stays.err().find("the coordinator says: the run was given up"), std::string::npos) << stays.err();
}

TEST(Hosts, ACoordinatorThatGoesAwayEndsThem) {
  FakeServer server;
  Coordinator coordinator(server, {"--hosts", "1", "--sse", "4", "--for", "1h"});
  Child host(join(coordinator));
  ASSERT_TRUE(accepts(server, 5)) << coordinator.err();  // a publisher and four subscribers
  coordinator.signal(SIGKILL);
  EXPECT_EQ(host.wait(), 1);
  EXPECT_NE(host.err().find("the coordinator went away"), std::string::npos) << host.err();
}

TEST(Hosts, AnInterruptEndsEverybodyWithAReport) {
  for (const bool measured : {true, false}) {
    SCOPED_TRACE(measured);
    FakeServer server;
    Coordinator coordinator(server, {"--hosts", "1", "--sse", "4", "--for", "1h"}, measured ? "0s" : "1h");
    Child host(join(coordinator));
    ASSERT_TRUE(accepts(server, 5)) << coordinator.err();  // a publisher and four subscribers
    for (int i = 0; i < 2000 && server.posts() < 20; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    coordinator.signal(SIGINT);
    // A report of nothing is no success.
    EXPECT_EQ(coordinator.wait(), measured ? 0 : 1) << coordinator.err();
    EXPECT_EQ(coordinator.err().find("interrupted before anything was measured") == std::string::npos, measured);
    EXPECT_EQ(host.wait(), 0) << host.err();
    EXPECT_EQ(json::parse(coordinator.out()).at("interrupted"), true);
  }
}

TEST(Hosts, StrangersAreTurnedAwayAndDisturbNobody) {
  FakeServer server;
  Coordinator coordinator(server, {"--hosts", "1", "--sse", "4", "--for", "500ms", "--secret", "word"});
  ASSERT_FALSE(coordinator.address.empty()) << coordinator.err();
  Child liar(join(coordinator, {"--secret", "guess"}));
  EXPECT_EQ(liar.wait(), 1);
  EXPECT_NE(liar.err().find("the secret is wrong\nhint: "), std::string::npos) << liar.err();
  const auto endpoint = resolve(*parse_url("http://" + coordinator.address));
  for (const std::string& words : {std::string("GET / HTTP/1.1\r\n\r\n"), std::string(100'000, 'x'),
                                   std::string("{}\n"), std::string("{\"is\":\"ready\"}\n")}) {
    SCOPED_TRACE(words.substr(0, 30));
    Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::connect(socket.get(), reinterpret_cast<const sockaddr*>(&endpoint->address), endpoint->address_size),
              0);
    ::send(socket.get(), words.data(), words.size(), MSG_NOSIGNAL);
    char buffer[4096];
    while (::recv(socket.get(), buffer, sizeof buffer, 0) > 0) {}  // until it is closed
  }
  Child host(join(coordinator, {"--secret", "word"}));
  EXPECT_EQ(coordinator.wait(), 0) << coordinator.err();
  EXPECT_EQ(json::parse(coordinator.out()).at("total").at("received"), 200);
}

TEST(Hosts, WhatAHostCannotDoIsSaidInItsWords) {
  FakeServer server;
  struct Case {
    const char* name;
    Words more;
    std::string before;
    const char* says;
  };
  for (const Case& c :
       {Case{"descriptors", {"--sse", "500"}, "ulimit -n 200; ", "500 connections need 532 descriptors"},
        Case{"no such name",
             {"--sse", "1", "--sse-url", "http://" + std::string(70, 'a') + ".example/"},
             "",
             "resolve aaaa"}}) {
    SCOPED_TRACE(c.name);
    Coordinator coordinator(server, Words{"--hosts", "1", "--for", "500ms"} + c.more);
    Child host({"/bin/sh", "-c", c.before + "exec " + kProgram + " --join " + coordinator.address});
    EXPECT_EQ(coordinator.wait(), 1);
    EXPECT_EQ(host.wait(), 1);
    EXPECT_NE(coordinator.err().find("host 127.0.0.1:"), std::string::npos) << coordinator.err();
    EXPECT_NE(coordinator.err().find(c.says), std::string::npos) << coordinator.err();
    EXPECT_NE(host.err().find(c.says), std::string::npos) << host.err();
  }
}

}  // namespace
}  // namespace fanlight::load
