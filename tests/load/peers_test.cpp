// Runs against servers that are not ours.
#include "tests/load/peers.hpp"

#include <gtest/gtest.h>

#include "load/run.hpp"

namespace fanlight::load {
namespace {

using std::chrono::milliseconds;

Plan small_plan() {
  Plan plan;
  plan.phases = {{.duration = milliseconds(1000), .rate = 100}};
  plan.warmup = milliseconds(200);
  plan.connect_timeout = std::chrono::seconds(5);
  return plan;
}

void expect_everything(const Plan& plan, unsigned subscribers) {
  const auto report = run(plan);
  ASSERT_TRUE(report) << report.error().what;
  const Tally total = report->total();
  EXPECT_EQ(total.established, subscribers) << to_text(*report);
  EXPECT_EQ(report->published.accepted, 100u) << to_text(*report);
  EXPECT_EQ(total.received, subscribers * 100u) << to_text(*report);
  EXPECT_EQ(total.gaps + total.duplicates + total.malformed + total.bad_ids + total.disconnected, 0u)
      << to_text(*report);
  EXPECT_EQ(report->misses(total), 0u);
  EXPECT_EQ(report->last_receiver.count(), 100u);
}

TEST(Peers, NchanOverHttpAndTls) {
  const Peer nginx = Peer::nginx();
  if (!nginx.why_not().empty()) GTEST_SKIP() << nginx.why_not();
  Plan plan = small_plan();
  plan.adapter = "nchan";
  plan.publishers = 1;  // nchan orders by arrival
  plan.groups = {{Protocol::sse, 20, {}}, {Protocol::websocket, 20, {}}};
  plan.url = "http://" + nginx.address();
  expect_everything(plan, 40);
  plan.url = "https://" + nginx.tls_address();
  plan.topic = "secure";
  plan.security.ca_file = nginx.certificate();
  expect_everything(plan, 40);
}

TEST(Peers, CertificatesAreLookedAt) {
  const Peer nginx = Peer::nginx();
  if (!nginx.why_not().empty()) GTEST_SKIP() << nginx.why_not();
  Plan plan = small_plan();
  plan.adapter = "nchan";
  plan.publishers = 0;
  plan.groups = {{Protocol::sse, 3, {}}};
  plan.url = "https://" + nginx.tls_address();
  auto report = run(plan);
  ASSERT_FALSE(report);
  EXPECT_NE(report.error().what.find("certificate: self-signed"), std::string::npos) << report.error().what;
  plan.security.ca_file = nginx.certificate();
  plan.url = "https://127.0.0.2:" + nginx.tls_address().substr(10);  // nobody listens there
  report = run(plan);
  ASSERT_FALSE(report);
  EXPECT_NE(report.error().what.find("Connection refused"), std::string::npos) << report.error().what;
  plan.url = "https://" + nginx.tls_address();
  plan.security = {.ca_file = {}, .insecure = true};
  report = run(plan);
  ASSERT_TRUE(report) << report.error().what;
  EXPECT_EQ(report->total().established, 3u);
  EXPECT_EQ(report->total().tls.count(), 3u);
}

TEST(Peers, AnswersThatAreNoStreamAreNamed) {
  const Peer nginx = Peer::nginx();
  if (!nginx.why_not().empty()) GTEST_SKIP() << nginx.why_not();
  for (const auto& [path, says] : {std::pair{"/html", "not an event stream but text/html"},
                                   std::pair{"/old", "answered 410"}, std::pair{"/nothing", "answered 404"}}) {
    Plan plan = small_plan();
    plan.publishers = 0;
    plan.groups = {{Protocol::sse, 2, {}}};
    plan.urls.sse = "http://" + nginx.address() + path;
    const auto report = run(plan);
    ASSERT_FALSE(report);
    EXPECT_NE(report.error().what.find(says), std::string::npos) << report.error().what;
  }
}

TEST(Peers, Redis) {
  const Peer redis = Peer::redis("secret");
  if (!redis.why_not().empty()) GTEST_SKIP() << redis.why_not();
  Plan plan = small_plan();
  plan.adapter = "redis";
  plan.url = "redis://" + redis.address();
  plan.groups = {{Protocol::redis, 30, {}}};
  plan.token = "secret";
  expect_everything(plan, 30);
  plan.token.clear();
  plan.publishers = 0;
  const auto refused = run(plan);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().what.find("answered NOAUTH"), std::string::npos) << refused.error().what;
}

TEST(Peers, Nats) {
  const Peer nats = Peer::nats("secret");
  if (!nats.why_not().empty()) GTEST_SKIP() << nats.why_not();
  Plan plan = small_plan();
  plan.adapter = "nats";
  plan.url = "nats://" + nats.address();
  plan.groups = {{Protocol::nats, 30, {}}};
  plan.token = "secret";
  expect_everything(plan, 30);
  plan.token = "wrong";
  plan.publishers = 0;
  const auto refused = run(plan);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().what.find("Authorization Violation"), std::string::npos) << refused.error().what;
}

TEST(Peers, NatsOverTls) {
  const Peer nats = Peer::nats_tls();
  if (!nats.why_not().empty()) GTEST_SKIP() << nats.why_not();
  Plan plan = small_plan();
  plan.adapter = "nats";
  plan.url = "tls://" + nats.address();
  plan.groups = {{Protocol::nats, 30, {}}};
  plan.security.ca_file = nats.certificate();
  expect_everything(plan, 30);
  plan.publishers = 0;
  plan.security.ca_file.clear();
  const auto stranger = run(plan);
  ASSERT_FALSE(stranger);
  EXPECT_NE(stranger.error().what.find("certificate: self-signed"), std::string::npos) << stranger.error().what;
  const Peer plain = Peer::nats();
  ASSERT_EQ(plain.why_not(), "");
  plan.url = "tls://" + plain.address();
  for (const unsigned publishers : {0u, 1u}) {
    plan.publishers = publishers;
    const auto refused = run(plan);
    ASSERT_FALSE(refused);
    EXPECT_NE(refused.error().what.find("the server offers no TLS"), std::string::npos) << refused.error().what;
  }
}

TEST(Peers, NodeWs) {
  const Peer node = Peer::node_ws();
  if (!node.why_not().empty()) GTEST_SKIP() << node.why_not();
  Plan plan = small_plan();
  plan.groups = {{Protocol::websocket, 30, {}}};
  plan.urls.ws = "ws://" + node.address() + "/any?topic={topic}";
  plan.urls.publish = "http://" + node.address() + "/pub";
  plan.subprotocol = "fan";
  expect_everything(plan, 30);
  plan.urls.publish = "ws://" + node.address() + "/";  // what a client sends goes to everybody
  expect_everything(plan, 30);
  plan.groups[0].profile = *parse_profile("ws-fragmented");
  plan.urls.publish = "http://" + node.address() + "/pub";
  const auto fragmented = run(plan);  // the fragments come back to all: 30 messages that are none of ours
  ASSERT_TRUE(fragmented) << fragmented.error().what;
  EXPECT_GT(fragmented->total().malformed, 0u);
  EXPECT_EQ(fragmented->total().disconnected, 0u);
  plan.groups[0].profile = {};
  plan.subprotocol = "other";
  const auto refused = run(plan);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().what.find("subprotocol 'other' not agreed"), std::string::npos) << refused.error().what;
}

}  // namespace
}  // namespace fanlight::load
