// A table, painted. In: rows in their order, a scroll position. Out: fills and labels; where each column is.
#pragma once

#include <span>
#include <vector>

#include "ui/canvas/drawing.hpp"
#include "ui/viewmodel/table.hpp"

namespace fanlight::ui {

Colour colour_of(Tone tone);

struct TableGeometry {
  std::vector<Rect> columns;  // of the header's cells; no width: left out for want of room
  float row_height = 0;
  float header_height = 0;
  float content_height = 0;  // of all rows
};
/// Columns that do not fit are left out from the right; the one that stretches keeps enough to be read.
TableGeometry table_geometry(const Table& table, std::size_t rows, const Rect& rect, const Pen& pen);

struct TablePaint {
  const Table& table;
  std::span<const std::uint32_t> rows;  // which, in order
  const TableOrder& order;
  float scroll = 0;                       // pixels
  int hovered = -1;                       // index into `rows`
  std::span<const std::string> chosen{};  // rows whose choice has one of these values are marked
};

/// The header, then the visible rows. No row: the table's own words on why. Cost: O(visible cells).
void paint_table(Drawing& drawing, const TablePaint& paint, const Rect& rect, const Pen& pen);

/// Words in the middle of a rectangle, on as many lines as they need.
void paint_words(Drawing& drawing, std::string_view words, const Rect& rect, Colour colour, const Pen& pen);

}  // namespace fanlight::ui
