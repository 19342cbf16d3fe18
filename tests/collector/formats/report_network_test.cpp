#include "collector/formats/report_network.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "collector/formats/report_memory.hpp"

namespace fanlight::formats {
namespace {

using profile::Metric;

constexpr std::uint64_t kSecond = 1'000'000'000;

Metric counter(const char* name, double value) { return {name, Metric::Kind::counter, value, {}}; }

profile::Profile watched() {
  profile::Profile profile{.from_ns = kSecond, .to_ns = 3 * kSecond};
  kernel::ConnectionReading slow{.id = 3,
                                 .local = "127.0.0.1:8080",
                                 .peer = "127.0.0.1:40003",
                                 .state = "established",
                                 .watched_ns = 2 * kSecond,
                                 .acknowledged_bytes = 900,
                                 .peer_limited_ns = kSecond,
                                 .queued_bytes = 2'600'000,
                                 .most_queued_bytes = 2'600'000,
                                 .stalled_ns = 2 * kSecond};
  kernel::ConnectionReading fast{
      .id = 4, .peer = "127.0.0.1:40004", .watched_ns = 2 * kSecond, .most_queued_bytes = 640, .rtt_ns = 60'000};
  profile.connections = {fast, slow};
  Metric answered{"kernel_tcp_write_acknowledged", Metric::Kind::histogram, 0, {}};
  answered.histogram.add(20'000, 290);
  profile.metrics = {counter("kernel_tcp_connects", 90),
                     counter("kernel_tcp_syn_retransmits", 10),
                     counter("kernel_tcp_writes_timed", 300),
                     {"kernel_tcp_connections", Metric::Kind::gauge, 2, {}},
                     answered,
                     counter("kernel_page_faults_minor", 4000),
                     counter("kernel_signal_SIGUSR1_from_bash(77)", 3)};
  return profile;
}

TEST(ReportNetwork, NamesTheSlowClientAndNoOther) {
  const std::string text = network_section(watched());
  for (const char* part : {"2 connections at the end", "10 SYNs (10.0 % of SYNs)", "10 of 300 were not acknowledged",
                           "Slow clients", "127.0.0.1:40003", "50.0 %"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  }
  EXPECT_EQ(text.find("127.0.0.1:40004"), std::string::npos) << text;
}

TEST(ReportNetwork, WithoutASlowOneTheFullestQueues) {
  profile::Profile profile = watched();
  profile.connections.pop_back();
  const std::string text = network_section(profile);
  EXPECT_NE(text.find("127.0.0.1:40004"), std::string::npos) << text;
  EXPECT_EQ(text.find("Slow clients"), std::string::npos) << text;
  EXPECT_TRUE(network_section({}).empty());
}

TEST(ReportNetwork, JsonSaysWhichAreSlow) {
  const boost::json::object all = network_json(watched());
  const auto& rows = all.at("connections").as_array();
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_FALSE(rows[0].at("slow").as_bool());
  EXPECT_TRUE(rows[1].at("slow").as_bool());
}

TEST(ReportMemory, PageFaultsAndSignals) {
  const std::string text = memory_section(watched());
  for (const char* part : {"4.00k page faults served from memory (2.00k/s)", "SIGUSR1", "from bash(77)"})
    EXPECT_NE(text.find(part), std::string::npos) << part << "\n" << text;
  EXPECT_TRUE(memory_section({}).empty());
}

}  // namespace
}  // namespace fanlight::formats
