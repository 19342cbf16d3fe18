// What a report concludes from its figures.
#include "load/report.hpp"

#include <gtest/gtest.h>

#include <string>

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

}  // namespace
}  // namespace fanlight::load
