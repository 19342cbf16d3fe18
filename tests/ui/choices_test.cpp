// What a person can choose, and what the dashboard remembers: tables, layout, commands, triggers, selection, snapshots.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "collector/profile/merge.hpp"
#include "collector/store/recording.hpp"
#include "tests/ui/fabricate.hpp"
#include "ui/app/script.hpp"
#include "ui/viewmodel/capture.hpp"
#include "ui/viewmodel/commands.hpp"
#include "ui/viewmodel/histogram_set.hpp"
#include "ui/viewmodel/scene.hpp"
#include "ui/viewmodel/settings.hpp"
#include "ui/viewmodel/shape.hpp"
#include "ui/viewmodel/trigger.hpp"

namespace fanlight::ui {
namespace {

using testing::fabricate;

Table random_table(std::mt19937_64& random) {
  Table table{.columns = {{"name", 0, false}, {"number", 50}}};
  for (std::uint64_t i = random() % 40; i > 0; --i) {
    TableRow row;
    row.cells = {text_cell("n" + std::to_string(random() % 15)), count_cell(static_cast<double>(random() % 10))};
    if (random() % 9 == 0) row.cells[1] = missing_cell();
    row.pinned = random() % 20 == 0;
    table.rows.push_back(row);
  }
  return table;
}

TEST(Table, OrderAndFilterAreWhatBruteForceSays) {
  for (std::uint64_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937_64 random(seed);
    const Table table = random_table(random);
    TableOrder order{static_cast<int>(random() % 3) - 1, random() % 2 == 0, random() % 3 == 0 ? "N1" : ""};
    const auto rows = arranged(table, order);
    std::size_t expected = 0;
    for (const TableRow& row : table.rows)
      expected += order.filter.empty() || row.pinned || row.cells[0].text.starts_with("n1");
    ASSERT_EQ(rows.size(), expected);
    for (std::size_t i = 1; i < rows.size() && order.column >= 0; ++i) {
      const TableRow &a = table.rows[rows[i - 1]], &b = table.rows[rows[i]];
      ASSERT_GE(a.pinned, b.pinned);
      if (a.pinned != b.pinned) continue;
      const Cell &left = a.cells[static_cast<std::size_t>(order.column)],
                 &right = b.cells[static_cast<std::size_t>(order.column)];
      const auto key = [](const Cell& cell) { return cell.number.value_or(-1); };
      if (order.column == 1) {
        EXPECT_TRUE(order.descending ? key(left) >= key(right) : key(left) <= key(right));
      } else {
        EXPECT_TRUE(order.descending ? left.text >= right.text : left.text <= right.text);
      }
    }
  }
}

TEST(Table, AClickedHeaderSortsLargestFirstAndThenTurns) {
  std::mt19937_64 random(3);
  const Table table = random_table(random);
  const TableOrder first = clicked_header(table, {}, 1);
  EXPECT_TRUE(first.descending);
  EXPECT_FALSE(clicked_header(table, first, 1).descending);
  EXPECT_FALSE(clicked_header(table, first, 0).descending) << "words from A on";
}

TEST(Table, CsvIsQuotedAndUnrounded) {
  Table table{.columns = {{"name", 0, false}, {"time", 50}, {"state", 50}}};
  TableRow row;
  row.cells = {text_cell("a \"b\", c"), time_cell(1'234'567), Cell{}};
  row.cells[2].bands.emplace();
  (*row.cells[2].bands)[0] = 7;
  table.rows = {row};
  const std::uint32_t all[] = {0};
  EXPECT_EQ(to_csv(table, all), "name,time,running ns\r\n\"a \"\"b\"\", c\",1234567,7\r\n");
}

TEST(Layout, FillsItsAreaAndNothingOverlaps) {
  std::mt19937_64 random(5);
  for (int round = 0; round < 300; ++round) {
    Page page{"p", {}};
    for (std::uint64_t r = 1 + random() % 4; r > 0; --r) {
      LayoutRow row{.share = 0.1f + static_cast<float>(random() % 100) / 50};
      for (std::uint64_t c = 1 + random() % 5; c > 0; --c)
        row.cells.push_back({static_cast<PanelId>(random() % kPanels), 0.1f + static_cast<float>(random() % 100) / 50});
      page.rows.push_back(row);
    }
    const Rect area{5, 100, 400 + static_cast<float>(random() % 3000), 300 + static_cast<float>(random() % 1500)};
    const Arranged at = arrange(page, area, 5);
    double covered = 0;
    std::vector<Rect> all;
    for (const Placed& placed : at.panels) all.push_back(placed.rect);
    for (const Gap& gap : at.gaps) all.push_back(gap.rect);
    for (std::size_t i = 0; i < all.size(); ++i) {
      covered += static_cast<double>(all[i].w) * static_cast<double>(all[i].h);
      EXPECT_GE(all[i].x, area.x);
      EXPECT_LE(all[i].x + all[i].w, area.x + area.w + 0.01f);
      EXPECT_LE(all[i].y + all[i].h, area.y + area.h + 0.01f);
      for (std::size_t k = 0; k < i; ++k) {
        const Rect &a = all[i], &b = all[k];
        EXPECT_TRUE(a.x + a.w <= b.x + 0.01f || b.x + b.w <= a.x + 0.01f || a.y + a.h <= b.y + 0.01f ||
                    b.y + b.h <= a.y + 0.01f);
      }
    }
    EXPECT_NEAR(covered, static_cast<double>(area.w) * static_cast<double>(area.h), static_cast<double>(area.w));
    if (at.gaps.empty()) continue;
    drag_gap(page, at.gaps[random() % at.gaps.size()], static_cast<float>(random() % 2000) - 1000, area);
    for (const Placed& placed : arrange(page, area, 5).panels) {
      EXPECT_GE(placed.rect.w, 0);
      EXPECT_GE(placed.rect.h, 0);
    }
  }
}

TEST(Layout, EveryPanelIsReachable) {
  const Layout layout = standard_layout();
  for (const PanelName& name : panel_names()) {
    bool there = false;
    for (const Page& page : layout.pages)
      for (const LayoutRow& row : page.rows)
        for (const LayoutCell& cell : row.cells) there |= cell.panel == name.id;
    EXPECT_TRUE(there) << name.title;
    EXPECT_EQ(panel_from(name.key), name.id);
    EXPECT_EQ(&panel_names()[static_cast<std::size_t>(name.id)], &name) << "in the order of the numbers";
  }
}

TEST(Settings, ComeBackAndDamageDoesNoHarm) {
  Settings settings{.theme = Theme::contrast, .colour_blind = true, .scale = 1.25f};
  settings.triggers = {"p99 > 20ms"};
  settings.layout.pages[0].rows[0].cells[0].share = 3;
  EXPECT_EQ(settings_from(settings_text(settings)), settings);
  EXPECT_EQ(settings_from(""), Settings{});
  EXPECT_EQ(settings_from("theme mauve\nscale 1e9\npage X\nrow nan what:ever\nrow\n"), Settings{});
  const std::string text = settings_text(settings);
  std::mt19937_64 random(2);
  for (int round = 0; round < 2000; ++round) {
    std::string damaged = text;
    for (int change = 0; change < 5; ++change) damaged[random() % damaged.size()] = static_cast<char>(random());
    const Settings read = settings_from(damaged);
    EXPECT_FALSE(read.layout.pages.empty());
    for (const Page& page : read.layout.pages) arrange(page, {0, 0, 800, 600}, 5);
  }
}

TEST(Commands, FewLettersFindThem) {
  const std::vector<std::string> pages{"Overview", "Timeline"}, keys{"topic"};
  const auto commands = all_commands(pages, keys);
  const auto first = [&](std::string_view typed) {
    const auto found = matching(commands, typed);
    return found.empty() ? std::string() : commands[found[0]].id;
  };
  EXPECT_EQ(first("pt"), "page Timeline");
  EXPECT_EQ(first("light"), "theme light");
  EXPECT_EQ(first("pprof"), "export pprof");
  EXPECT_EQ(first("label topic"), "colour label topic");
  EXPECT_EQ(first("undo"), "undo");
  EXPECT_EQ(first("xqz"), "");
  EXPECT_EQ(matching(commands, "").size(), commands.size());
  std::set<std::string> ids;
  for (const Command& command : commands) EXPECT_TRUE(ids.insert(command.id).second) << command.id;
}

TEST(Trigger, ReadsWhatPeopleWrite) {
  struct Case {
    const char* text;
    const char* metric;
    bool above;
    double value;
  };
  for (const Case& c : {Case{"p99 > 20ms", "p99", true, 2e7}, Case{" p99.9>1.5 s ", "p99.9", true, 1.5e9},
                        Case{"deliveries < 1000/s", "deliveries", false, 1000}, Case{"errors > 0", "errors", true, 0},
                        Case{"futex > 0.5", "futex", true, 0.5}, Case{"throughput < 2k", "throughput", false, 2000}}) {
    SCOPED_TRACE(c.text);
    const auto trigger = parse_trigger(c.text);
    ASSERT_TRUE(trigger) << trigger.error().what;
    EXPECT_EQ(trigger->metric, c.metric);
    EXPECT_EQ(trigger->above, c.above);
    EXPECT_DOUBLE_EQ(trigger->value, c.value);
  }
  for (const char* text : {"", "p99", "> 20ms", "p99 > ms", "p99 > 20", "p99 > 20 parsecs"}) {
    const auto trigger = parse_trigger(text);
    ASSERT_FALSE(trigger) << text;
    EXPECT_FALSE(trigger.error().hint.empty());
  }
}

TEST(Trigger, FiresInTheFirstSliceThatHasIt) {
  const profile::Profile profile = fabricate({.seconds = 30}).query();
  const Trigger high = *parse_trigger("p99 > 3.5ms");
  const auto fired = first_fired(high, profile, 0);
  ASSERT_TRUE(fired);
  for (const profile::SecondPoint& second : profile.seconds) {
    const bool holds = trigger_value(high, second).value_or(0) > 3.5e6;
    if (second.to_ns <= fired->to_ns) {
      EXPECT_EQ(holds, second.to_ns == fired->to_ns);
    }
  }
  EXPECT_FALSE(first_fired(*parse_trigger("p99 > 3s"), profile, 0));
  EXPECT_FALSE(first_fired(high, profile, profile.to_ns)) << "what was looked at once is not news";
}

TEST(History, GoesBackAndForth) {
  History history;
  Chosen chosen;
  history.note(chosen, true);
  std::vector<Chosen> steps{chosen};
  for (const char* name : {"a", "b", "c"}) {
    toggle(chosen.threads, name);
    history.note(chosen, true);
    history.note(chosen, true);
    steps.push_back(chosen);
  }
  toggle(chosen.threads, "dragged");
  history.note(chosen, false);
  chosen = steps.back();
  history.note(chosen, true);
  for (int i = 2; i >= 0; --i) EXPECT_EQ(history.undo(), steps[static_cast<std::size_t>(i)]);
  EXPECT_FALSE(history.can_undo());
  EXPECT_EQ(history.redo(), steps[1]);
  Chosen other = steps[1];
  other.invert = true;
  history.note(other, true);
  EXPECT_FALSE(history.can_redo()) << "another way was taken";
}

TEST(Crumbs, EachTakesJustItselfAway) {
  Chosen chosen{.threads = {"w.1"},
                .labels = {"topic=a.b"},
                .focus = {"send"},
                .drop = {"malloc"},
                .sandwich = "f",
                .invert = true};
  chosen.range = {Range::Kind::fixed, 0, 1, 2};
  const auto list = crumbs(chosen, "12:00 to 12:01");
  EXPECT_EQ(list.size(), 7u);
  for (const Crumb& crumb : list) {
    Chosen less = chosen;
    remove(less, crumb, {});
    EXPECT_EQ(crumbs(less, less.range.kind == Range::Kind::fixed ? "12:00 to 12:01" : "").size(), 6u) << crumb.words;
  }
  EXPECT_EQ(profile_selection(chosen).thread, "^(w\\.1)$");
  EXPECT_EQ(profile_selection(chosen).labels, std::vector<std::string>{"topic=^a\\.b$"});
}

TEST(Scene, ThreadsAndLabelsFilterEveryPanel) {
  const auto profile = std::make_shared<const profile::Profile>(fabricate({.rich = true}).query());
  const Scene all = build_scene({profile}, {});
  const Scene one = build_scene({profile}, {.chosen = {.threads = {"worker-2"}}});
  std::uint64_t running = 0;
  for (const profile::Thread& thread : profile->threads)
    if (thread.name == "worker-2") running = thread.ns[static_cast<std::size_t>(Reason::running)];
  EXPECT_EQ(one.flame.root().total, running);
  EXPECT_LT(one.flame.root().total, all.flame.root().total);
  EXPECT_EQ(one.table(TableId::threads).rows.size(), 4u) << "the others stay to be chosen";
  EXPECT_EQ(one.table(TableId::scheduler).rows.size(), 1u);
  EXPECT_EQ(one.table(TableId::sockets).rows.size(), 1u);
  double threads = 0;
  for (const auto& band : one.series.threads) threads += band.front();
  EXPECT_NEAR(threads, 1, 1e-6) << "time per state is that of the one thread";
  const Scene labelled = build_scene({profile}, {.chosen = {.labels = {"topic=orders"}}});
  EXPECT_GT(labelled.flame.root().total, 0u);
  EXPECT_LT(labelled.flame.root().total, all.flame.root().total);
  EXPECT_EQ(all.label_keys, std::vector<std::string>{"topic"});
}

TEST(Scene, ShapesAreOfTheSameStacks) {
  const auto profile = std::make_shared<const profile::Profile>(fabricate().query());
  const Scene plain = build_scene({profile}, {});
  const std::uint64_t heavy = plain.flame.nodes[find(plain.flame, "heavy")].total;
  std::uint64_t heavy_all = 0;
  for (const profile::TopFunction& function : profile::top_functions(plain.stacks))
    if (function.name == "heavy") heavy_all = function.total;
  EXPECT_GT(heavy_all, heavy);
  const Scene focused = build_scene({profile}, {.chosen = {.focus = {"heavy"}}});
  EXPECT_EQ(focused.flame.root().total, heavy_all);
  const Scene dropped = build_scene({profile}, {.chosen = {.drop = {"heavy"}}});
  EXPECT_EQ(dropped.flame.root().total + heavy_all, plain.flame.root().total);
  const Scene merged = build_scene({profile}, {.chosen = {.merge = {"heavy"}}});
  EXPECT_EQ(merged.flame.root().total, plain.flame.root().total);
  EXPECT_EQ(find(merged.flame, "heavy"), 0u);
  const Scene inverted = build_scene({profile}, {.chosen = {.invert = true}});
  EXPECT_EQ(inverted.flame.root().total, plain.flame.root().total);
  EXPECT_EQ(inverted.flame.nodes[find(inverted.flame, "ip_queue_xmit")].parent, 0u);
  const Scene sandwiched = build_scene({profile}, {.chosen = {.sandwich = "heavy"}});
  EXPECT_EQ(sandwiched.flame.root().total, heavy_all);
  EXPECT_EQ(sandwiched.callers.root().total, heavy_all);
  EXPECT_EQ(sandwiched.flame.root().child_count, 1u);
  EXPECT_EQ(sandwiched.flame.name_of(sandwiched.flame.root().first_child), "heavy");
}

TEST(Scene, WhySaysWhatChangedSinceBefore) {
  profile::Window window = fabricate({.seconds = 20});
  const auto before = std::make_shared<const profile::Profile>(window.query(0, 5'000'000'000'000 + 10'000'000'000));
  // Four times the work of one function, and the threads' time with it.
  profile::Profile changed = window.query(5'000'000'000'000 + 10'000'000'000);
  const auto leaf = [&](const profile::SampleRow& row) {
    return changed.frames[changed.stacks[row.stack].back()].name;
  };
  for (profile::SampleRow& row : changed.samples) {
    if (row.sampler != Sampler::kernel_cpu || leaf(row) != "malloc") continue;
    const std::uint64_t more = row.weight * 3;
    row.weight += more;
    row.count *= 4;
    changed.threads[row.thread].ns[static_cast<std::size_t>(Reason::running)] += more;
  }
  const auto now = std::make_shared<const profile::Profile>(std::move(changed));
  const Scene scene = build_scene({now, before}, {});
  const Table& changes = scene.table(TableId::changes);
  ASSERT_FALSE(changes.rows.empty());
  EXPECT_EQ(changes.rows[0].cells[5].text, "malloc");
  EXPECT_EQ(changes.rows[0].cells[0].tone, Tone::bad);
  const FlameNode& node = scene.flame.nodes[find(scene.flame, "malloc")];
  EXPECT_TRUE(node.changed(scene.flame.root().total));
  EXPECT_NEAR(static_cast<double>(node.total) / static_cast<double>(node.before), 4, 0.5);
  const Table& why = scene.table(TableId::why);
  EXPECT_GT(why.rows.size(), 4u);
  const Scene alone = build_scene({now}, {});
  EXPECT_TRUE(alone.table(TableId::changes).rows.empty());
  EXPECT_FALSE(alone.table(TableId::changes).empty.empty());
}

TEST(Scene, EveryEmptyTableSaysWhy) {
  const auto profile =
      std::make_shared<const profile::Profile>(fabricate({.threads = 0, .metrics = false, .kernel = false}).query());
  const Scene scene = build_scene({profile}, {});
  for (std::size_t i = 0; i < kTables; ++i) {
    SCOPED_TRACE(i);
    const Table& table = scene.tables[i];
    EXPECT_TRUE(!table.rows.empty() || table.empty.size() > 20) << table.title;
  }
  EXPECT_GT(scene.latency_map.missing.size(), 10u);
  EXPECT_NE(scene.offset_map.missing.find("--trace"), std::string::npos);
}

TEST(Heatmap, CountsEveryValueOnce) {
  const profile::Profile profile = fabricate({.seconds = 40}).query();
  const Heatmap map = latency_heatmap(profile, "delivery_latency", 0, 10);
  ASSERT_EQ(map.columns(), 10u);
  double counted = 0, expected = 0;
  for (std::size_t column = 0; column < map.columns(); ++column)
    for (std::size_t row = 0; row < map.rows; ++row)
      counted += map.at(column, row) * static_cast<double>(map.to_ns[column] - map.from_ns[column]) / 1e9;
  for (const profile::SecondPoint& second : profile.seconds)
    expected += static_cast<double>(metric(second.metrics, "delivery_latency")->histogram.count());
  EXPECT_NEAR(counted, expected, expected * 1e-9);
}

TEST(Histograms, AStretchHoldsWhatLiesInIt) {
  KernelHistogram histogram;
  histogram.add(1000, 90);
  histogram.add(5'000'000, 10);
  EXPECT_NEAR(count_between(histogram, 0, 1e4), 90, 1e-9);
  EXPECT_NEAR(count_between(histogram, 1e6, 1e9), 10, 1e-9);
  EXPECT_NEAR(count_between(histogram, 0, 1e12), 100, 1e-9);
}

TEST(Capture, AnswersLikeWhatItWasMadeOf) {
  const profile::Window window = fabricate({.seconds = 12, .dropped = 2, .rich = true});
  const std::uint64_t from = window.slices()[6].from_ns;
  const profile::Profile profile = window.query(from);
  const profile::Profile back = window_of(profile).query(from);
  ASSERT_EQ(back.threads.size(), profile.threads.size());
  for (std::size_t i = 0; i < profile.threads.size(); ++i) {
    EXPECT_EQ(back.threads[i].ns, profile.threads[i].ns);
    EXPECT_EQ(back.threads[i].socket, profile.threads[i].socket);
    EXPECT_EQ(back.threads[i].run_queue_ns.count(), profile.threads[i].run_queue_ns.count());
  }
  for (const profile::View view : profile::kViews)
    EXPECT_EQ(profile::view(back, view).total(), profile::view(profile, view).total()) << profile::name_of(view);
  EXPECT_EQ(back.seconds.size(), profile.seconds.size());
  EXPECT_EQ(back.timeline.size(), profile.timeline.size());
  EXPECT_EQ(back.ledger, profile.ledger);
  const auto path =
      std::filesystem::temp_directory_path() / ("fanlight-capture-" + std::to_string(::getpid()) + ".fanlight");
  std::filesystem::remove(path);
  const auto saved = save_capture(profile, path);
  ASSERT_TRUE(saved) << saved.error().what;
  const auto opened = store::open_recording(path);
  std::filesystem::remove(path);
  ASSERT_TRUE(opened) << opened.error().what;
  EXPECT_EQ(profile::totals(opened->query(from)), profile::totals(profile));
}

TEST(Script, StepsAreReadAndMistakesNamed) {
  const auto steps = parse_script("# words\nwait 500ms\nclick row\ndrag Time per state 0.1 0.5 0.9 0.5\nwheel -2\n");
  ASSERT_TRUE(steps) << steps.error().what;
  ASSERT_EQ(steps->size(), 4u);
  EXPECT_EQ((*steps)[2].text, "Time per state");
  EXPECT_FLOAT_EQ((*steps)[2].x1, 0.9f);
  for (const char* text : {"fly", "wait long", "drag X 1 2", "wheel x"}) {
    const auto refused = parse_script(text);
    ASSERT_FALSE(refused) << text;
    EXPECT_NE(refused.error().what.find("line 1"), std::string::npos);
  }
}

}  // namespace
}  // namespace fanlight::ui
