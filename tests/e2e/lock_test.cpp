// A broadcaster whose registry is one mutex, under load: the report names that lock first, with its share of each thread's
// time.
#include <gtest/gtest.h>

#include "tests/e2e/broadcast.hpp"

namespace fanlight::testing {
namespace {

TEST(Lock, OfTheRegistryStandsOutFirst) {
  const auto file = scratch("lock") / "run.fanlight";
  Child server({FANLIGHT_SERVER, "--listen", "127.0.0.1:0", "--registry", "mutex", "--workers", "4"});
  const std::string url = "http://127.0.0.1:" + Broadcast::port_of(server);
  Child load({FANLIGHT_LOAD, "--url", url, "--sse", "400", "--ws", "0", "--rate", "2000", "--size", "64", "--for", "9s"});
  std::this_thread::sleep_for(std::chrono::seconds(1));
  Child recorder({FANLIGHT_CLI, "record", "--pid", std::to_string(server.pid()), "--for", "5s", "-o", file.string()});
  EXPECT_EQ(recorder.wait(), 0) << recorder.err();
  const boost::json::object report = report_of(file);
  const auto& causes = report.at("causes").as_array();
  ASSERT_FALSE(causes.empty()) << fanlight({"report", file.string()});
  const std::string first(causes.front().as_object().at("sentence").as_string());
  EXPECT_NE(first.find("lock"), std::string::npos) << first;
}

}  // namespace
}  // namespace fanlight::testing
