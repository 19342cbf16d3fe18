// Whole runs against a server that misbehaves on demand: what the report says must be what the server did.
#include "load/run.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <stdexcept>
#include <thread>

#include <boost/json.hpp>

#include "load/endpoint.hpp"
#include "tests/child.hpp"
#include "tests/load/fake_server.hpp"

namespace fanlight::load {
namespace {

using std::chrono::milliseconds;

Plan small_plan(const FakeServer& server) {
  Plan plan;
  plan.url = server.url();
  plan.groups = {{Protocol::sse, 20, {}}, {Protocol::websocket, 30, {}}};
  plan.phases = {{.duration = milliseconds(1000), .rate = 200}};
  plan.size = 100;
  plan.warmup = milliseconds(200);
  plan.drain = milliseconds(3000);
  plan.publishers = 1;  // one connection: the server sees messages in the order of their numbers
  return plan;
}

TEST(Run, AGoodServerLosesNothing) {
  for (const bool chunked : {false, true}) {
    SCOPED_TRACE(chunked);
    FakeServer server({.chunked_sse = chunked, .ping_websockets = true});
    Plan plan = small_plan(server);
    plan.publishers = 3;
    plan.threads = 2;
    const auto report = run(plan);
    ASSERT_TRUE(report) << report.error().what;
    EXPECT_EQ(report->published.scheduled, 200u);
    EXPECT_EQ(report->published.accepted, 200u);
    EXPECT_EQ(server.posts(), 240u);  // the warm-up's 40 with them
    EXPECT_EQ(report->of(Protocol::sse).established, 20u);
    EXPECT_EQ(report->of(Protocol::websocket).established, 30u);
    EXPECT_EQ(report->of(Protocol::sse).received, 20u * 200);
    EXPECT_EQ(report->of(Protocol::websocket).received, 30u * 200);
    EXPECT_EQ(report->of(Protocol::websocket).warmup, 30u * 40);
    const Tally total = report->total();
    EXPECT_EQ(report->lost(total), 0u);
    EXPECT_EQ(total.gaps + total.duplicates + total.reordered + total.malformed + total.foreign, 0u);
    EXPECT_EQ(total.disconnected, 0u);
    EXPECT_EQ(total.latency().count(), total.received);
    EXPECT_EQ(report->last_receiver.count(), 200u);
    EXPECT_EQ(report->last_receiver_misses, 0u);
    // The slowest receiver of all is some message's last; and of each message the last is no earlier than the median.
    EXPECT_EQ(report->last_receiver.max(), total.latency().max());
    EXPECT_GE(report->last_receiver.percentile(0.5), total.latency().percentile(0.5));
    EXPECT_DOUBLE_EQ(total.deliveries.index(), 1);
    EXPECT_EQ(server.pongs(), 30u);
    EXPECT_EQ(report->tester.size(), 3u);
  }
}

TEST(Run, WhatTheServerDoesWrongIsInTheReport) {
  FakeServer server({.drop_every = 10, .repeat_every = 16, .swap_every = 25, .garble_every = 33});
  const Plan plan = small_plan(server);
  const auto report = run(plan);
  ASSERT_TRUE(report) << report.error().what;
  // Of the server's messages 40 to 239, which are measured (0 to 39 are warm-up).
  const auto hits = [](unsigned every) {
    std::uint64_t count = 0;
    for (std::uint64_t n = 40; n < 240; ++n) count += n % every == every - 1 ? 1 : 0;
    return count;
  };
  std::uint64_t dropped = 0, garbled = 0, repeated = 0, swapped = 0;
  for (std::uint64_t n = 40; n < 240; ++n) {
    if (n % 10 == 9)
      ++dropped;
    else if (n % 25 == 24)
      ++swapped;
    else if (n % 33 == 32)
      ++garbled;
    if (n % 10 != 9 && n % 25 != 24 && n % 16 == 15) ++repeated;
  }
  constexpr std::uint64_t kGarbledInWarmup = 1;  // message 32: what cannot be read has no time to be sorted by
  EXPECT_EQ(dropped, hits(10));
  EXPECT_EQ(report->published.accepted, 200u);
  EXPECT_EQ(report->expected(report->of(Protocol::websocket)), 30u * 200);
  EXPECT_EQ(report->of(Protocol::websocket).malformed, 30 * (garbled + kGarbledInWarmup));
  EXPECT_EQ(report->lost(report->of(Protocol::websocket)), 30 * (dropped + garbled));
  EXPECT_EQ(report->of(Protocol::websocket).duplicates, 30 * repeated);
  EXPECT_EQ(report->of(Protocol::websocket).reordered, 30 * swapped);
  EXPECT_GT(report->of(Protocol::websocket).gaps, 0u);
  EXPECT_EQ(report->of(Protocol::websocket).latency().count() + report->lost(report->of(Protocol::websocket)),
            report->expected(report->of(Protocol::websocket)));
  EXPECT_EQ(report->lost(report->of(Protocol::sse)), 20 * (dropped + garbled));
  EXPECT_EQ(report->last_receiver.count(), 200 - dropped - garbled);
  EXPECT_EQ(report->last_receiver_misses, dropped + garbled);
}

TEST(Run, CutStreamsCountAsLost) {
  FakeServer server({.cut_after = 140});
  const auto report = run(small_plan(server));
  ASSERT_TRUE(report) << report.error().what;
  EXPECT_EQ(report->of(Protocol::sse).disconnected, 20u);
  EXPECT_EQ(report->of(Protocol::sse).disconnects.at("closed by the server"), 20u);
  EXPECT_EQ(report->of(Protocol::sse).received, 20u * 100);
  EXPECT_EQ(report->lost(report->of(Protocol::sse)), 20u * 100);
  EXPECT_EQ(report->lost(report->of(Protocol::websocket)), 0u);
  // 20 that had 100 and 30 that had 200: (20 100 + 30 200)^2 / (50 (20 100^2 + 30 200^2)).
  EXPECT_DOUBLE_EQ(report->total().deliveries.index(), 64.0 / 70);
  EXPECT_EQ(report->last_receiver.count(), 100u);
  EXPECT_EQ(report->last_receiver_misses, 100u);
  EXPECT_EQ(report->total().standing, 30u);
  EXPECT_FALSE(report->nobody_left());
  EXPECT_NE(to_text(*report).find("survival 0.0 %"), std::string::npos) << to_text(*report);
}

TEST(Run, RefusedSubscribersAndMessagesAreCountedByCause) {
  FakeServer server({.refuse_posts_every = 4, .refuse_websockets = true});
  const auto report = run(small_plan(server));
  ASSERT_TRUE(report) << report.error().what;
  EXPECT_EQ(report->of(Protocol::websocket).established, 0u);
  EXPECT_EQ(report->of(Protocol::websocket).connect_failures.at("answered 404"), 30u);
  EXPECT_EQ(report->published.refused, 50u);
  EXPECT_EQ(report->published.accepted, 150u);
  EXPECT_EQ(report->published.causes.at("answered 503"), 50u);
  EXPECT_EQ(report->lost(report->of(Protocol::sse)), 0u);  // what the server refused nobody can expect
  const Published& p = report->published;
  EXPECT_EQ(p.scheduled, p.accepted + p.refused + p.failed + p.unanswered + p.unsent());
}

TEST(Run, AForgedHandshakeIsNotASubscription) {
  FakeServer server({.wrong_accept = true});
  const auto report = run(small_plan(server));
  ASSERT_TRUE(report);
  EXPECT_EQ(report->of(Protocol::websocket).connect_failures.at("wrong WebSocket handshake"), 30u);
}

TEST(Run, AnInterruptEndsItEarlyWithAReport) {
  FakeServer server;
  Plan plan = small_plan(server);
  plan.phases[0].duration = std::chrono::hours(1);
  int asked = 0;
  const auto report = run(plan, {[&] { return ++asked > 40; }, [](const std::string&) {}, 1000});
  ASSERT_TRUE(report);
  EXPECT_TRUE(report->interrupted);
  EXPECT_LT(report->seconds(), 60);
  const Published& p = report->published;
  EXPECT_EQ(p.scheduled, p.accepted + p.refused + p.failed + p.unanswered + p.unsent());
}

TEST(Run, AServerThatGoesAwayEndsTheRun) {
  FakeServer server({.die_after = 120});
  Plan plan = small_plan(server);
  plan.phases[0].duration = std::chrono::hours(1);
  plan.drain = std::chrono::hours(1);
  const auto report = run(plan);
  ASSERT_TRUE(report) << report.error().what;
  ASSERT_TRUE(report->server_lost_after_ns);
  EXPECT_FALSE(report->interrupted);
  // Message 119, counted from 0, is due 595 ms after the first.
  EXPECT_GE(*report->server_lost_after_ns, 590'000'000u);
  EXPECT_LT(*report->server_lost_after_ns, 60'000'000'000u);
  EXPECT_LT(report->seconds(), 120);
  const Published& p = report->published;
  EXPECT_EQ(p.scheduled, p.accepted + p.refused + p.failed + p.unanswered + p.unsent());
  EXPECT_GT(p.unsent_no_connection, 100u);  // a second's worth is 200
  EXPECT_EQ(report->total().disconnected, 50u);
  EXPECT_NE(to_text(*report).find("the server went away after "), std::string::npos);
}

TEST(Run, AServerThatAsksForNoPauseAndIsGoneEndsTheRunAllTheSame) {
  FakeServer server({.die_after = 60, .retry_ms = 0});
  Plan plan = small_plan(server);
  plan.groups = {{Protocol::sse, 5, {}}};
  plan.phases[0].duration = std::chrono::hours(1);
  plan.reconnect = true;
  const auto report = run(plan);
  ASSERT_TRUE(report) << report.error().what;
  EXPECT_TRUE(report->server_lost_after_ns);
  const Tally tally = report->of(Protocol::sse);
  EXPECT_EQ(tally.disconnected, 5u);
  EXPECT_GT(total_of(tally.reconnect_failures), 5u);
  EXPECT_EQ(tally.reconnects, 0u);
}

TEST(Run, AnswersThatEndWithTheirConnectionAreAnswers) {
  FakeServer server({.refuse_posts_every = 4, .old_http = true});
  Plan plan = small_plan(server);
  plan.phases[0].rate = 50;
  const auto report = run(plan);
  ASSERT_TRUE(report) << report.error().what;
  EXPECT_EQ(report->published.scheduled, 50u);
  EXPECT_EQ(report->published.failed + report->published.unanswered + report->published.unsent(), 0u);
  // Ten of the warm-up: of messages 10 to 59 those whose number ends a four.
  EXPECT_EQ(report->published.refused, 13u);
  EXPECT_EQ(report->published.causes, (Causes{{"answered 503", 13}}));
  EXPECT_EQ(report->lost(report->total()), 0u);
}

TEST(Run, StreamsThatAreCutAreNotAServerThatWentAway) {
  FakeServer server({.cut_after = 60});
  Plan plan = small_plan(server);
  plan.groups.pop_back();
  plan.phases[0].duration = milliseconds(2500);
  const auto report = run(plan);
  ASSERT_TRUE(report) << report.error().what;
  EXPECT_EQ(report->of(Protocol::sse).disconnected, 20u);
  EXPECT_FALSE(report->server_lost_after_ns);
  EXPECT_EQ(report->published.accepted, 500u);
}

TEST(Run, CutStreamsComeBackForWhatTheyMissed) {
  FakeServer server({.cut_after = 100, .cut_once = true});
  Plan plan = small_plan(server);
  plan.groups = {{Protocol::sse, 10, {}}};
  plan.reconnect = true;
  const auto report = run(plan);
  ASSERT_TRUE(report) << report.error().what;
  const Tally tally = report->of(Protocol::sse);
  EXPECT_EQ(tally.disconnected, 10u);
  EXPECT_EQ(tally.reconnects, 10u);
  EXPECT_GE(tally.replayed, 10u * 20);  // 200 ms of 200 messages a second
  EXPECT_EQ(tally.received, 10u * 200);
  EXPECT_EQ(report->misses(tally), 0u);
  EXPECT_EQ(tally.recovery.count(), 10u);
  EXPECT_GE(tally.recovery.percentile(0), 200'000'000u);  // the server's retry
  EXPECT_EQ(tally.bad_ids + tally.duplicates + tally.gaps, 0u);
}

TEST(Run, EndlessStreamsAreCountedAsOpenStreams) {
  FakeServer server;
  Plan plan = small_plan(server);
  plan.groups = {{Protocol::sse, 5, {}}};
  const auto report = run(plan);
  ASSERT_TRUE(report);
  const Tally tally = report->of(Protocol::sse);
  EXPECT_EQ(tally.established, 5u);
  EXPECT_EQ(tally.disconnected, 0u);
  // Of the measured second or, where the last one took longer, until it came.
  const double seconds =
      static_cast<double>(std::max(report->published.end_ns, tally.last_received_ns) - report->published.begin_ns) /
      1e9;
  EXPECT_GE(seconds, 1);
  EXPECT_NEAR(report->delivered_per_second(tally) * seconds, 1000, 1e-6);
  EXPECT_EQ(tally.latency().count(), 1000u);  // one per event
  EXPECT_FALSE(report->timeline.empty());
}

TEST(Run, ListeningToStreamsThatAreCutIsAFailure) {
  FakeServer server({.cut_after = 20});
  Plan plan = small_plan(server);
  plan.groups = {{Protocol::sse, 5, {}}};
  plan.publishers = 0;
  plan.phases[0].duration = std::chrono::hours(1);
  Plan filling = small_plan(server);
  filling.groups = {{Protocol::websocket, 1, {}}};
  std::thread somebody([&] { [[maybe_unused]] const auto other = run(filling); });
  const auto report = run(plan);
  somebody.join();
  ASSERT_TRUE(report);
  EXPECT_TRUE(report->server_lost_after_ns);
  EXPECT_EQ(report->total().disconnected, 5u);
}

TEST(Run, ProfilesMisbehaveAndTheOthersAreAccountedForAlone) {
  FakeServer server;
  Plan plan = small_plan(server);
  plan.phases[0].duration = milliseconds(2000);
  const auto with = [&](Protocol protocol, unsigned count, const char* profile) {
    plan.groups.push_back({protocol, count, *parse_profile(profile)});
  };
  with(Protocol::sse, 3, "slow-reader=100");
  with(Protocol::sse, 3, "stalled-reader");
  with(Protocol::websocket, 3, "resetter=200ms");
  with(Protocol::sse, 3, "half-open");
  with(Protocol::sse, 3, "headers-absurd");
  with(Protocol::sse, 3, "headers-dribble");
  with(Protocol::sse, 3, "headers-large");
  with(Protocol::websocket, 3, "headers-minimal");
  with(Protocol::websocket, 3, "headers-browser");
  with(Protocol::websocket, 3, "reconnect-storm=500ms");
  with(Protocol::websocket, 3, "ws-fragmented");
  const auto report = run(plan);
  ASSERT_TRUE(report) << report.error().what;
  const auto group = [&](const char* profile) -> const Tally& {
    for (const GroupReport& one : report->groups)
      if (one.group.profile.name == profile) return one.tally;
    throw std::runtime_error(profile);
  };
  EXPECT_EQ(report->total().established, 20u + 30 + 18);
  EXPECT_EQ(report->lost(report->total()), 0u);
  EXPECT_EQ(group("slow-reader=100").established, 3u);
  EXPECT_LE(group("slow-reader=100").bytes, 3u * 100 * 5);
  EXPECT_LE(group("stalled-reader").bytes, 3u * 4096);
  EXPECT_EQ(group("stalled-reader").received, 0u);
  EXPECT_GE(group("resetter=200ms").own_cuts, 10u);
  EXPECT_GE(group("resetter=200ms").reconnects, 10u);
  EXPECT_EQ(group("half-open").established, 0u);
  EXPECT_EQ(group("half-open").failed_connects(), 0u);
  EXPECT_GE(group("reconnect-storm=500ms").own_cuts, 3u * 3);
  EXPECT_EQ(group("ws-fragmented").received, 3u * 400);
  EXPECT_GT(group("headers-dribble").head.count(), 0u);
  EXPECT_NE(to_text(*report).find("ws:resetter=200ms"), std::string::npos);
}

TEST(Run, HalfClosedSubscribersGoOnReceivingWhereTheServerLetsThem) {
  for (const bool kept : {true, false}) {
    SCOPED_TRACE(kept);
    FakeServer server({.keep_half_closed = kept});
    Plan plan = small_plan(server);
    plan.groups = {{Protocol::sse, 5, {}}, {Protocol::sse, 3, *parse_profile("half-closed")}};
    const auto report = run(plan);
    ASSERT_TRUE(report) << report.error().what;
    const Tally& half = report->groups[1].tally;
    EXPECT_EQ(half.established, 3u);
    if (kept) {
      EXPECT_EQ(half.received, 3u * 200);
      EXPECT_EQ(half.disconnected, 0u);
    } else {
      EXPECT_EQ(half.received, 0u);
      EXPECT_EQ(half.disconnects.at("closed by the server"), 3u);
    }
    // Either way the others do not notice.
    EXPECT_EQ(report->total().received, 5u * 200);
    EXPECT_EQ(report->total().disconnected, 0u);
  }
}

TEST(Run, OversizedFramesAreSentWholeAndTheRefusalIsNamed) {
  for (const bool refused : {true, false}) {
    SCOPED_TRACE(refused);
    FakeServer server({.max_frame = refused ? 65536u : 0u});
    Plan plan = small_plan(server);
    plan.groups = {{Protocol::websocket, 5, {}}, {Protocol::websocket, 3, *parse_profile("ws-oversized")}};
    const auto report = run(plan);
    ASSERT_TRUE(report) << report.error().what;
    const Tally& oversized = report->groups[1].tally;
    EXPECT_EQ(oversized.established, 3u);
    if (refused) {
      EXPECT_EQ(oversized.disconnects.at("closed by the server with 1009"), 3u);
    } else {
      EXPECT_GE(server.websocket_bytes(), 3u * (2u << 20));
      EXPECT_EQ(oversized.disconnected, 0u);
      EXPECT_EQ(oversized.received, 3u * 200);
    }
    EXPECT_EQ(report->total().received, 5u * 200);
    EXPECT_EQ(report->total().disconnected, 0u);
  }
}

TEST(Run, ANameThatDoesNotResolveIsAnErrorWithAHint) {
  FakeServer server;
  // A label of more than 63 letters: no resolver asks anybody about it.
  const std::string nowhere = "http://" + std::string(70, 'a') + ".example:80/";
  for (const bool publishing : {false, true}) {
    SCOPED_TRACE(publishing);
    Plan plan = small_plan(server);
    (publishing ? plan.urls.publish : plan.urls.sse) = nowhere;
    const auto report = run(plan);
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().what.find("resolve aaaa"), 0u) << report.error().what;
    EXPECT_EQ(report.error().hint, "check the host in the URL");
  }
  EXPECT_EQ(server.accepted(), 0u);
}

TEST(Run, EveryFailureIsCountedUnderItsCauseWhileTheOthersGoOn) {
  using Sse = Misbehaviour::Sse;
  const std::string packed = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\n\r\n";
  const std::string page = "HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>";
  struct Case {
    const char* name;
    Sse sse;
    std::string answer;
    std::string scheme;  // of the SSE URL
    const char* cause;
  };
  for (const Case& c :
       {Case{"refused", Sse::serve, "", "dead", "connect: Connection refused"},
        Case{"reset", Sse::reset, "", "http", "receive: Connection reset by peer"},
        Case{"closed", Sse::answer, "", "http", "closed by the server"},
        Case{"wrong type", Sse::answer, page, "http", "not an event stream but text/html; charset=utf-8"},
        Case{"no type", Sse::answer, "HTTP/1.1 200 OK\r\n\r\n", "http", "not an event stream but without a type"},
        Case{"compressed", Sse::answer, packed, "http", "content coding 'gzip', which is not read here"},
        Case{"HTTP error", Sse::answer, "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", "http", "answered 503"},
        Case{"redirect", Sse::answer, "HTTP/1.1 302 Found\r\nLocation: /x\r\n\r\n", "http", "answered 302"},
        Case{"nonsense", Sse::answer, "SSH-2.0-OpenSSH_9.2\r\n\r\n", "http", "malformed HTTP"},
        Case{"silence", Sse::ignore, "", "http", "no answer in time"},
        Case{"TLS where there is none", Sse::serve, "", "https", "TLS: wrong version number"}}) {
    SCOPED_TRACE(c.name);
    FakeServer server({.sse = c.sse, .sse_answer = c.answer});
    Plan plan = small_plan(server);
    plan.groups = {{Protocol::sse, 3, {}}, {Protocol::websocket, 4, {}}};
    plan.phases[0].duration = milliseconds(100);
    plan.warmup = milliseconds(0);
    plan.connect_timeout = milliseconds(c.sse == Sse::ignore ? 300 : 10'000);
    std::uint16_t port = server.port();
    if (c.scheme == "dead") port = FakeServer().port();  // gone again
    plan.urls.sse = (c.scheme == "https" ? "https" : "http") + ("://127.0.0.1:" + std::to_string(port)) + "/sse/load";
    const auto report = run(plan);
    ASSERT_TRUE(report) << report.error().what;
    EXPECT_EQ(report->of(Protocol::sse).established, 0u);
    EXPECT_EQ(report->of(Protocol::sse).connect_failures, (Causes{{c.cause, 3}})) << to_text(*report);
    EXPECT_NE(to_text(*report).find(std::string("3 ") + c.cause), std::string::npos) << to_text(*report);
    EXPECT_EQ(report->of(Protocol::websocket).received, 4u * 20);
    EXPECT_EQ(report->misses(report->of(Protocol::websocket)), 0u);
  }
}

TEST(Run, SourceAddressesAreUsedInTurn) {
  FakeServer server;
  Plan plan = small_plan(server);
  plan.phases[0].duration = milliseconds(100);
  plan.sources = *parse_sources("127.0.0.2-127.0.0.6");
  const auto report = run(plan);
  ASSERT_TRUE(report) << report.error().what;
  server.stop();
  EXPECT_EQ(server.peers(), (std::set<std::string>{"127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5",
                                                   "127.0.0.6"}));  // the first is the publisher's
}

TEST(Run, WorkersHoldTheSubscribersTogether) {
  FakeServer server;
  Plan plan = small_plan(server);
  plan.workers = 3;
  plan.threads = 1;
  const auto report = run(plan);
  ASSERT_TRUE(report) << report.error().what;
  EXPECT_EQ(report->of(Protocol::sse).established, 20u);
  EXPECT_EQ(report->of(Protocol::websocket).received, 30u * 200);
  EXPECT_EQ(report->misses(report->total()), 0u);
  EXPECT_EQ(report->last_receiver.count(), 200u);
  EXPECT_EQ(report->tester.size(), 4u);
  EXPECT_EQ(report->total().deliveries.count, 50u);
}

TEST(Run, TheServersOwnUseIsReported) {
  FakeServer server;
  Plan plan = small_plan(server);
  plan.server_pid = ::getpid();  // it lives in this process
  const auto report = run(plan);
  ASSERT_TRUE(report) << report.error().what;
  ASSERT_TRUE(report->server);
  EXPECT_EQ(report->server->trouble, "");
  EXPECT_GT(report->server->rss_bytes, 1u << 20);
  EXPECT_GE(report->server->sockets, 51u);
  // The sockets are those of the server that streams come from, wherever --url points.
  Plan listening = plan;
  listening.url = "http://127.0.0.1:1";
  listening.urls.sse = server.url() + "/sse/load";
  listening.groups = {{Protocol::sse, 7, {}}};
  listening.publishers = 0;
  const auto listened = run(listening);
  ASSERT_TRUE(listened) << listened.error().what;
  EXPECT_GE(listened->server->sockets, 7u);
  EXPECT_TRUE(to_text(*listened).starts_with("7 SSE subscribers of 'load' at " + listening.urls.sse + "\n"));
  plan.server_pid = 4194300;
  const auto none = run(plan);
  ASSERT_TRUE(none);
  EXPECT_NE(none->server->trouble.find("there is none"), std::string::npos);
}

TEST(Run, PhasesAreAccountedForOneByOne) {
  FakeServer server({.refuse_posts_every = 10});
  Plan plan = small_plan(server);
  plan.phases = {
      {.name = "calm", .duration = milliseconds(500), .rate = 100},
      {.name = "storm", .duration = milliseconds(500), .shape = Shape::burst, .burst = 60, .every = milliseconds(250)}};
  plan.publishers = 60;
  const auto report = run(plan);
  ASSERT_TRUE(report) << report.error().what;
  ASSERT_EQ(report->published.phases.size(), 2u);
  EXPECT_EQ(report->published.phases[0].outcomes.scheduled, 50u);
  EXPECT_EQ(report->published.phases[1].outcomes.scheduled, 120u);
  EXPECT_EQ(report->published.scheduled, 170u);
  const Tally total = report->total();
  ASSERT_EQ(total.phases.size(), 2u);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(total.phases[i].received, 50 * report->published.phases[i].outcomes.accepted);
    EXPECT_EQ(report->misses(total, i), 0u);  // what was refused is owed to nobody
  }
}

TEST(Run, NobodyThereIsAnErrorWithAHint) {
  Plan plan;
  plan.groups = {{Protocol::sse, 1, {}}};
  {
    const FakeServer gone;
    plan.url = gone.url();
  }
  const auto report = run(plan);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ECONNREFUSED);
  EXPECT_FALSE(report.error().hint.empty());
}

TEST(Run, NoSubscriptionAtAllIsAnError) {
  FakeServer server({.refuse_websockets = true});
  Plan plan = small_plan(server);
  plan.groups.erase(plan.groups.begin());
  const auto report = run(plan);
  ASSERT_FALSE(report);
  EXPECT_NE(report.error().what.find("answered 404"), std::string::npos) << report.error().what;
}

struct Finished {
  int status = -1;
  std::string out;
};

Finished program(const std::string& arguments) {
  Finished finished;
  FILE* const pipe = ::popen((std::string(FANLIGHT_BINARY_DIR "/bin/fanlight-load ") + arguments).c_str(), "r");
  std::array<char, 4096> buffer;
  for (std::size_t got; pipe != nullptr && (got = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;)
    finished.out.append(buffer.data(), got);
  const int status = pipe == nullptr ? -1 : ::pclose(pipe);
  if (WIFEXITED(status)) finished.status = WEXITSTATUS(status);
  return finished;
}

TEST(Program, JsonStandsAloneOnStandardOutput) {
  FakeServer server;
  const Finished finished =
      program("--sse 5 --ws 5 --rate 100 --for 500ms --warmup 100ms --quiet --json - --url " + server.url());
  EXPECT_EQ(finished.status, 0);
  const boost::json::object report = boost::json::parse(finished.out).as_object();
  EXPECT_EQ(report.at("schema"), kReportSchema);
  EXPECT_EQ(report.at("published").at("accepted"), 50);
  const boost::json::object& total = report.at("total").as_object();
  EXPECT_EQ(total.at("received"), 500);
  EXPECT_EQ(total.at("expected"), 500);
  EXPECT_EQ(total.at("lost"), 0);
  EXPECT_EQ(total.at("latency_ns").at("count"), 500);
}

TEST(Program, AJsonFileThatCannotBeWrittenFailsBeforeTheRun) {
  FakeServer server;
  const Finished finished =
      program("--sse 1 --for 300ms --warmup 0ms --quiet --json /proc/no/such.json --url " + server.url() + " 2>&1");
  EXPECT_EQ(finished.status, 1);
  EXPECT_EQ(server.posts(), 0u);
  EXPECT_TRUE(finished.out.starts_with("fanlight-load: write /proc/no/such.json: ")) << finished.out;
  EXPECT_NE(finished.out.find("\nhint: "), std::string::npos) << finished.out;
}

TEST(Program, AServerThatGoesAwayIsAFailureWithAReport) {
  FakeServer server({.die_after = 30});
  const Finished finished = program("--sse 5 --rate 100 --for 1h --warmup 0ms --json - --quiet --url " + server.url());
  EXPECT_EQ(finished.status, 1);
  const boost::json::object report = boost::json::parse(finished.out).as_object();
  EXPECT_EQ(report.at("server_lost"), true);
  EXPECT_GT(report.at("server_lost_after_ns").to_number<std::uint64_t>(), 280'000'000u);
}

TEST(Program, StreamsThatAreAllCutAreNeverASuccess) {
  FakeServer server({.cut_after = 20});
  const std::string common = "--rate 100 --for 500ms --warmup 0ms --quiet --url " + server.url() + " 2>&1";
  const Finished all = program("--sse 5 " + common);
  EXPECT_EQ(all.status, 1);
  EXPECT_NE(all.out.find("fanlight-load: no stream was left at the end"), std::string::npos) << all.out;
  EXPECT_NE(all.out.find("survival 0.0 %"), std::string::npos) << all.out;
}

TEST(Program, ErrorsNameTheUrlThatFailed) {
  FakeServer server;
  std::string dead;
  {
    const FakeServer gone;
    dead = gone.url();
  }
  const std::string common = "--sse 1 --quiet --for 100ms --url " + server.url();
  const Finished subscribing = program(common + " --sse-url " + dead + "/s 2>&1");
  EXPECT_EQ(subscribing.status, 1);
  EXPECT_NE(subscribing.out.find("subscribe to " + dead + "/s: nobody could (1 connect: Connection refused)"),
            std::string::npos)
      << subscribing.out;
  const Finished publishing = program(common + " --publish " + dead + "/p 2>&1");
  EXPECT_EQ(publishing.status, 1);
  EXPECT_NE(publishing.out.find("publish to " + dead + "/p: "), std::string::npos) << publishing.out;
  const Finished path = program("--sse 1 --url " + server.url() + "/prefix 2>&1");
  EXPECT_EQ(path.status, 2);
  EXPECT_NE(path.out.find("the paths are --adapter fanlight's"), std::string::npos) << path.out;
}

TEST(Program, ARunThatFailsLeavesNoJsonFileAndKeepsTheOneBefore) {
  std::string url;
  {
    const FakeServer gone;
    url = gone.url();
  }
  const std::filesystem::path directory = std::filesystem::temp_directory_path() / std::to_string(::getpid());
  std::filesystem::create_directory(directory);
  const std::filesystem::path fresh = directory / "fresh.json", kept = directory / "kept.json";
  std::ofstream(kept) << "earlier";
  for (const auto& file : {fresh, kept})
    EXPECT_EQ(program("--sse 1 --quiet --json " + file.string() + " --url " + url + " 2>/dev/null").status, 1);
  EXPECT_FALSE(std::filesystem::exists(fresh));
  EXPECT_EQ(std::filesystem::file_size(kept), 7u);
  FakeServer server;
  EXPECT_EQ(program("--sse 1 --for 100ms --warmup 0ms --quiet --json " + kept.string() + " --url " + server.url() +
                    " >/dev/null")
                .status,
            0);
  std::stringstream text;
  text << std::ifstream(kept).rdbuf();
  EXPECT_EQ(boost::json::parse(text.str()).at("schema"), kReportSchema);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory), {}), 1);
  std::filesystem::remove_all(directory);
}

TEST(Program, LimitsDecideTheExitStatus) {
  FakeServer server({.drop_every = 10});
  const std::string common = "--sse 5 --rate 100 --for 500ms --warmup 0ms --drain 200ms --quiet --url " + server.url() +
                             " 2>&1 >/dev/null --fail-if ";
  EXPECT_EQ(program(common + "'lost>50%'").status, 0);
  const Finished broken = program(common + "'p50>10s,lost>5%'");
  EXPECT_EQ(broken.status, 1);
  EXPECT_NE(broken.out.find("LIMIT BROKEN: lost>5%: 10 %"), std::string::npos) << broken.out;
  EXPECT_EQ(broken.out.find("LIMIT BROKEN: p50"), std::string::npos) << broken.out;
}

/// One request, as curl would make it; the whole answer.
std::string ask(std::uint16_t port, const std::string& request) {
  const auto endpoint = resolve(*parse_url("http://127.0.0.1:" + std::to_string(port)));
  Fd socket(::socket(AF_INET, SOCK_STREAM, 0));
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&endpoint->address), endpoint->address_size) != 0)
    return {};
  ::send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL);
  std::string answer;
  char buffer[4096];
  for (ssize_t got; (got = ::recv(socket.get(), buffer, sizeof buffer, 0)) > 0;)
    answer.append(buffer, static_cast<std::size_t>(got));
  return answer;
}

TEST(Program, PolicyAndMetricsWhileItRuns) {
  FakeServer server;
  testing::Child load({FANLIGHT_BINARY_DIR "/bin/fanlight-load", "--sse", "10", "--rate", "50", "--for", "6s",
                       "--warmup", "0s", "--url", server.url(), "--listen", "127.0.0.1:0", "--json", "-"});
  const std::string address = load.await("metrics and policy on http://127.0.0.1:");
  ASSERT_FALSE(address.empty()) << load.err();
  const auto port = static_cast<std::uint16_t>(std::stoul(address));
  const std::string host = "Host: 127.0.0.1:" + address + "\r\nConnection: close\r\n";
  const auto get = [&](const std::string& path) { return ask(port, "GET " + path + " HTTP/1.1\r\n" + host + "\r\n"); };
  const auto post = [&](const std::string& body, const std::string& more = "") {
    return ask(port, "POST /policy HTTP/1.1\r\n" + host + more + "Content-Length: " + std::to_string(body.size()) +
                         "\r\n\r\n" + body);
  };
  const auto comes = [&](const std::string& path, const std::string& text) {
    for (int i = 0; i < 200; ++i) {
      if (get(path).find(text) != std::string::npos) return true;
      std::this_thread::sleep_for(milliseconds(10));
    }
    return false;
  };
  EXPECT_TRUE(comes("/metrics", "fanlight_load_streams 10")) << get("/metrics");
  EXPECT_TRUE(comes("/metrics", "fanlight_load_clients{state=\"syncing\"} 10")) << get("/metrics");
  for (int i = 0; i < 200 && server.posts() < 20; ++i) std::this_thread::sleep_for(milliseconds(10));
  EXPECT_NE(post("{\"schedule\": \"0\"}").find(" 400 "), std::string::npos);
  EXPECT_NE(post("{}", "Origin: http://evil.example\r\n").find(" 403 "), std::string::npos);
  EXPECT_NE(get("/nothing").find(" 404 "), std::string::npos);
  EXPECT_NE(post(R"({"schedule": "400", "subscribers": {"sse": 25}})").find(" 200 "), std::string::npos);
  EXPECT_TRUE(comes("/policy", "\"streams\":25")) << get("/policy");
  post(R"({"subscribers": {"sse": 5}})");
  EXPECT_EQ(load.wait(), 0) << load.err();
  const boost::json::object report = boost::json::parse(load.out()).as_object();
  EXPECT_GT(report.at("published").at("accepted").to_number<int>(), 400);
  EXPECT_EQ(report.at("total").at("established"), 25);
  EXPECT_EQ(report.at("total").at("left"), 20);
  EXPECT_EQ(report.at("total").at("disconnected"), 0);
  EXPECT_EQ(report.at("total").at("joined_late"), 15);
  EXPECT_EQ(report.at("total").at("standing"), 5);
  EXPECT_EQ(report.at("total").at("gaps"), 0);  // what was published before they came is no gap
  EXPECT_EQ(report.at("published").at("phases").as_array().size(), 2u);
  // Who came late or left early is not owed the rest; what was on its way just then may count either way.
  const double expected = report.at("total").at("expected").to_number<double>();
  EXPECT_NEAR(report.at("total").at("received").to_number<double>() / expected, 1, 0.02);
}

TEST(Program, FewerSubscribersAreStreamsNotAttempts) {
  FakeServer server({.most_sse = 6});
  testing::Child load({FANLIGHT_BINARY_DIR "/bin/fanlight-load", "--sse", "10", "--rate", "20", "--for", "2s",
                       "--warmup", "0s", "--url", server.url(), "--listen", "127.0.0.1:0", "--json", "-"});
  const std::string address = load.await("metrics and policy on http://127.0.0.1:");
  ASSERT_FALSE(address.empty()) << load.err();
  const auto port = static_cast<std::uint16_t>(std::stoul(address));
  const std::string host = "Host: 127.0.0.1:" + address + "\r\nConnection: close\r\n";
  const std::string body = R"({"subscribers": {"sse": 5}})";
  for (int i = 0; i < 300 && server.posts() == 0; ++i) std::this_thread::sleep_for(milliseconds(10));
  ask(port, "POST /policy HTTP/1.1\r\n" + host + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  EXPECT_EQ(load.wait(), 0) << load.err();
  const boost::json::object report = boost::json::parse(load.out()).as_object();
  EXPECT_EQ(report.at("total").at("established"), 6);
  EXPECT_EQ(report.at("total").at("left"), 1);
  EXPECT_EQ(report.at("total").at("standing"), 5);
}

TEST(Program, APolicyThatComesInTheWarmUpHoldsFromItsEndOn) {
  FakeServer server;
  testing::Child load({FANLIGHT_BINARY_DIR "/bin/fanlight-load", "--sse", "2", "--rate", "20", "--for", "1s",
                       "--warmup", "3s", "--url", server.url(), "--listen", "127.0.0.1:0", "--json", "-"});
  const std::string address = load.await("metrics and policy on http://127.0.0.1:");
  ASSERT_FALSE(address.empty()) << load.err();
  const auto port = static_cast<std::uint16_t>(std::stoul(address));
  const auto post = [&](const std::string& body) {
    return ask(port, "POST /policy HTTP/1.1\r\nHost: 127.0.0.1:" + address + "\r\nConnection: close\r\n" +
                         "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  };
  std::string answer;
  for (int i = 0; i < 200 && answer.find(" 200 ") == std::string::npos; ++i) {
    answer = post(R"({"schedule": "100"})");  // 400 until publishing has begun
    std::this_thread::sleep_for(milliseconds(10));
  }
  EXPECT_NE(answer.find(" 200 "), std::string::npos) << answer;
  EXPECT_NE(post(R"({"subscribers": {"sse": 999999}})").find("descriptors suffice for "), std::string::npos);
  EXPECT_NE(post(std::string(20'000, ' ')).find(" 413 "), std::string::npos);
  EXPECT_EQ(load.wait(), 0) << load.err();
  const boost::json::object report = boost::json::parse(load.out()).as_object();
  const boost::json::array& phases = report.at("published").at("phases").as_array();
  ASSERT_EQ(phases.size(), 2u);
  EXPECT_EQ(phases[1].at("shape"), "100");
  EXPECT_GT(phases[1].at("scheduled").to_number<int>(), 50);
}

TEST(Program, TooFewDescriptorsStopOrFit) {
  FakeServer server;
  const std::string command = "ulimit -n 200; exec " FANLIGHT_BINARY_DIR
                              "/bin/fanlight-load --sse 500 --rate 20 --for 300ms"
                              " --warmup 0ms --quiet --url " +
                              server.url();
  testing::Child stops({"/bin/sh", "-c", command});
  EXPECT_EQ(stops.wait(), 1);
  EXPECT_NE(stops.err().find("at most 168 "), std::string::npos) << stops.err();
  testing::Child fits({"/bin/sh", "-c", command + " --fit"});
  EXPECT_EQ(fits.wait(), 0) << fits.err();
  EXPECT_NE(fits.out().find("note: descriptors suffice for 164 of 500 subscribers"), std::string::npos) << fits.out();
}

TEST(Program, AScenarioFileSaysItAll) {
  FakeServer server;
  const std::filesystem::path file =
      std::filesystem::temp_directory_path() / ("scenario-" + std::to_string(::getpid()));
  std::ofstream(file) << R"({"warmup": "0s", "subscribers": [{"count": 4}, {"protocol": "ws", "count": 2}],
    "phases": [{"for": "200ms", "schedule": "100"}, {"for": "200ms", "schedule": "100..300", "name": "up"}],
    "fail_if": ["lost>0", "duplicates<1"]})";
  const Finished finished = program("--json - --quiet --scenario " + file.string() + " --url " + server.url());
  std::filesystem::remove(file);
  EXPECT_EQ(finished.status, 1);  // nothing came twice, which the second limit forbids
  const boost::json::object report = boost::json::parse(finished.out).as_object();
  EXPECT_EQ(report.at("published").at("accepted"), 60);
  EXPECT_EQ(report.at("published").at("phases").at(1).at("name"), "up");
  EXPECT_EQ(report.at("ws").at("received"), 120);
}

TEST(Program, ExitStatusTellsMisuseFromFailure) {
  EXPECT_EQ(program("--help").status, 0);
  EXPECT_EQ(program("2>/dev/null").status, 2);
  EXPECT_EQ(program("--sse 1 --size 3 2>/dev/null").status, 2);
  std::string url;
  {
    const FakeServer gone;
    url = gone.url();
  }
  const Finished refused = program("--sse 1 --url " + url + " 2>&1");
  EXPECT_EQ(refused.status, 1);
  EXPECT_NE(refused.out.find("Connection refused\nhint: "), std::string::npos) << refused.out;
}

}  // namespace
}  // namespace fanlight::load
