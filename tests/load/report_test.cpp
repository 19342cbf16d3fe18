// What a report concludes from its figures.
#include "load/report.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <sstream>
#include <string>

#include <boost/json.hpp>

#include "load/tally_json.hpp"

namespace fanlight::load {
namespace {

constexpr std::uint64_t kMs = 1'000'000;

TEST(Report, OnlyAWaitForAPublisherIsBlamedOnPublishers) {
  struct Case {
    const char* name;
    std::uint64_t queued;
    std::uint64_t slip;
    std::uint64_t latency;
    bool blames_publishers;
    bool blames_tester;
  };
  for (const Case& c : {
           Case{"neither", 0, 0, kMs, false, false},
           Case{"the tester was late", 0, 30 * kMs, 40 * kMs, false, true},
           // Too small beside the latency to be worth a warning, and still no wait for a publisher.
           Case{"the tester was late, the server later", 0, 30 * kMs, 900 * kMs, false, false},
           Case{"publishers were busy", 30 * kMs, 0, 40 * kMs, true, false},
           Case{"both", 30 * kMs, 30 * kMs, 90 * kMs, true, true},
       }) {
    SCOPED_TRACE(c.name);
    Report report;
    GroupReport& group = report.groups.emplace_back();
    group.group.protocol = Protocol::sse;
    for (int i = 0; i < 100; ++i) {
      report.published.queued.add(c.queued);
      report.published.slip.add(c.slip);
      report.published.wait.add(c.queued + c.slip);
      group.tally.phase(0).latency.add(c.latency);
    }
    bool publishers = false, tester = false;
    for (const std::string& warning : report.warnings()) {
      publishers = publishers || warning.find("--publishers") != std::string::npos;
      tester = tester || warning.find("fell behind") != std::string::npos;
    }
    EXPECT_EQ(publishers, c.blames_publishers);
    EXPECT_EQ(tester, c.blames_tester);
  }
}

TEST(Report, AThreadThatHasNoTimeLeftIsCalledTheBottleneck) {
  for (const double share : {0.5, 0.89, 0.91, 1.0}) {
    SCOPED_TRACE(share);
    Report report;
    report.tester = {{"load-sub-0", 0.2}, {"load-sub-1", share}};
    bool blamed = false;
    for (const std::string& warning : report.warnings())
      blamed = blamed ||
               (warning.find("bottleneck") != std::string::npos && warning.find("'load-sub-1'") != std::string::npos);
    EXPECT_EQ(blamed, share > 0.9);
    EXPECT_EQ(to_text(report).find("\nWARNING: the tester was the bottleneck") != std::string::npos, share > 0.9);
  }
}

/// A thousand messages to one subscriber, of which `came` arrived after 1, 2, ... ms.
Report report_of(std::uint64_t came) {
  Report report;
  report.published.phases.emplace_back();
  report.published.phases[0].outcomes.scheduled = report.published.phases[0].outcomes.accepted = 1000;
  report.published.end_ns = report.published.phases[0].end_ns = 1'000'000'000;
  GroupReport& group = report.groups.emplace_back();
  group.group = {Protocol::sse, 1, {}};
  group.tally.wanted = group.tally.established = 1;
  group.tally.standing = came > 0 ? 1 : 0;
  for (std::uint64_t i = 1; i <= came; ++i) group.tally.phase(0).latency.add(i * kMs);
  group.tally.phase(0).received = group.tally.received = came;
  return report;
}

TEST(Report, WhatNeverCameIsInEveryPercentileThatIsWritten) {
  struct Case {
    std::uint64_t came;
    bool p50, p99, max;  // is a time
  };
  for (const Case& c : {Case{1000, true, true, true}, Case{999, true, true, false}, Case{989, true, false, false},
                        Case{499, false, false, false}, Case{0, false, false, false}}) {
    SCOPED_TRACE(c.came);
    const Report report = report_of(c.came);
    const boost::json::value latency = boost::json::parse(to_json(report)).at("total").at("latency_ns");
    EXPECT_EQ(latency.at("misses"), 1000 - c.came);
    EXPECT_EQ(latency.at("p50").is_number(), c.p50);
    EXPECT_EQ(latency.at("p99").is_number(), c.p99);
    EXPECT_EQ(latency.at("max").is_number(), c.max);
    EXPECT_EQ(to_text(report).find("  never") == std::string::npos, c.max);

    // Every line of the HDR file: so many messages had come by then, of all that were due.
    std::istringstream hdr(to_hdr(report));
    double value = 0, percentile = 0, count = 0, last = 0, lines = 0;
    for (std::string line; std::getline(hdr, line);) {
      if (std::sscanf(line.c_str(), "%lf %lf %lf", &value, &percentile, &count) != 3) continue;
      EXPECT_LE(percentile, count / 1000 + 1e-9) << line;
      EXPECT_GE(percentile, (count - 1) / 1000 - 1e-9) << line;
      EXPECT_NEAR(value, count, count * kHistogramError) << line;
      last = count;
      ++lines;
    }
    EXPECT_EQ(last, static_cast<double>(c.came));
    EXPECT_EQ(lines > 5, c.came > 0);
    EXPECT_NE(to_hdr(report).find("#[Misses  = " + std::string(12 - std::to_string(1000 - c.came).size(), ' ') +
                                  std::to_string(1000 - c.came) + ","),
              std::string::npos);
    EXPECT_EQ(report.nobody_left(), c.came == 0);
  }
}

TEST(Report, HistogramsOfPhasesAreWrittenInFullAndMergeToTheirGroups) {
  Report report = report_of(1000);
  report.published.phases.push_back(report.published.phases[0]);
  for (std::uint64_t i = 1; i <= 500; ++i) report.groups[0].tally.phase(1).latency.add(i * 3 * kMs + 1);
  report.last_receiver.add(77 * kMs);
  const boost::json::value json = boost::json::parse(to_json(report));
  Latencies merged;
  for (const boost::json::value& phase : json.at("groups").at(0).at("phases").as_array()) {
    const auto read = histogram_from(phase.at("latency_buckets"));
    ASSERT_TRUE(read) << read.error().what;
    merged.merge(*read);
  }
  const Latencies all = report.groups[0].tally.latency();
  EXPECT_EQ(merged.count(), 1500u);
  EXPECT_EQ(merged.max(), 1500 * kMs + 1);
  EXPECT_TRUE(std::ranges::equal(merged.counts(), all.counts()));
  EXPECT_EQ(histogram_from(json.at("last_receiver_buckets"))->max(), 77 * kMs);
}

TEST(Report, TheAcceptRateIsOfThoseThatCameBeforePublishing) {
  Report report = report_of(1000);
  Tally& tally = report.groups[0].tally;
  tally.established = 150;
  tally.joined_late = 50;
  tally.connecting_from_ns = 1'000'000'000;
  tally.connecting_to_ns = 1'500'000'000;
  EXPECT_DOUBLE_EQ(*report.accepted_per_second(tally), 200);
  tally.joined_late = 150;
  EXPECT_FALSE(report.accepted_per_second(tally));
}

}  // namespace
}  // namespace fanlight::load
