// What a report concludes from its figures.
#include "load/report.hpp"

#include <gtest/gtest.h>

#include <string>

#include "load/progress.hpp"

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
    for (int i = 0; i < 100; ++i) {
      report.published.queued.add(c.queued);
      report.published.slip.add(c.slip);
      report.published.wait.add(c.queued + c.slip);
      report.sse.latency.add(c.latency);
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

TEST(Progress, TheWarmUpIsNotDividedBy) {
  EXPECT_DOUBLE_EQ(deliveries_per_second(500, 2000 * kMs, 0, 1500 * kMs), 1000);          // half a second counts
  EXPECT_DOUBLE_EQ(deliveries_per_second(500, 3000 * kMs, 2000 * kMs, 1500 * kMs), 500);  // a whole one
  EXPECT_DOUBLE_EQ(deliveries_per_second(0, 1000 * kMs, 0, 1500 * kMs), 0);
  EXPECT_DOUBLE_EQ(deliveries_per_second(0, 1500 * kMs, 0, 1500 * kMs), 0);
}

}  // namespace
}  // namespace fanlight::load
