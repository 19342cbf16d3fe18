#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/golden.hpp"
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
  for (const char* name : {"Cards", "Time per state", "Throughput", "Latency", "Flame graph", "Threads", "Functions",
                           "Socket writes", "Locks", "Notes"})
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
  EXPECT_TRUE(panels.contains("Latency"));
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
    const bool table = name == "Threads" || name == "Functions" || name == "Notes";
    const auto x = panel.at("x").to_number<double>() + panel.at("w").to_number<double>() * (table ? 0.34 : 0.5);
    const auto y = panel.at("y").to_number<double>() + (table ? 56 : panel.at("h").to_number<double>() / 2);
    auto arguments = base;
    arguments.insert(arguments.end(),
                     {"--pointer", std::to_string(static_cast<int>(x)), std::to_string(static_cast<int>(y))});
    EXPECT_EQ(run(arguments), 0) << words;
    const bool answers = name == "Time per state" || name == "Throughput" || name == "Latency" || name == "Threads" ||
                         name == "Functions";
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
  for (const Case& c :
       {Case{"foreign file", {file("foreign.fanlight")}, 1, "hint: "},
        Case{"no such file", {file("nothing.fanlight")}, 1, "hint: "},
        Case{"unknown option", {"--colour"}, 2, "hint: fanlight-ui --help"},
        Case{"unknown view", {"--view", "sideways"}, 2, "no view is called 'sideways'"},
        Case{"bad address", {"--connect", "nowhere"}, 2, "has no port between 1 and 65535"},
        Case{"bad size", {"--size", "12"}, 2, "write it like 1600x1000"},
        Case{"widgets alone", {"--widgets", file("x.json")}, 2, "requires --screenshot"},
        Case{"both sources", {"--connect", "1", file("foreign.fanlight")}, 2, "excludes"},
        Case{"unknown theme", {"--theme", "mauve"}, 2, "mauve"},
        Case{"bad trigger", {"--trigger", "p99 is high"}, 2, "has neither < nor >"},
        Case{"no such script", {"--connect", "1", "--script", file("no.script")}, 1, "hint: give a file of steps"},
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

/// What a directory holds whose name begins so.
std::vector<std::string> files_named(const std::filesystem::path& directory, const std::string& begin) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(directory))
    if (entry.path().filename().string().starts_with(begin)) names.push_back(entry.path().string());
  return names;
}

TEST_F(Gui, OpenBrushZoomSearchDiffAndExport) {
  ASSERT_TRUE(testing::record(testing::fabricate({.seconds = 30, .rich = true}), file("run.fanlight")));
  std::ofstream(file("other.folded")) << "worker;main;elsewhere 7\nworker;main;here 3\n";
  std::ofstream(file("steps")) << "click  + \nclick open field\ntype " << file("other.folded") << "\nenter\n"
                               << "widgets " << file("opened.json") << "\nclick run.fanlight\n"
                               << "drag Time per state 0.5 0.6 0.9 0.6\nwidgets " << file("brushed.json")
                               << "\nclick heavy\ncommand search\ntype writev\nwidgets " << file("zoomed.json")
                               << "\ncommand why\nwidgets " << file("why.json")
                               << "\ncommand export folded\ncommand export pprof\ncommand page Overview\n"
                               << "hover title Threads\ncommand panel-csv\ncommand panel-png\nwait 10ms\n"
                               << "command snapshot\nwait 300ms\ncommand page Triggers\nwidgets " << file("end.json")
                               << "\n";
  ASSERT_EQ(run({file("run.fanlight"), "--script", file("steps"), "--out", directory.string()}), 0) << words;
  const auto item = [&](const char* json, std::string_view begin) {
    const auto widgets = testing::read_widgets(file(json));
    if (!widgets.contains("items")) return std::string();
    for (const auto& one : widgets.at("items").as_array())
      if (std::string_view(one.at("name").as_string()).starts_with(begin))
        return std::string(one.at("name").as_string());
    return std::string();
  };
  const auto opened = testing::read_widgets(file("opened.json"));
  EXPECT_NEAR(testing::share_of_parent(opened, "elsewhere"), 0.7, 0.01) << "a folded file in the same panels";
  EXPECT_FALSE(item("opened.json", "other.folded").empty()) << "in a tab of its own";
  EXPECT_NE(item("brushed.json", "22:").find(" UTC"), std::string::npos) << "a crumb with the time";
  EXPECT_DOUBLE_EQ(testing::share_of_parent(testing::read_widgets(file("zoomed.json")), "heavy"), 1);
  EXPECT_FALSE(item("why.json", "Why was it slow here?: Numbers that changed").empty());
  EXPECT_FALSE(item("end.json", "snapshot 0").empty());
  for (const char* name : {"fanlight-oncpu.folded", "fanlight-oncpu.pb.gz", "fanlight-threads.csv",
                           "fanlight-threads.png", "fanlight-snapshot.fanlight"}) {
    ASSERT_EQ(files_named(directory, name).size(), 1u) << name;
    EXPECT_GT(std::filesystem::file_size(file(name)), 40u) << name;
  }
  const testing::Shot panel = testing::read_png(file("fanlight-threads.png"));
  EXPECT_GT(panel.width, 200u);
  EXPECT_LT(panel.width, 1600u);
  EXPECT_EQ(run({file("fanlight-snapshot.fanlight"), "--screenshot", file("s.png"), "--after", "200ms"}), 0)
      << "a snapshot opens like any recording: " << words;
}

TEST_F(Gui, ATriggerFreezesAndSaves) {
  testing::LiveCollector collector(testing::fabricate({.seconds = 300, .rich = true}),
                                   testing::LiveCollector::Manner::proper, 0, true);
  std::ofstream(file("steps")) << "await message: Saved\nwait 10ms\nwidgets " << file("a.json") << "\n";
  ASSERT_EQ(run({"127.0.0.1:" + std::to_string(collector.port()), "--trigger", "p99 > 3.5ms", "--script", file("steps"),
                 "--out", directory.string()}),
            0)
      << words;
  EXPECT_FALSE(files_named(directory, "fanlight-snapshot").empty());
  EXPECT_NE(std::string_view(testing::read_widgets(file("a.json")).at("status").as_string()).find("frozen"),
            std::string_view::npos);
}

TEST_F(Gui, LiesBecomeABannerAndNoCrash) {
  using Manner = testing::LiveCollector::Manner;
  struct Case {
    const char* name;
    Manner manner;
    const char* status;
  };
  for (const Case& c :
       {Case{"truncated", Manner::truncated, ""}, Case{"absurd", Manner::absurd, ""},
        Case{"aged", Manner::aged, "version 99"}, Case{"nested", Manner::nested, "stack 1073741824 is unknown"},
        Case{"insane", Manner::insane, ""}, Case{"garbage", Manner::garbage, ""}}) {
    SCOPED_TRACE(c.name);
    testing::LiveCollector collector(testing::fabricate({.seconds = 5, .rich = true}), c.manner);
    std::ofstream(file("steps")) << (c.manner == Manner::insane ? "await Timeline" : "await status: lost")
                                 << "\ncommand page Timeline\ncommand page Latency\ncommand page Why\nwidgets "
                                 << file("a.json") << "\n";
    EXPECT_EQ(run({"127.0.0.1:" + std::to_string(collector.port()), "--script", file("steps")}), 0) << words;
    const std::string status(testing::read_widgets(file("a.json")).at("status").as_string());
    EXPECT_NE(status.find(c.status), std::string::npos) << status;
    EXPECT_TRUE(c.manner == Manner::insane || status.starts_with("waiting for") || status.starts_with("lost "))
        << status;
  }
}

TEST_F(Gui, ThemeSizeAndLayoutAreRemembered) {
  ASSERT_TRUE(testing::record(testing::fabricate({.seconds = 5}), file("run.fanlight")));
  std::ofstream(file("steps")) << "command theme light\ncommand colour-blind\ncommand scale-up\nshot "
                               << file("light.png") << "\n";
  ASSERT_EQ(run({file("run.fanlight"), "--script", file("steps"), "--settings", file("ui.conf")}), 0) << words;
  std::ostringstream kept;
  kept << std::ifstream(file("ui.conf")).rdbuf();
  EXPECT_NE(kept.str().find("theme light\ncolour-blind yes\nscale 1.10\n"), std::string::npos) << kept.str();
  std::ofstream(file("again")) << "shot " << file("again.png") << "\n";
  ASSERT_EQ(run({file("run.fanlight"), "--script", file("again"), "--settings", file("ui.conf")}), 0) << words;
  EXPECT_TRUE(testing::read_png(file("light.png")).rgb == testing::read_png(file("again.png")).rgb);
}

/// FNV-1a: pictures themselves would weigh megabytes.
std::string picture_hash(const testing::Shot& shot) {
  std::uint64_t value = 14695981039346656037ull;
  for (const std::uint8_t byte : shot.rgb) value = (value ^ byte) * 1099511628211ull;
  std::ostringstream text;
  text << shot.width << "x" << shot.height << " " << std::hex << value;
  return text.str();
}

TEST_F(Gui, PicturesOfEveryPageInEveryTheme) {
  ASSERT_TRUE(testing::record(testing::fabricate({.seconds = 30, .dropped = 2, .rich = true}), file("run.fanlight")));
  std::string list;
  for (const char* theme : {"dark", "light", "contrast"}) {
    std::ofstream steps(file("steps"));
    const char* const pages[] = {"Overview", "Timeline", "Flame graph", "Latency", "Scheduler", "Sockets",
                                 "Maps",     "Locks",    "Why",         "Trust",   "Triggers"};
    for (const char* page : pages) steps << "command page " << page << "\nshot " << file(page) << ".png\n";
    steps.close();
    ASSERT_EQ(run({file("run.fanlight"), "--script", file("steps"), "--theme", theme, "--size", "1280x720"}), 0)
        << words;
    for (const char* page : pages) {
      const testing::Shot shot = testing::read_png(file(page) + ".png");
      EXPECT_GT(shot.colours(), 60u) << page;
      list += std::string(theme) + " " + page + " " + picture_hash(shot) + "\n";
    }
  }
  fanlight::testing::expect_golden("ui/pictures.txt", list);
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
