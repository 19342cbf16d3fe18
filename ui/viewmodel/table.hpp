// A table of anything. In: rows of cells. Out: the rows to show, in which order, and the same as CSV.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ui/viewmodel/series.hpp"

namespace fanlight::ui {

enum class Tone : std::uint8_t { plain, muted, faint, good, warn, bad, accent };

/// What is shown, and the number by which it is ordered and exported.
struct Cell {
  std::string text;
  std::optional<double> number{};  // none: ordered by the text
  Tone tone = Tone::plain;
  std::string tip{};                                                // shown where the pointer rests
  double bar = -1;                                                  // 0 to 1: a bar behind the text; below 0: none
  std::vector<float> spark{};                                       // a curve instead of the text
  std::optional<std::array<std::uint64_t, kBands.size()>> bands{};  // time per state instead of the text
};

struct Column {
  std::string name;
  float width = 60;  // at scale 1; 0: takes what is left
  bool right = true;
  std::string tip{};
};

/// What clicking a row chooses.
struct Choose {
  enum class What : std::uint8_t { nothing, thread, function, label, snapshot } what = What::nothing;
  std::string value;  // the thread's name, the function, "key=value", the snapshot's number
  bool operator==(const Choose&) const = default;
};

struct TableRow {
  std::vector<Cell> cells;
  Choose choose{};
  bool pinned = false;   // stays above the others: a sum
  bool section = false;  // its first cell spans all columns
};

struct Table {
  std::string title;
  std::string note;
  std::vector<Column> columns;
  std::vector<TableRow> rows;
  std::string empty;  // why there are no rows, and what to do about it
  int order = -1;     // column; -1: as the rows are
  bool descending = true;
};

struct TableOrder {
  int column = -1;
  bool descending = true;
  std::string filter;  // rows that hold it in some cell; sections stay only when nothing is filtered
  bool operator==(const TableOrder&) const = default;
};

/// Indices of the rows to show. Pinned rows first; ties keep the table's own order. Sections are left out once rows are
/// ordered or filtered, since they would stand above others' rows. Cost: O(n log n).
std::vector<std::uint32_t> arranged(const Table& table, const TableOrder& order);

/// The order that a click on a header makes: the other way round, or largest first (text: from A on).
TableOrder clicked_header(const Table& table, const TableOrder& before, int column);

/// RFC 4180, with a header; numbers unrounded, bands as one column for each that occurs.
std::string to_csv(const Table& table, std::span<const std::uint32_t> rows);

/// "name" as CSV wants it: quoted where it holds a comma, a quote or a line's end.
std::string csv_field(std::string_view text);

Cell text_cell(std::string text, Tone tone = Tone::plain);
Cell count_cell(double count, Tone tone = Tone::plain);
Cell time_cell(double ns, Tone tone = Tone::plain);  // 0: "-"
Cell bytes_cell(double bytes, Tone tone = Tone::plain);
Cell share_cell(double share, Tone tone = Tone::plain);  // 0 to 1
Cell rate_cell(double per_second, Tone tone = Tone::plain);
Cell missing_cell();

/// "31.4 %"; "-" for nothing, "100 %" without decimals.
std::string percent_text(double share);

}  // namespace fanlight::ui
