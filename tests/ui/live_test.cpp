// The dashboard on the real thing: `fanlight attach` watching a program with a known split of its time.
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/ui/screen.hpp"

namespace fanlight::ui {
namespace {

using fanlight::testing::Child;

TEST(LiveDashboard, ShowsTheSplitAndMoves) {
  const testing::Screen screen;
  ASSERT_TRUE(screen.works()) << screen.why();
  const auto directory = std::filesystem::temp_directory_path() / ("fanlight-ui-live-" + std::to_string(::getpid()));
  std::filesystem::create_directories(directory);
  const auto file = [&](const char* name) { return (directory / name).string(); };

  Child target({TRUTH_SPLIT, "120"});
  const std::string pid = target.await("ready ");
  ASSERT_FALSE(pid.empty()) << target.err();
  // Some 4,000 samples of the target's whole run: the share's standard error is then below one point.
  Child collector({FANLIGHT_CLI, "attach", "--pid", pid, "--listen", "127.0.0.1:0", "--hz", "299"});
  const std::string place = collector.await("serving on http://", std::chrono::seconds(30));
  ASSERT_FALSE(place.empty()) << collector.err();
  target.send("go");

  // One process takes both: what differs between two would differ between two that stand still.
  Child dashboard(screen.command({"--connect", place, "--last", "60s", "--screenshot", file("a.png"), "--widgets",
                                  file("a.json"), "--after", "12s", "--then", "2s"}));
  ASSERT_EQ(dashboard.wait_for(std::chrono::seconds(90)).value_or(-1), 0) << dashboard.err();
  ASSERT_GT(testing::read_png(file("a-2.png")).width, 0u);
  EXPECT_FALSE(testing::read_png(file("a.png")).rgb == testing::read_png(file("a-2.png")).rgb)
      << "two pictures, two seconds apart";

  const auto widgets = testing::read_widgets(file("a.json"));
  EXPECT_EQ(widgets.at("status").as_string(), "live from " + place);
  EXPECT_NEAR(testing::share_of_parent(widgets, "hot_seventy"), 0.70, 0.03);
  if (std::getenv("FANLIGHT_KEEP_PICTURES") == nullptr) std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace fanlight::ui
