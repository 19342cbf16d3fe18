// Every painter through the recording canvas: what each panel draws, command by command, and that it stays inside.
#include <gtest/gtest.h>

#include <functional>

#include "core/units.hpp"
#include "tests/golden.hpp"
#include "tests/ui/fabricate.hpp"
#include "tests/ui/stage.hpp"
#include "ui/views/paint_cards.hpp"
#include "ui/views/paint_flame.hpp"
#include "ui/views/paint_heatmap.hpp"
#include "ui/views/paint_plots.hpp"
#include "ui/views/paint_table.hpp"
#include "ui/views/paint_timeline.hpp"

namespace fanlight::ui {
namespace {

using testing::fabricate;

const Pen kPen{
    1, [](std::string_view text, Face face) { return static_cast<float>(text.size()) * face_size(face) * 0.5f; }};
constexpr Rect kRect{10, 20, 600, 220};

Scene rich() {
  const profile::Window window = fabricate({.seconds = 8, .threads = 2, .dropped = 1, .rich = true});
  const std::uint64_t half = window.slices()[4].from_ns;
  return build_scene(
      testing::seen_of(window.query(half), std::make_shared<const profile::Profile>(window.query(0, half))), {});
}

struct Painted {
  std::string name;
  std::function<void(Drawing&, const Scene&)> paint;
};

std::vector<Painted> painters() {
  std::vector<Painted> list{
      {"cards", [](Drawing& d, const Scene& s) { paint_cards(d, s.cards, kRect, kPen); }},
      {"states",
       [](Drawing& d, const Scene& s) {
         paint_states(d, s.series, time_span(s.series.time, false), kRect, {s.profile->from_ns, s.profile->to_ns},
                      kPen);
       }},
      {"latency",
       [](Drawing& d, const Scene& s) {
         const PlottedLine lines[] = {{&s.series.latency_p99, kSeriesB, true}, {&s.series.latency_p50, kSeriesA}};
         paint_lines(
             d, lines, s.series.time, time_span(s.series.time, false), kRect, [](double ns) { return format_ns(ns); },
             kPen);
       }},
      {"timeline",
       [](Drawing& d, const Scene& s) {
         const TimelineFrame frame = timeline_frame(kRect, s.lanes.threads.size(), kPen);
         const TimelineView view = timeline_view(*s.seen.profile, s.lanes, s.seen.timeline.get(), s.profile->from_ns,
                                                 s.profile->from_ns + 30'000'000, frame.area.w, 0, frame.lanes);
         paint_timeline(d, {.view = view, .origin_ns = s.profile->from_ns}, kRect, kPen);
       }},
      {"heatmap",
       [](Drawing& d, const Scene& s) {
         paint_heatmap(d, s.latency_map, {s.latency_map.from_ns.front(), s.latency_map.to_ns.back(), false}, kRect,
                       false, kPen);
       }},
      {"offsets",
       [](Drawing& d, const Scene& s) {
         paint_heatmap(d, s.offset_map, {s.offset_map.from_ns.front(), s.offset_map.to_ns.back(), false}, kRect, true,
                       kPen);
       }},
      {"histograms",
       [](Drawing& d, const Scene& s) { paint_histograms(d, s.histograms, kRect, std::pair(1e5, 1e6), kPen); }},
      {"flame_change",
       [](Drawing& d, const Scene& s) {
         const FlameLayout layout = layout_flame(s.flame, 0, kRect.w);
         const FlameSearch search = search_flame(s.flame, "");
         FlamePaint paint{.tree = s.flame, .layout = layout, .search = search};
         paint.colouring = Colouring::change;
         paint.left = kRect.x;
         paint.top = kRect.y;
         paint_flame(d, paint, kPen);
       }},
  };
  for (std::size_t i = 0; i < kTables; ++i)
    list.push_back({"table_" + std::to_string(i), [i](Drawing& d, const Scene& s) {
                      const TableOrder order;
                      const auto rows = arranged(s.tables[i], order);
                      paint_table(d, {.table = s.tables[i], .rows = rows, .order = order}, kRect, kPen);
                    }});
  return list;
}

TEST(Paint, DrawsWhatItDrew) {
  use_palette(Theme::dark, false);
  const Scene scene = rich();
  std::string log;
  for (const Painted& painted : painters()) {
    Drawing drawing;
    painted.paint(drawing, scene);
    log += "== " + painted.name + "\n" + draw_log(drawing);
    EXPECT_LT(drawing.fills().size(), 15'000u) << painted.name;
    for (const Label& label : drawing.labels())
      EXPECT_GE(label.x, kRect.x - 1) << painted.name << ": " << drawing.text_of(label);
  }
  fanlight::testing::expect_golden("ui/panels.log", log);
}

TEST(Paint, StaysInsideAtAnySize) {
  const Scene scene = rich();
  for (const float width : {40.0f, 150.0f, 400.0f, 1900.0f})
    for (const float height : {20.0f, 90.0f, 700.0f}) {
      SCOPED_TRACE(std::to_string(width) + "x" + std::to_string(height));
      const Rect rect{100, 100, width, height};
      for (const Table& table : scene.tables) {
        Drawing drawing;
        const TableOrder order;
        const auto rows = arranged(table, order);
        paint_table(drawing, {.table = table, .rows = rows, .order = order}, rect, kPen);
        for (const Fill& fill : drawing.fills()) {
          EXPECT_GE(fill.rect.x, rect.x - 1);
          EXPECT_LE(fill.rect.x + fill.rect.w, rect.x + rect.w + 1) << table.title;
        }
      }
    }
}

TEST(Palette, StatesRemainApartInEveryTheme) {
  const auto far = [](Colour a, Colour b) { return std::abs(a.r - b.r) + std::abs(a.g - b.g) + std::abs(a.b - b.b); };
  for (const Theme theme : kThemes) {
    for (const bool colour_blind : {false, true}) {
      use_palette(theme, colour_blind);
      SCOPED_TRACE(std::string(name_of(theme)) + (colour_blind ? " colour-blind" : ""));
      EXPECT_GT(far(kText, kPanel), 300) << "words can be read";
      EXPECT_GT(far(kMuted, kPanel), 150);
      const Reason main[] = {Reason::running, Reason::runnable_queued, Reason::futex, Reason::socket_send,
                             Reason::poll};
      for (const Reason a : main)
        for (const Reason b : main)
          EXPECT_TRUE(a == b || far(colour_of(a), colour_of(b)) > 60) << name_of(a) << " and " << name_of(b);
      EXPECT_EQ(palette().patterns, colour_blind);
    }
  }
  use_palette(Theme::dark, true);
  Drawing drawing;
  drawing.fill_state({0, 0, 60, 12}, Reason::futex);
  EXPECT_GT(drawing.fills().size(), 3u) << "stripes";
  use_palette(Theme::dark, false);
  drawing.clear();
  drawing.fill_state({0, 0, 60, 12}, Reason::futex);
  EXPECT_EQ(drawing.fills().size(), 1u);
}

}  // namespace
}  // namespace fanlight::ui
