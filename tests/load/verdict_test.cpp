// Limits, scenario files, policies and the forms of a report.
#include "load/verdict.hpp"

#include <gtest/gtest.h>

#include <regex>
#include <string>

#include <boost/json.hpp>

#include "load/policy.hpp"
#include "load/scenario.hpp"
#include "load/tally_json.hpp"
#include "tests/golden.hpp"

namespace fanlight::load {
namespace {

constexpr std::uint64_t kMs = 1'000'000;

/// 10 SSE subscribers, two of which were cut; 100 messages, of which 990 of 1000 deliveries came, each after 1 to 99
/// ms; and a slow reader that got nothing.
Report sample() {
  Report report;
  report.plan.groups = {{Protocol::sse, 10, {}}, {Protocol::sse, 1, *parse_profile("slow-reader=2K")}};
  PublishedPhase phase{.begin_ns = 1'000 * kMs, .end_ns = 2'000 * kMs};
  phase.outcomes.scheduled = phase.outcomes.accepted = 100;
  report.published.add(phase.outcomes);
  report.published.phases.push_back(phase);
  report.published.begin_ns = phase.begin_ns;
  report.published.end_ns = phase.end_ns;
  Tally tally{.wanted = 10, .established = 10, .standing = 8, .disconnected = 2};
  tally.disconnects["closed by the server"] = 2;
  for (std::uint64_t i = 0; i < 990; ++i) tally.phase(0).latency.add((i / 10 + 1) * kMs);
  tally.phase(0).received = tally.received = 990;
  for (int i = 0; i < 10; ++i) tally.deliveries.add(99);
  report.groups.push_back({report.plan.groups[0], tally});
  report.groups.push_back({report.plan.groups[1], Tally{.wanted = 1, .established = 1}});
  return report;
}

TEST(Verdict, LimitsAreBrokenOrNot) {
  struct Case {
    const char* limits;
    std::vector<std::string> broken;
  };
  for (const Case& c : {
           Case{"p50>60ms,p90>95ms", {}},
           Case{"p50>40ms", {"p50>40ms: 50.1 ms"}},
           Case{"p50<60ms", {"p50<60ms: 50.1 ms"}},
           Case{"p99.9>10s", {"p99.9>10s: there is none"}},  // misses are later than any time
           Case{"max>10s", {"max>10s: there is none"}},
           Case{"survival<99.2%", {"survival<99.2%: 80 %"}},
           Case{"survival<80%,survival<0.5", {}},
           Case{"lost>0", {"lost>0: 10"}},
           Case{"lost>2%,lost>10", {}},
           Case{"lost>0.5%", {"lost>0.5%: 1 %"}},
           Case{"sse.lost>100", {}},
           Case{"sse:slow-reader=2K.lost>99", {"sse:slow-reader=2K.lost>99: 100"}},
           Case{"sse:slow-reader=2K.p50>1s", {"sse:slow-reader=2K.p50>1s: there is none"}},
           Case{"fairness<1,established<100%", {}},
           Case{"delivered<1000", {"delivered<1000: 990"}},
           Case{" gaps>0 , duplicates>0 ", {}},
       }) {
    SCOPED_TRACE(c.limits);
    const auto limits = parse_limits(c.limits);
    ASSERT_TRUE(limits) << limits.error().what;
    const auto broken = broken_limits(*limits, sample());
    ASSERT_TRUE(broken) << broken.error().what;
    EXPECT_EQ(*broken, c.broken);
  }
  for (const char* text :
       {"p99", "p98>1ms", "p99>5", "p99>x", ">5", "lost>", "lost>-1", "gaps>1%", "x.y>1", ",", "p99=1ms"})
    EXPECT_FALSE(parse_limits(text)) << text;
  EXPECT_FALSE(broken_limits(*parse_limits("ws.p99>1ms"), sample()));  // there are none
}

TEST(Scenario, ChangesThePlanOrNothing) {
  Plan plan;
  std::vector<Limit> limits;
  const auto read = read_scenario(R"({"topic": "t", "size": "1K", "warmup": "0s", "reconnect": true,
    "phases": [{"name": "calm", "for": "1s", "schedule": "10"}, {"for": "2s", "schedule": "10..50"},
               {"for": "3s", "schedule": "5/100ms", "name": "storm"}],
    "subscribers": [{"count": 5}, {"protocol": "ws", "count": 2, "profile": "resetter=50ms"}],
    "fail_if": ["p99>50ms", "lost>0,gaps>0"]})",
                                  plan, limits);
  ASSERT_TRUE(read) << read.error().what;
  EXPECT_EQ(plan.topic, "t");
  EXPECT_EQ(plan.size, 1024u);
  EXPECT_TRUE(plan.reconnect);
  ASSERT_EQ(plan.phases.size(), 3u);
  EXPECT_EQ(plan.phases[1].name, "ramp");
  EXPECT_EQ(plan.phases[1].to_rate, 50);
  EXPECT_EQ(plan.phases[2].name, "storm");
  EXPECT_EQ(plan.phases[2].duration, std::chrono::seconds(3));
  EXPECT_EQ(plan.duration(), std::chrono::seconds(6));
  ASSERT_EQ(plan.groups.size(), 2u);
  EXPECT_EQ(label_of(plan.groups[1]), "ws:resetter=50ms");
  EXPECT_EQ(limits.size(), 3u);
  for (const char* text :
       {"", "[]", "{", "{\"phases\": []}", "{\"phases\": [{\"for\": 5}]}", "{\"phases\": [{\"rate\": 5}]}",
        "{\"subscribers\": [{\"count\": 0}]}", "{\"subscribers\": [{\"count\": 1, \"profile\": \"lazy\"}]}",
        "{\"subscribers\": [{\"count\": 1, \"protocol\": \"mqtt\"}]}", "{\"topic\": 5}", "{\"colour\": \"red\"}",
        "{\"topic\": \"changed\", \"size\": \"x\"}", "{\"fail_if\": [\"p99\"]}", "{\"reconnect\": \"yes\"}"}) {
    SCOPED_TRACE(text);
    Plan before = plan;
    EXPECT_FALSE(read_scenario(text, plan, limits));
    EXPECT_EQ(plan.topic, before.topic);
    EXPECT_EQ(plan.phases, before.phases);
    EXPECT_EQ(limits.size(), 3u);
  }
}

TEST(Scenario, SaysWhichLineIsNotJson) {
  Plan plan;
  std::vector<Limit> limits;
  for (const auto& [text, says] :
       {std::pair{"{\n \"topic\": \"t\",\n \"size\": nonsense\n}", "scenario: line 3: not JSON: "},
        std::pair{"{\n \"topic\": \"t\"", "scenario: line 2: not JSON: incomplete"},
        std::pair{"{}\n{}", "scenario: line 2: not JSON: extra data"},
        std::pair{"", "scenario: line 1: not JSON: incomplete"}}) {
    SCOPED_TRACE(text);
    const auto read = read_scenario(text, plan, limits);
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().what.find(says), 0u) << read.error().what;
  }
}

TEST(Policy, IsAppliedWholeOrNotAtAll) {
  Plan plan;
  plan.groups = {{Protocol::sse, 10, {}}, {Protocol::websocket, 5, *parse_profile("stalled-reader")}};
  auto shared = Shared::make(1);
  ASSERT_TRUE(shared);
  Board& board = shared->board();
  board.measure_from_ns = 1;
  board.wanted[0] = 10;
  Mailbox mailbox;
  const Running running{plan, *shared, mailbox};
  EXPECT_TRUE(
      apply_policy(R"({"schedule": "5..9", "connect_rate": 50, "subscribers": {"ws:stalled-reader": 7}})", running));
  const auto phase = mailbox.take();
  ASSERT_TRUE(phase);
  EXPECT_EQ(phase->to_rate, 9);
  EXPECT_EQ(board.connect_rate, 50);
  EXPECT_EQ(board.wanted[1], 7u);
  EXPECT_EQ(board.wanted[0], 10u);
  for (const char* text :
       {"", "5", "{\"rate\": 5}", "{\"schedule\": 5}", "{\"schedule\": \"0\"}", "{\"subscribers\": {\"ws\": 5}}",
        "{\"subscribers\": {\"sse\": -1}}", "{\"subscribers\": {\"sse\": 2000000}}",
        "{\"subscribers\": {\"sse\": 1}, \"connect_rate\": -1}"}) {
    SCOPED_TRACE(text);
    EXPECT_FALSE(apply_policy(text, running));
    EXPECT_EQ(board.wanted[0], 10u);
    EXPECT_FALSE(mailbox.take());
  }
  const auto now = boost::json::parse(policy_text(running));
  EXPECT_EQ(now.at("subscribers").at("sse"), 10);
  board.measure_from_ns = kNever;
  EXPECT_FALSE(apply_policy(R"({"schedule": "5"})", running));  // nothing to change yet
}

TEST(TallyJson, GoesThereAndBack) {
  const Tally tally = sample().total();
  Tally odd = tally;
  odd.reconnect_failures["certificate: \"odd\"\n"] = 3;
  odd.phase(2).until_leaving = 7;
  odd.recovery.add(123'456'789);
  const auto back = tallies_from_json(tallies_to_json({tally, odd}));
  ASSERT_TRUE(back) << back.error().what;
  ASSERT_EQ(back->size(), 2u);
  EXPECT_EQ(tallies_to_json(*back), tallies_to_json({tally, odd}));
  EXPECT_EQ((*back)[1].reconnect_failures, odd.reconnect_failures);
  EXPECT_EQ((*back)[1].latency().percentile(0.9), odd.latency().percentile(0.9));
  for (const char* text : {"", "{}", "[5]", "[{}]", "[[]]", "nonsense"}) EXPECT_FALSE(tallies_from_json(text)) << text;
  std::string wild = tallies_to_json({tally});
  wild.replace(wild.find("\"bits\":8"), 8, "\"bits\":9");
  EXPECT_FALSE(tallies_from_json(wild));
}

TEST(Report, HdrIsWhatItsViewersRead) { fanlight::testing::expect_golden("load/report.hdr", to_hdr(sample())); }

TEST(Report, TextNamesWhatWentWrong) { fanlight::testing::expect_golden("load/report.txt", to_text(sample())); }

TEST(Report, TheHtmlPageStandsAlone) {
  Report report = sample();
  report.plan.topic = "<script>";
  report.timeline = {{.at = 1, .received = 500, .p50_ns = kMs, .p99_ns = 9 * kMs, .max_ns = 20 * kMs, .streams = 10},
                     {.at = 2, .received = 490, .p50_ns = kMs, .p99_ns = 9 * kMs, .max_ns = 20 * kMs, .streams = 8}};
  const std::string page = to_html(report);
  std::size_t plots = 0;
  for (std::size_t at = page.find("<svg"); at != std::string::npos; at = page.find("<svg", at + 1)) ++plots;
  EXPECT_EQ(plots, 4u);
  // A legend that is not in its line's colour tells nothing; an attribute would lose against the page's own style.
  for (const char* name : {"SSE", "p50", "p99", "max", "delivered/s", "streams"})
    EXPECT_TRUE(
        std::regex_search(page, std::regex("style=\"fill:#[0-9a-f]{6}\">[^<a-zA-Z]*" + std::string(name) + "</text>")))
        << name;
  EXPECT_EQ(page.find("<script"), std::string::npos);
  EXPECT_EQ(page.find("http-equiv"), std::string::npos);
  EXPECT_EQ(page.find("src="), std::string::npos);
  EXPECT_EQ(page.find("nan,"), std::string::npos);
  EXPECT_EQ(page.find(",nan"), std::string::npos);
  EXPECT_EQ(page.find("=nan"), std::string::npos);
}

}  // namespace
}  // namespace fanlight::load
