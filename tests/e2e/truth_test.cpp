// Programs whose doings are known by construction, recorded by the real command: the report must say the same.
#include <gtest/gtest.h>

#include <set>
#include <sstream>

#include "tests/e2e/broadcast.hpp"
#include "tests/e2e/conservation.hpp"

namespace fanlight::testing {
namespace {

/// Starts `program`, records it for `time` and lets it go once the recorder is attached; returns the recording.
std::filesystem::path record_truth(Child& program, const std::string& name, const std::string& time) {
  const auto file = scratch(name) / "run.fanlight";
  EXPECT_FALSE(program.await("ready").empty()) << program.err();
  Child recorder({FANLIGHT_CLI, "record", "--pid", std::to_string(program.pid()), "--for", time, "-o", file.string()});
  EXPECT_FALSE(recorder.await("recording ").empty()) << recorder.err();
  program.send("go");
  EXPECT_EQ(recorder.wait(), 0) << recorder.err();
  return file;
}

double share_of(const std::string& folded, const std::string& function) {
  double part = 0, whole = 0;
  std::istringstream in(folded);
  for (std::string line; std::getline(in, line);) {
    const std::size_t space = line.rfind(' ');
    const double weight = std::stod(line.substr(space + 1));
    whole += weight;
    if (line.find(function) != std::string::npos) part += weight;
  }
  return whole > 0 ? part / whole : 0;
}

TEST(Truth, SeventyThirty) {
  Child program({TRUTH_SPLIT, "8"});
  const auto file = record_truth(program, "split", "6s");
  const std::string oncpu = fanlight({"export", file.string(), "--view", "oncpu", "--format", "folded"});
  const std::string inprocess = fanlight({"export", file.string(), "--view", "inprocess", "--format", "folded"});
  EXPECT_NEAR(share_of(oncpu, "hot_seventy"), 0.70, 0.03) << oncpu;
  EXPECT_NEAR(share_of(inprocess, "hot_seventy"), 0.70, 0.05) << inprocess;
  const boost::json::object report = report_of(file);
  EXPECT_GT(number(report.at("cross_check").as_object().at("agreement")), 0.9);
}

TEST(Truth, MapOperationsAreCountedExactly) {
  Child program({TRUTH_MAP_OPS});
  const auto file = record_truth(program, "map_ops", "4s");
  std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> counted;  // operation -> count, errors
  const boost::json::object report = report_of(file);
  for (const boost::json::value& value : report.at("maps").as_array()) {
    const boost::json::object& row = value.as_object();
    auto& [count, errors] = counted[std::string(row.at("operation").as_string())];
    count += row.at("count").to_number<std::uint64_t>();
    errors += row.at("errors").to_number<std::uint64_t>();
  }
  EXPECT_EQ(counted["lookup"].first, 10'000u);
  EXPECT_EQ(counted["update"].first, 5'000u);
  EXPECT_EQ(counted["delete"].first, 100u);
  EXPECT_EQ(counted["delete"].second, 100u);
  expect_closed_ledger(report);
}

TEST(Truth, SocketWritesAreCountedExactly) {
  Child program({TRUTH_SOCK_WRITES});
  const auto file = record_truth(program, "sock_writes", "4s");
  // The program prints its own counts as JSON at its end.
  std::istringstream lines(program.out());
  boost::json::object truth;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("{")) truth = boost::json::parse(line).as_object();
  }
  ASSERT_TRUE(truth.contains("writes")) << program.out();
  const boost::json::object report = report_of(file);
  const boost::json::object& sockets = report.at("sockets").as_object();
  for (const char* count : {"writes", "bytes", "would_block", "errors"}) {
    EXPECT_EQ(sockets.at(count).to_number<std::uint64_t>(), truth.at(count).to_number<std::uint64_t>()) << count;
  }
  ASSERT_EQ(truth.at("epipe").to_number<int>(), 10);
  const boost::json::object named{{"EPIPE", truth.at("epipe")}, {"ENOTCONN", truth.at("enotconn")}};
  EXPECT_EQ(sockets.at("by_errno").as_object(), named);
  const std::string text = fanlight({"report", file.string()});
  EXPECT_NE(text.find("17 (EPIPE 10, ENOTCONN 7)"), std::string::npos) << text;
}

TEST(Truth, ACommandIsRecordedFromItsFirstInstruction) {
  const auto file = scratch("command") / "run.fanlight";
  Child recorder({FANLIGHT_CLI, "record", "--trace", "-o", file.string(), "--", TRUTH_FAMILY, "go"});
  EXPECT_EQ(recorder.wait(), 0) << recorder.err();
  EXPECT_NE(recorder.err().find("the command ended with 0"), std::string::npos) << recorder.err();
  const boost::json::object report = report_of(file);
  expect_closed_ledger(report);
  std::set<std::string> names;
  std::set<std::uint64_t> pids;
  for (const boost::json::value& value : report.at("threads").as_array()) {
    names.insert(std::string(value.at("name").as_string()));
    pids.insert(value.at("pid").to_number<std::uint64_t>());
  }
  for (const char* name : {"spinner", "truth_family"}) EXPECT_TRUE(names.contains(name)) << name;
  EXPECT_EQ(pids.size(), 5u) << "the command and four children";
  // All that it does is one function of its own, in whichever process. What a process does within the second in which
  // it became another program has exact time but, so far, samples under its former name.
  const std::string oncpu = fanlight({"export", file.string(), "--view", "oncpu", "--format", "folded"});
  EXPECT_GT(share_of(oncpu, "spin_for"), 0.4) << oncpu;
  // The trace has the switches themselves.
  const std::string perfetto = fanlight({"export", file.string(), "--format", "perfetto"});
  EXPECT_GT(perfetto.size(), 1000u);
  EXPECT_NE(perfetto.find("swapper"), std::string::npos);
}

TEST(Truth, ACommandThatCannotStartLeavesNothing) {
  const auto file = scratch("no_command") / "run.fanlight";
  Child recorder({FANLIGHT_CLI, "record", "-o", file.string(), "--", "fanlight-no-such-program"});
  EXPECT_EQ(recorder.wait(), 1);
  EXPECT_NE(recorder.err().find("fanlight-no-such-program"), std::string::npos) << recorder.err();
  EXPECT_NE(recorder.err().find("hint: "), std::string::npos) << recorder.err();
  EXPECT_FALSE(std::filesystem::exists(file));
}

TEST(Truth, TheClientThatDoesNotReadIsNamed) {
  Child program({TRUTH_PEERS});
  const auto file = record_truth(program, "peers", "3s");
  program.wait();
  const boost::json::object truth = boost::json::parse(program.out().substr(program.out().find('{'))).as_object();
  const std::string peer = "127.0.0.1:" + std::to_string(truth.at("slow_port").to_number<int>());
  const boost::json::object report = report_of(file);
  std::vector<std::string> slow;
  for (const boost::json::value& value : report.at("network").at("connections").as_array())
    if (value.at("slow").as_bool()) slow.emplace_back(value.at("peer").as_string());
  EXPECT_EQ(slow, std::vector<std::string>{peer});
  const std::string text = fanlight({"report", file.string()});
  EXPECT_NE(text.find("one client does not read what is sent to it: " + peer), std::string::npos) << text;
  EXPECT_NE(text.find("Slow clients"), std::string::npos) << text;
  std::map<std::string, double> counters;
  for (const boost::json::value& value : report.at("metrics").as_array())
    if (value.at("kind").as_string() == "counter")
      counters[std::string(value.at("name").as_string())] = number(value.at("value"));
  EXPECT_EQ(counters["kernel_tcp_accepts"], number(truth.at("accepts")));
  EXPECT_EQ(counters["kernel_tcp_connects_failed"], number(truth.at("refused")));
  expect_closed_ledger(report);
}

TEST(Truth, ABudgetIsKeptByDoingLessAndSaidSo) {
  Child program({TRUTH_SPLIT, "12"});
  const auto file = scratch("budget") / "run.fanlight";
  ASSERT_FALSE(program.await("ready").empty()) << program.err();
  Child recorder({FANLIGHT_CLI, "record", "--pid", std::to_string(program.pid()), "--hz", "2000", "--budget", "0.2%",
                  "--for", "9s", "-o", file.string()});
  ASSERT_FALSE(recorder.await("recording ").empty()) << recorder.err();
  program.send("go");
  EXPECT_EQ(recorder.wait(), 0) << recorder.err();
  const std::string text = fanlight({"report", file.string()});
  EXPECT_NE(text.find("the budget is 0.2 %: one sample in 2"), std::string::npos) << text;
  // Weights grow as samples become rarer: the CPU time of the two functions stays what it is.
  const std::string oncpu = fanlight({"export", file.string(), "--view", "oncpu", "--format", "folded"});
  EXPECT_NEAR(share_of(oncpu, "hot_seventy"), 0.70, 0.05) << oncpu;
  const boost::json::object report = report_of(file);
  expect_closed_ledger(report);
}

}  // namespace
}  // namespace fanlight::testing
