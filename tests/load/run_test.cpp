// Whole runs against a server that misbehaves on demand: what the report says must be what the server did.
#include "load/run.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <boost/json.hpp>

#include "load/endpoint.hpp"
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
