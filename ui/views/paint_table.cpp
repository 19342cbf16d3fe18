#include "ui/views/paint_table.hpp"

#include <algorithm>
#include <cmath>

#include "ui/views/paint_plots.hpp"

namespace fanlight::ui {
namespace {

constexpr float kPad = 9, kBetween = 10, kStretchAtLeast = 84;

void paint_spark(Drawing& drawing, std::span<const float> values, const Rect& rect) {
  if (values.empty()) return;
  const float step = rect.w / static_cast<float>(std::max<std::size_t>(values.size(), 12));
  float x = rect.x + rect.w - step * static_cast<float>(values.size());
  for (const float value : values) {
    const float height = std::max(1.0f, rect.h * std::clamp(value, 0.0f, 1.0f));
    drawing.fill({x, rect.y + rect.h - height, std::max(1.0f, step - 1), height}, mix(kSeriesA, kPanel, 0.35f));
    x += step;
  }
}

void paint_cell(Drawing& drawing, const Cell& cell, const Column& column, const Rect& rect, const Pen& pen) {
  const float bar_height = std::round(pen.px(11)), y = rect.y + std::floor((rect.h - bar_height) / 2);
  if (cell.bands) return paint_band_bar(drawing, *cell.bands, {rect.x, y, rect.w, bar_height});
  if (!cell.spark.empty()) return paint_spark(drawing, cell.spark, {rect.x, y, rect.w, bar_height});
  if (cell.bar > 0)
    drawing.fill({rect.x, rect.y + 2, rect.w * static_cast<float>(std::min(1.0, cell.bar)), rect.h - 4},
                 with_alpha(kSeriesA, 58));
  const std::string shown = fit(cell.text, rect.w + 1, Face::small, pen.measure);
  const float x = column.right ? rect.x + rect.w - pen.measure(shown, Face::small) : rect.x;
  drawing.label(std::floor(x), rect.y + std::floor((rect.h - pen.height(Face::small)) / 2), Face::small,
                colour_of(cell.tone), shown);
}

}  // namespace

Colour colour_of(Tone tone) {
  switch (tone) {
    case Tone::plain: return kText;
    case Tone::muted: return kMuted;
    case Tone::faint: return kFaint;
    case Tone::good: return kGood;
    case Tone::warn: return palette().light ? rgb(0xb26a00) : rgb(0xf2b84b);
    case Tone::bad: return kBad;
    case Tone::accent: return kAccent;
  }
  return kText;
}

TableGeometry table_geometry(const Table& table, std::size_t rows, const Rect& rect, const Pen& pen) {
  TableGeometry at;
  at.row_height = std::round(pen.px(18));
  at.header_height = std::round(pen.px(21));
  at.content_height = at.row_height * static_cast<float>(rows);
  const float pad = std::round(pen.px(kPad)), between = std::round(pen.px(kBetween));
  float used = 2 * pad, stretching = 0;
  std::vector<float> widths;
  for (const Column& column : table.columns) {
    if (!(column.width > 0)) ++stretching;
    if (!(column.width > 0)) used += std::round(pen.px(kStretchAtLeast)) + between;
  }
  bool room = true;
  for (const Column& column : table.columns) {
    if (!(column.width > 0)) {
      widths.push_back(std::round(pen.px(kStretchAtLeast)));
      continue;
    }
    const float width = std::round(pen.px(column.width));
    room = room && used + width + between <= rect.w;
    widths.push_back(room ? width : 0);
    if (room) used += width + between;
  }
  const float left = std::max(0.0f, rect.w - used + between);
  float x = rect.x + pad;
  for (std::size_t i = 0; i < widths.size(); ++i) {
    if (!(table.columns[i].width > 0))
      widths[i] = std::min(widths[i] + std::floor(left / stretching), rect.w - 2 * pad);
    at.columns.push_back({x, rect.y, std::max(0.0f, widths[i]), at.header_height});
    if (widths[i] > 0) x += widths[i] + between;
  }
  return at;
}

void paint_words(Drawing& drawing, std::string_view words, const Rect& rect, Colour colour, const Pen& pen) {
  const float width = std::max(pen.px(60), rect.w - pen.px(36));
  std::vector<std::string> lines;
  std::string line;
  for (std::size_t at = 0; at < words.size();) {
    const std::size_t end = std::min(words.find(' ', at), words.size());
    const std::string word(words.substr(at, end - at));
    const std::string longer = line.empty() ? word : line + " " + word;
    if (!line.empty() && pen.measure(longer, Face::regular) > width) {
      lines.push_back(std::exchange(line, word));
    } else {
      line = longer;
    }
    at = end + 1;
  }
  if (!line.empty()) lines.push_back(line);
  const float height = std::round(pen.height(Face::regular) * 1.35f);
  const auto room = static_cast<std::size_t>(std::max(1.0f, rect.h / height));
  if (lines.size() > room) lines.resize(room);
  float y = rect.y + std::floor((rect.h - height * static_cast<float>(lines.size())) / 2);
  for (const std::string& one : lines) {
    const std::string shown = fit(one, width, Face::regular, pen.measure);
    drawing.label(std::floor(rect.x + (rect.w - pen.measure(shown, Face::regular)) / 2), y, Face::regular, colour,
                  shown);
    y += height;
  }
}

void paint_table(Drawing& drawing, const TablePaint& paint, const Rect& rect, const Pen& pen) {
  const Table& table = paint.table;
  if (table.rows.empty()) return paint_words(drawing, table.empty, rect, kFaint, pen);
  const TableGeometry at = table_geometry(table, paint.rows.size(), rect, pen);
  const int sorted = paint.order.column >= 0 ? paint.order.column : table.order;
  const bool descending = paint.order.column >= 0 ? paint.order.descending : table.descending;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const Rect& cell = at.columns[i];
    if (cell.w <= 0) continue;
    const bool by = static_cast<int>(i) == sorted;
    const std::string words = fit(table.columns[i].name + (by ? descending ? " \u25be" : " \u25b4" : ""), cell.w + 2,
                                  Face::small, pen.measure);
    const float x = table.columns[i].right ? cell.x + cell.w - pen.measure(words, Face::small) : cell.x;
    drawing.label(std::floor(x), cell.y + std::floor((cell.h - pen.height(Face::small)) / 2), Face::small,
                  by ? kAccent : kMuted, words);
  }
  const Rect body{rect.x, rect.y + at.header_height, rect.w, rect.h - at.header_height};
  if (paint.rows.empty()) return paint_words(drawing, "No row holds what is filtered for.", body, kFaint, pen);
  const auto first = static_cast<std::size_t>(std::max(0.0f, paint.scroll) / at.row_height);
  for (std::size_t i = first; i < paint.rows.size(); ++i) {
    const float y = body.y + static_cast<float>(i) * at.row_height - paint.scroll;
    // A row that the lower edge would cut is left out: half letters are clutter.
    if (y + at.row_height > body.y + body.h + at.row_height / 3) break;
    if (y < body.y - 1) continue;
    const TableRow& row = table.rows[paint.rows[i]];
    const bool chosen = row.choose.what != Choose::What::nothing &&
                        std::find(paint.chosen.begin(), paint.chosen.end(), row.choose.value) != paint.chosen.end();
    if (chosen)
      drawing.fill({rect.x, y, rect.w, at.row_height}, mix(kPanel, kAccent, 0.22f));
    else if (static_cast<int>(i) == paint.hovered)
      drawing.fill({rect.x, y, rect.w, at.row_height}, kRaised);
    else if (i % 2 == 1 && !row.section)
      drawing.fill({rect.x, y, rect.w, at.row_height}, mix(kPanel, kPanelHead, 0.7f));
    if (row.section) {
      const float pad = std::round(pen.px(kPad));
      drawing.label(rect.x + pad, y + std::floor((at.row_height - pen.height(Face::small)) / 2), Face::small,
                    colour_of(row.cells.front().tone),
                    fit(row.cells.front().text, rect.w - 2 * pad, Face::small, pen.measure));
      continue;
    }
    const float right = rect.x + rect.w - std::round(pen.px(kPad));
    for (std::size_t column = 0; column < std::min(row.cells.size(), table.columns.size()); ++column) {
      const Rect& head = at.columns[column];
      if (head.w <= 0) continue;
      // A sentence with nothing behind it has the whole row.
      const bool last = column + 1 == row.cells.size() && !table.columns[column].right;
      paint_cell(drawing, row.cells[column], table.columns[column],
                 {head.x, y, last ? right - head.x : head.w, at.row_height}, pen);
    }
  }
  if (at.content_height > body.h) {
    const float thumb = std::max(pen.px(18), body.h * body.h / at.content_height);
    const float travel = body.h - thumb, range = at.content_height - body.h;
    const float y = body.y + travel * std::clamp(paint.scroll / range, 0.0f, 1.0f);
    drawing.fill({rect.x + rect.w - std::round(pen.px(4)), y, std::round(pen.px(3)), thumb}, kHover);
  }
}

}  // namespace fanlight::ui
