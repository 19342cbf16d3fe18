// The broadcaster says what it works on, and the recording knows it: stages, topics, classes, and the trace of a
// publisher.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "tests/e2e/broadcast.hpp"

namespace fanlight::testing {
namespace {

constexpr const char* kTrace = "4bf92f3577b34da6a3ce929d0e0e4736";

/// Publishes with a trace until told to stop: many subscribers, so that what it causes is long enough to be sampled.
void publish(const std::string& port, int times) {
  for (int i = 0; i < times; ++i) {
    const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{.sin_family = AF_INET,
                        .sin_port = htons(static_cast<std::uint16_t>(std::stoi(port))),
                        .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    if (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return;
    const std::string request =
        "POST /topics/bench HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\ntraceparent: 00-" +
        std::string(kTrace) + "-00f067aa0ba902b7-01\r\nContent-Length: 5\r\n\r\nhello";
    if (::send(socket.get(), request.data(), request.size(), MSG_NOSIGNAL) < 0) return;
    char answer[512];
    if (::recv(socket.get(), answer, sizeof answer, 0) <= 0) return;
  }
}

TEST(Labels, OfTheBroadcasterAreInItsRecording) {
  const auto file = scratch("labels") / "run.fanlight";
  Broadcast broadcast(400, 50, 20);
  Child recorder({FANLIGHT_CLI, "record", "--pid", std::to_string(broadcast.server.pid()), "--hz", "499", "--for", "6s",
                  "-o", file.string()});
  ASSERT_FALSE(recorder.await("recording ").empty()) << recorder.err();
  while (recorder.running()) publish(broadcast.port, 20);
  ASSERT_EQ(recorder.wait(), 0) << recorder.err();

  const boost::json::object report = report_of(file);
  std::map<std::string, std::set<std::string>> values;
  std::map<std::string, std::uint64_t> sums;
  for (const boost::json::value& key : report.at("labels").as_array()) {
    const std::string name(key.as_object().at("key").as_string());
    for (const boost::json::value& value : key.as_object().at("values").as_array()) {
      const boost::json::object& row = value.as_object();
      for (const char* part : {"running_ns", "runnable_ns", "blocked_ns"})
        sums[name] += row.at(part).to_number<std::uint64_t>();
      if (row.at("value").is_string()) values[name].insert(std::string(row.at("value").as_string()));
    }
  }
  // Those that take the most time; accepting and parsing may go unsampled in a run as short as this.
  EXPECT_TRUE(values["stage"].contains("send")) << fanlight({"report", file.string()});
  EXPECT_TRUE(values["connection"].contains("sse") || values["connection"].contains("websocket"));
  EXPECT_FALSE(values["topic"].empty());
  const std::uint64_t all = report.at("totals").as_object().at("sum_ns").to_number<std::uint64_t>();
  for (const auto& [key, sum] : sums) EXPECT_EQ(sum, all) << key << ": every label's times add up to all time";
  EXPECT_GE(report.at("traces").to_number<std::uint64_t>(), 1u);
  const std::string traced = fanlight(
      {"export", file.string(), "--view", "oncpu", "--format", "folded", "--label", std::string("trace_id=") + kTrace});
  EXPECT_FALSE(traced.empty()) << "what the traced messages cause is sampled under their trace";
  for (const boost::json::value& entry : report.at("ledger").as_array())
    EXPECT_EQ(entry.as_object().at("balance").to_number<std::int64_t>(), 0) << entry;
}

}  // namespace
}  // namespace fanlight::testing
