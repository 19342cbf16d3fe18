// Mouse and keyboard, injected; and 100,000 random inputs. No screen is needed: nothing is rasterised.
#include "tests/ui/stage.hpp"

#include <gtest/gtest.h>

#include <random>

#include "tests/ui/fabricate.hpp"

namespace fanlight::ui {
namespace {

using testing::fabricate;
using testing::seen_of;
using testing::Stage;

Seen rich(unsigned seconds = 20) {
  return seen_of(fabricate({.seconds = seconds, .dropped = 2, .rich = true}).query());
}

TEST(Stage, EveryPageShowsItsPanelsAtBothSizes) {
  for (const auto& [width, height] : {std::pair(1920.0f, 1080.0f), std::pair(1280.0f, 720.0f)}) {
    Stage stage(rich(), width, height);
    for (std::size_t page = 0; page < stage.shell().settings.layout.pages.size(); ++page) {
      const Page& wanted = stage.shell().settings.layout.pages[page];
      SCOPED_TRACE(wanted.name);
      ASSERT_TRUE(stage.click(wanted.name));
      ASSERT_EQ(stage.shell().page, page);
      for (const LayoutRow& row : wanted.rows)
        for (const LayoutCell& cell : row.cells) EXPECT_TRUE(stage.panel(title_of(cell.panel))) << title_of(cell.panel);
      for (const Widgets::Panel& panel : stage.widgets().panels) {
        EXPECT_LE(panel.rect.x + panel.rect.w, width + 0.5f) << panel.name;
        EXPECT_LE(panel.rect.y + panel.rect.h, height + 0.5f) << panel.name;
        EXPECT_GT(panel.rect.w, 100) << panel.name;
        EXPECT_GT(panel.rect.h, 50) << panel.name;
      }
      // 4 vertices a rectangle; glyphs count as well.
      EXPECT_LT(stage.vertices(), 4 * 15'000);
    }
  }
}

TEST(Stage, BrushingTimeIsOneStepThatCanBeUndone) {
  Stage stage(rich());
  ASSERT_TRUE(stage.drag("Time per state", 0.4f, 0.6f));
  const Range range = stage.ui().selection.range;
  ASSERT_EQ(range.kind, Range::Kind::fixed);
  EXPECT_GT(range.to_ns, range.from_ns);
  EXPECT_TRUE(stage.shows("undo"));
  ASSERT_TRUE(stage.click("undo"));
  EXPECT_NE(stage.ui().selection.range.kind, Range::Kind::fixed);
  ASSERT_TRUE(stage.click("redo"));
  EXPECT_EQ(stage.ui().selection.range, range);
}

TEST(Stage, AThreadIsChosenAndTakenBack) {
  Stage stage(rich());
  ASSERT_TRUE(stage.click("Threads: worker-2"));
  EXPECT_EQ(stage.ui().selection.threads, std::vector<std::string>{"worker-2"});
  ASSERT_TRUE(stage.shows("worker-2 \u00d7")) << "a crumb";
  ASSERT_TRUE(stage.click("worker-2 \u00d7"));
  EXPECT_TRUE(stage.ui().selection.threads.empty());
  stage.click("Threads: worker-3");
  stage.key(ImGuiKey_Home);
  EXPECT_TRUE(stage.ui().selection.threads.empty()) << "Home: everything";
}

TEST(Stage, LanesChooseThreadsAndTheWheelZooms) {
  Stage stage(rich());
  ASSERT_TRUE(stage.click("Timeline"));
  ASSERT_TRUE(stage.click("lane worker-3"));
  EXPECT_EQ(stage.ui().selection.threads, std::vector<std::string>{"worker-3"});
  const auto panel = stage.find("Thread timeline");
  ASSERT_TRUE(panel);
  stage.point(panel->x + panel->w / 2, panel->y + 60);
  EXPECT_TRUE(stage.ui().timeline.view.arrows.empty()) << "thousands of wake-ups cannot be told apart";
  const std::uint64_t before = stage.ui().timeline.view.to_ns - stage.ui().timeline.view.from_ns;
  for (int i = 0; i < 20; ++i) stage.wheel(1);
  const TimelineView& view = stage.ui().timeline.view;
  EXPECT_LT(view.to_ns - view.from_ns, before / 100);
  EXPECT_FALSE(view.arrows.empty()) << "close enough to tell wake-ups apart";
  EXPECT_TRUE(view.lanes[0].exact);
  for (int i = 0; i < 40; ++i) stage.wheel(-1);
  EXPECT_EQ(stage.ui().timeline.view.to_ns - stage.ui().timeline.view.from_ns, before);
}

TEST(Stage, HeadersSortAndFiltersFilter) {
  Stage stage(rich());
  ASSERT_TRUE(stage.click("Threads/thread"));
  EXPECT_EQ(stage.ui().tables[static_cast<std::size_t>(PanelId::threads)].order, (TableOrder{0, false, ""}));
  ASSERT_TRUE(stage.click("Threads/thread"));
  EXPECT_TRUE(stage.ui().tables[static_cast<std::size_t>(PanelId::threads)].order.descending);
  ASSERT_TRUE(stage.click("filter"));
  stage.type("malloc");
  TableState& functions = stage.ui().tables[static_cast<std::size_t>(PanelId::functions)];
  EXPECT_EQ(functions.order.filter, "malloc");
  EXPECT_EQ(functions.rows.size(), 1u);
}

TEST(Stage, BoxesZoomAndTheirKeysWork) {
  Stage stage(rich());
  ASSERT_TRUE(stage.click("heavy"));
  EXPECT_EQ(stage.ui().selection.zoom.back(), "heavy");
  stage.key(ImGuiKey_Escape);
  EXPECT_NE(stage.ui().selection.zoom.empty() ? "" : stage.ui().selection.zoom.back(), "heavy");
  struct Case {
    const char* key;
    std::vector<std::string> Chosen::* list;
  };
  for (const Case& c : {Case{"f", &Chosen::focus}, Case{"d", &Chosen::drop}, Case{"m", &Chosen::merge}}) {
    stage.key(ImGuiKey_Home);
    ASSERT_TRUE(stage.hover("light"));
    stage.type(c.key);
    EXPECT_EQ(stage.ui().selection.*c.list, std::vector<std::string>{"light"}) << c.key;
  }
  stage.key(ImGuiKey_Home);
  ASSERT_TRUE(stage.hover("heavy"));
  stage.type("s");
  EXPECT_EQ(stage.ui().selection.sandwich, "heavy");
  EXPECT_TRUE(stage.shows("around heavy"));
  stage.type("v");
  stage.type("4");
  EXPECT_EQ(stage.ui().selection.view, profile::View::wall);
  stage.type(" ");
  EXPECT_TRUE(stage.ui().selection.frozen);
  ASSERT_TRUE(stage.hover("heavy"));
  stage.type("c");
  EXPECT_NE(std::string_view(ImGui::GetClipboardText()).find("heavy\n"), std::string_view::npos);
}

TEST(Stage, ThePaletteDoesWhatItIsTold) {
  Stage stage(rich());
  stage.key_code('K', true);
  ASSERT_TRUE(stage.shell().palette);
  stage.frames(2);
  stage.type("page locks");
  stage.key(ImGuiKey_Enter);
  EXPECT_FALSE(stage.shell().palette);
  EXPECT_EQ(stage.shell().settings.layout.pages[stage.shell().page].name, "Locks");
  stage.type("?");
  EXPECT_TRUE(stage.shell().help);
  EXPECT_TRUE(stage.shows("Keys"));
  stage.key(ImGuiKey_Escape);
  EXPECT_FALSE(stage.shell().help);
}

TEST(Stage, EveryCommandCanBeRun) {
  Stage stage(rich());
  for (const Command& command : commands_of(stage.ui())) {
    SCOPED_TRACE(command.id);
    EXPECT_TRUE(run_command(stage.ui(), command.id));
    stage.shell().palette = stage.shell().help = stage.shell().opening = false;
    stage.frames(2);
  }
}

TEST(Stage, PanelsAreExportedEnlargedAndExchanged) {
  Stage stage(rich());
  ASSERT_TRUE(stage.hover("title Threads"));
  stage.type("e");
  ASSERT_FALSE(stage.shell().wishes.empty());
  EXPECT_EQ(stage.shell().wishes.back().what, Wish::What::write);
  EXPECT_EQ(stage.shell().wishes.back().name, "threads.csv");
  EXPECT_NE(stage.shell().wishes.back().text.find("worker-1,4242,"), std::string::npos)
      << stage.shell().wishes.back().text;
  stage.type("p");
  EXPECT_EQ(stage.shell().wishes.back().what, Wish::What::picture);
  stage.type("z");
  EXPECT_EQ(stage.shell().enlarged, PanelId::threads);
  stage.type("z");
  EXPECT_FALSE(stage.shell().enlarged);
  const float before = stage.panel("Flame graph")->w;
  ASSERT_TRUE(stage.find("gap 3"));
  const std::size_t wishes = stage.shell().wishes.size();
  const Rect gap = *stage.find("gap 3");
  stage.point(gap.x + gap.w / 2, gap.y + gap.h / 2);
  ImGui::GetIO().MouseDown[0] = true;
  stage.frame();
  ImGui::GetIO().MousePos.x += 80;
  stage.frame();
  ImGui::GetIO().MouseDown[0] = false;
  stage.frames(2);
  EXPECT_NEAR(stage.panel("Flame graph")->w, before + 80, 3);
  EXPECT_GT(stage.shell().wishes.size(), wishes) << "the layout is kept";
}

TEST(Stage, EveryPanelWithDataHasCsv) {
  Stage stage(rich());
  for (const PanelName& name : panel_names()) {
    if (name.id == PanelId::triggers || name.id == PanelId::source) continue;
    stage.shell().enlarged = name.id;
    stage.frames(2);
    const std::string csv = panel_csv(stage.ui(), name.id);
    if (name.id == PanelId::changes) continue;  // there is no time before
    EXPECT_GT(std::count(csv.begin(), csv.end(), '\n'), 1) << name.title;
  }
}

TEST(Stage, TriggersAreTakenOrRefusedInWords) {
  Stage stage(rich());
  ASSERT_TRUE(stage.click("Triggers"));
  ASSERT_TRUE(stage.click("trigger field"));
  stage.type("p99 > lots");
  stage.key(ImGuiKey_Enter);
  EXPECT_TRUE(stage.shell().triggers.empty());
  EXPECT_FALSE(stage.shell().trigger_error.empty());
  stage.shell().trigger_text[0] = '\0';
  stage.key(ImGuiKey_Escape);
  ASSERT_TRUE(stage.click("trigger field"));
  stage.type("p99 > 20ms");
  ASSERT_TRUE(stage.click("watch for it"));
  ASSERT_EQ(stage.shell().triggers.size(), 1u);
  EXPECT_EQ(stage.shell().settings.triggers, std::vector<std::string>{"p99 > 20ms"});
}

TEST(Stage, WithoutDataEveryPanelStillSaysSomething) {
  Stage stage({});
  EXPECT_TRUE(stage.shows("Empty"));
  stage.show(seen_of(fabricate({.threads = 0, .metrics = false, .kernel = false}).query()));
  for (const PanelName& name : panel_names()) {
    stage.shell().enlarged = name.id;
    stage.frames(2);
    EXPECT_TRUE(stage.panel(name.title)) << name.title;
    EXPECT_GT(stage.vertices(), 400) << name.title;
  }
}

/// Whatever is pressed, nothing breaks, and what is chosen stays sane.
void monkey(Stage& stage, std::uint64_t seed, int inputs) {
  std::mt19937_64 random(seed);
  ImGuiIO& io = ImGui::GetIO();
  for (int i = 0; i < inputs; ++i) {
    switch (random() % 12) {
      case 0:
      case 1:
      case 2: io.MousePos = {static_cast<float>(random() % 1600), static_cast<float>(random() % 1000)}; break;
      case 3: io.MouseDown[0] = !io.MouseDown[0]; break;
      case 4: io.MouseDown[1] = !io.MouseDown[1]; break;
      case 5: io.MouseWheel = static_cast<float>(random() % 7) - 3; break;
      case 6: io.AddInputCharacter(static_cast<unsigned>(32 + random() % 95)); break;
      case 7: {
        const int code = random() % 2 == 0 ? 400 + static_cast<int>(random() % ImGuiKey_COUNT)
                                           : static_cast<int>(32 + random() % 64);
        io.KeysDown[code] = !io.KeysDown[code];
        break;
      }
      case 8: io.KeyCtrl = random() % 3 == 0; break;
      case 9: io.KeyShift = random() % 3 == 0; break;
      case 10: {
        const auto& items = stage.widgets().items;
        if (items.empty()) break;
        const Rect& rect = items[random() % items.size()].rect;
        io.MousePos = {rect.x + rect.w / 2, rect.y + rect.h / 2};
        break;
      }
      default: break;
    }
    if (random() % 3 == 0) stage.frame();
    if (i % 500 != 0) continue;
    // Nothing that was opened may stay in the way for good.
    stage.shell().wishes.clear();
    stage.shell().palette = stage.shell().help = stage.shell().opening = false;
    const Selection& selection = stage.ui().selection;
    ASSERT_LT(static_cast<std::size_t>(selection.view), profile::kViews.size());
    ASSERT_LT(stage.shell().page, stage.shell().settings.layout.pages.size());
    ASSERT_TRUE(selection.range.kind != Range::Kind::fixed || selection.range.to_ns >= selection.range.from_ns);
    ASSERT_LT(stage.vertices(), 400'000);
  }
}

TEST(Stage, AHundredThousandRandomInputs) {
  Stage stage(rich(6));
  monkey(stage, 1, 100'000);
}

TEST(Stage, RandomInputsOnDataThatCannotBe) {
  profile::Profile profile = fabricate({.seconds = 5, .rich = true}).query();
  for (profile::Thread& thread : profile.threads) thread.ns.fill(~std::uint64_t{0});
  for (profile::SampleRow& row : profile.samples) row.weight = row.count = ~std::uint64_t{0};
  for (profile::ThreadPoint& point : profile.thread_points) point.ns = point.kernel_ns = ~std::uint64_t{0};
  profile.seconds.back() = {.from_ns = 0, .to_ns = ~std::uint64_t{0}};
  profile.from_ns = ~std::uint64_t{0} - 5;
  profile.to_ns = ~std::uint64_t{0};
  profile.threads[0].name = std::string(3000, '%') + "\xff\x01\n";
  profile.metrics[0].value = std::numeric_limits<double>::quiet_NaN();
  Stage stage(seen_of(std::move(profile)));
  monkey(stage, 2, 8'000);
}

}  // namespace
}  // namespace fanlight::ui
