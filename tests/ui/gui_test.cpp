#include <gtest/gtest.h>

#include <filesystem>

#include "tests/ui/fabricate.hpp"
#include "tests/ui/live_collector.hpp"
#include "tests/ui/screen.hpp"

namespace fanlight::ui {
namespace {

using fanlight::testing::Child;
using testing::Screen;

class Gui : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(screen.works()) << screen.why();
    directory = std::filesystem::temp_directory_path() / ("fanlight-ui-test-" + std::to_string(::getpid()));
    std::filesystem::create_directories(directory);
  }
  void TearDown() override { std::filesystem::remove_all(directory); }

  std::string file(const std::string& name) const { return (directory / name).string(); }

  /// Runs the dashboard to its end. The bound is far above what a run needs.
  int run(std::vector<std::string> arguments) {
    Child dashboard(screen.command(std::move(arguments)));
    const auto code = dashboard.wait_for(std::chrono::seconds(60));
    words = dashboard.err();
    return code.value_or(-1);
  }

  Screen screen;
  std::filesystem::path directory;
  std::string words;
};

TEST_F(Gui, SplitIsAsWideAsItIsHeavy) {
  const auto written = testing::record(testing::fabricate(), file("run.fanlight"));
  ASSERT_TRUE(written) << written.error().what;
  ASSERT_EQ(run({file("run.fanlight"), "--screenshot", file("a.png"), "--widgets", file("a.json"), "--after", "200ms"}),
            0)
      << words;
  const testing::Shot shot = testing::read_png(file("a.png"));
  EXPECT_EQ(shot.width, 1600u);
  EXPECT_EQ(shot.height, 1000u);
  EXPECT_GT(shot.colours(), 100u);

  const auto widgets = testing::read_widgets(file("a.json"));
  ASSERT_TRUE(widgets.contains("flame"));
  EXPECT_NEAR(testing::share_of_parent(widgets, "heavy"), 0.70, 0.03);
  EXPECT_NEAR(testing::share_of_parent(widgets, "light"), 0.30, 0.03);
  std::set<std::string> panels;
  for (const auto& panel : widgets.at("panels").as_array()) {
    panels.emplace(panel.at("name").as_string());
    EXPECT_LE(panel.at("x").to_number<double>() + panel.at("w").to_number<double>(), 1600.5);
    EXPECT_LE(panel.at("y").to_number<double>() + panel.at("h").to_number<double>(), 1000.5);
  }
  for (const char* name : {"Cards", "Time per state", "Throughput", "Delivery latency", "Flame graph", "Threads",
                           "Functions", "Socket writes", "Map and registry operations", "Ledger", "Own cost and notes"})
    EXPECT_TRUE(panels.contains(name)) << name;
}

TEST_F(Gui, NoThreadAtAllIsDrawnToo) {
  ASSERT_TRUE(testing::record(testing::fabricate({.threads = 0, .kernel = false}), file("run.fanlight")));
  ASSERT_EQ(run({file("run.fanlight"), "--screenshot", file("a.png"), "--widgets", file("a.json"), "--after", "200ms"}),
            0)
      << words;
  const auto widgets = testing::read_widgets(file("a.json"));
  std::set<std::string> panels;
  for (const auto& panel : widgets.at("panels").as_array()) panels.emplace(panel.at("name").as_string());
  EXPECT_TRUE(panels.contains("Delivery latency"));
  EXPECT_FALSE(panels.contains("Empty"));
}

TEST_F(Gui, SamePictureEveryTime) {
  ASSERT_TRUE(testing::record(testing::fabricate({.seconds = 5, .dropped = 3}), file("run.fanlight")));
  for (const char* name : {"a.png", "b.png"})
    ASSERT_EQ(run({file("run.fanlight"), "--screenshot", file(name), "--after", "200ms", "--view", "wall", "--then",
                   "400ms"}),
              0)
        << words;
  ASSERT_GT(testing::read_png(file("a.png")).width, 0u);
  EXPECT_TRUE(testing::read_png(file("a.png")).rgb == testing::read_png(file("b.png")).rgb);
  EXPECT_TRUE(testing::read_png(file("a.png")).rgb == testing::read_png(file("a-2.png")).rgb)
      << "nothing moves in a recording";
}

TEST_F(Gui, ZoomSearchAndSizeAreObeyed) {
  ASSERT_TRUE(testing::record(testing::fabricate(), file("run.fanlight")));
  ASSERT_EQ(run({file("run.fanlight"), "--screenshot", file("a.png"), "--widgets", file("a.json"), "--after", "200ms",
                 "--zoom", "heavy", "--search", "flush", "--size", "1000x700", "--scale", "1.25"}),
            0)
      << words;
  EXPECT_EQ(testing::read_png(file("a.png")).width, 1000u);
  const auto widgets = testing::read_widgets(file("a.json"));
  EXPECT_DOUBLE_EQ(testing::share_of_parent(widgets, "heavy"), 1.0) << "the zoomed box fills the width";
  EXPECT_EQ(testing::share_of_parent(widgets, "light"), 0);
}

TEST_F(Gui, HoversEverywhere) {
  ASSERT_TRUE(testing::record(testing::fabricate({.dropped = 2}), file("run.fanlight")));
  const std::vector<std::string> base{file("run.fanlight"), "--screenshot", file("a.png"), "--widgets",
                                      file("a.json"),       "--after",      "100ms"};
  ASSERT_EQ(run(base), 0) << words;
  const testing::Shot still = testing::read_png(file("a.png"));
  const auto widgets = testing::read_widgets(file("a.json"));
  // Where each panel answers: its middle, or for tables the second row below the title and header.
  for (const auto& panel : widgets.at("panels").as_array()) {
    const std::string name(panel.at("name").as_string());
    SCOPED_TRACE(name);
    const bool table = name == "Threads" || name == "Functions" || name == "Ledger";
    const auto x = panel.at("x").to_number<double>() + panel.at("w").to_number<double>() * (table ? 0.34 : 0.5);
    const auto y = panel.at("y").to_number<double>() + (table ? 56 : panel.at("h").to_number<double>() / 2);
    auto arguments = base;
    arguments.insert(arguments.end(),
                     {"--pointer", std::to_string(static_cast<int>(x)), std::to_string(static_cast<int>(y))});
    EXPECT_EQ(run(arguments), 0) << words;
    const bool answers = name == "Time per state" || name == "Throughput" || name == "Delivery latency" ||
                         name == "Threads" || name == "Functions";
    if (answers) {
      EXPECT_FALSE(testing::read_png(file("a.png")).rgb == still.rgb) << "a tooltip";
    }
  }
}

TEST_F(Gui, AClickZoomsIn) {
  ASSERT_TRUE(testing::record(testing::fabricate(), file("run.fanlight")));
  std::vector<std::string> arguments{file("run.fanlight"), "--screenshot", file("a.png"), "--widgets",
                                     file("a.json"),       "--after",      "100ms"};
  ASSERT_EQ(run(arguments), 0) << words;
  int x = 0, y = 0;
  const auto widgets = testing::read_widgets(file("a.json"));
  for (const auto& box : widgets.at("flame").as_array()) {
    if (box.at("name").as_string() != "heavy" || x != 0) continue;
    x = static_cast<int>(box.at("x").to_number<double>()) + 20;
    y = static_cast<int>(box.at("y").to_number<double>()) + 8;
  }
  ASSERT_GT(x, 0);
  arguments.insert(arguments.end(), {"--pointer", std::to_string(x), std::to_string(y), "--click"});
  ASSERT_EQ(run(arguments), 0) << words;
  const auto zoomed = testing::read_widgets(file("a.json"));
  EXPECT_DOUBLE_EQ(testing::share_of_parent(zoomed, "heavy"), 1.0);
  EXPECT_EQ(testing::share_of_parent(zoomed, "light"), 0);
}

TEST_F(Gui, FollowsALiveCollector) {
  testing::LiveCollector collector(testing::fabricate({.seconds = 300}), testing::LiveCollector::Manner::proper, 0,
                                   true);
  const std::string place = "127.0.0.1:" + std::to_string(collector.port());
  EXPECT_EQ(run({"--connect", place, "--screenshot", file("a.png"), "--widgets", file("a.json"), "--after", "2s",
                 "--then", "2s"}),
            0)
      << words;
  ASSERT_GT(testing::read_png(file("a.png")).width, 0u);
  EXPECT_FALSE(testing::read_png(file("a.png")).rgb == testing::read_png(file("a-2.png")).rgb);
  const auto widgets = testing::read_widgets(file("a.json"));
  EXPECT_EQ(widgets.at("status").as_string(), "live from " + place);
  EXPECT_NEAR(testing::share_of_parent(widgets, "heavy"), 0.70, 0.03);
}

TEST_F(Gui, NobodyThereIsDrawnAndIsAFailure) {
  EXPECT_EQ(
      run({"--connect", "127.0.0.1:1", "--screenshot", file("a.png"), "--widgets", file("a.json"), "--after", "1s"}),
      1);
  EXPECT_NE(words.find("no collector at 127.0.0.1:1: nothing listens there"), std::string::npos) << words;
  EXPECT_NE(words.find("hint: start one: sudo fanlight attach --pid PID"), std::string::npos) << words;
  EXPECT_GT(testing::read_png(file("a.png")).colours(), 10u);
  EXPECT_TRUE(
      std::string_view(testing::read_widgets(file("a.json")).at("status").as_string()).starts_with("waiting for"));
}

TEST_F(Gui, ClosesAfterTheTimeGiven) { EXPECT_EQ(run({"--connect", "127.0.0.1:1", "--for", "300ms"}), 0) << words; }

TEST_F(Gui, MistakesHaveAHintAndTheRightExitCode) {
  std::ofstream(file("foreign.fanlight")) << "text";
  struct Case {
    const char* name;
    std::vector<std::string> arguments;
    int code;
    const char* words;
  };
  for (const Case& c : {Case{"foreign file", {file("foreign.fanlight")}, 1, "hint: "},
                        Case{"no such file", {file("nothing.fanlight")}, 1, "hint: "},
                        Case{"unknown option", {"--colour"}, 2, "hint: fanlight-ui --help"},
                        Case{"unknown view", {"--view", "sideways"}, 2, "no view is called 'sideways'"},
                        Case{"bad address", {"--connect", "nowhere"}, 2, "has no port between 1 and 65535"},
                        Case{"bad size", {"--size", "12"}, 2, "write it like 1600x1000"},
                        Case{"widgets alone", {"--widgets", file("x.json")}, 2, "requires --screenshot"},
                        Case{"both sources", {"--connect", "1", file("foreign.fanlight")}, 2, "excludes"},
                        Case{"unwritable picture",
                             {"--connect", "127.0.0.1:1", "--screenshot", file("no/such/dir.png"), "--after", "1ms"},
                             1,
                             "hint: is the directory there"}}) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(run(c.arguments), c.code);
    EXPECT_TRUE(words.starts_with("fanlight-ui: ")) << words;
    EXPECT_NE(words.find(c.words), std::string::npos) << words;
    EXPECT_NE(words.find("hint: "), std::string::npos) << words;
  }
}

TEST(NoScreen, AFileThatCannotBeReadIsSaidFirst) {
  Child dashboard({"env", "-u", "DISPLAY", "-u", "WAYLAND_DISPLAY", FANLIGHT_UI, "/nowhere/run.fanlight"});
  EXPECT_EQ(dashboard.wait_for(std::chrono::seconds(20)).value_or(-1), 1);
  EXPECT_NE(dashboard.err().find("/nowhere/run.fanlight"), std::string::npos) << dashboard.err();
}

TEST(NoScreen, SaysHowToGoOn) {
  Child dashboard({"env", "-u", "DISPLAY", "-u", "WAYLAND_DISPLAY", FANLIGHT_UI, "--for", "1s"});
  EXPECT_EQ(dashboard.wait_for(std::chrono::seconds(20)).value_or(-1), 1);
  EXPECT_NE(dashboard.err().find("hint: run under Xvfb: xvfb-run -a fanlight-ui"), std::string::npos)
      << dashboard.err();
}

}  // namespace
}  // namespace fanlight::ui
