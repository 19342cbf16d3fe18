#include "ui/viewmodel/table.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "core/units.hpp"
#include "ui/viewmodel/flame_layout.hpp"

namespace fanlight::ui {
namespace {

bool holds(const TableRow& row, std::string_view needle) {
  return std::any_of(row.cells.begin(), row.cells.end(),
                     [&](const Cell& cell) { return contains_ignoring_case(cell.text, needle); });
}

bool is_text(const Table& table, int column) {
  return std::none_of(table.rows.begin(), table.rows.end(), [&](const TableRow& row) {
    return static_cast<std::size_t>(column) < row.cells.size() && row.cells[static_cast<std::size_t>(column)].number;
  });
}

/// Less, equal or greater; a cell without a number is below all that have one.
int compare(const Cell& a, const Cell& b) {
  if (a.number && b.number) return *a.number < *b.number ? -1 : *a.number > *b.number ? 1 : 0;
  if (a.number || b.number) return a.number ? 1 : -1;
  return a.text.compare(b.text);
}

std::string plain_number(double number) {
  char text[32];
  const auto [end, ec] = std::to_chars(text, text + sizeof text, number);
  return ec == std::errc{} ? std::string(text, end) : std::string();
}

std::array<bool, kBands.size()> bands_in(const Table& table, std::size_t column) {
  std::array<bool, kBands.size()> used{};
  for (const TableRow& row : table.rows) {
    if (column >= row.cells.size() || !row.cells[column].bands) continue;
    for (std::size_t band = 0; band < kBands.size(); ++band) used[band] |= (*row.cells[column].bands)[band] > 0;
  }
  return used;
}

}  // namespace

std::vector<std::uint32_t> arranged(const Table& table, const TableOrder& order) {
  std::vector<std::uint32_t> rows;
  const bool mixed = !order.filter.empty() || order.column >= 0;
  for (std::uint32_t i = 0; i < table.rows.size(); ++i) {
    const TableRow& row = table.rows[i];
    if (row.section ? mixed : !order.filter.empty() && !row.pinned && !holds(row, order.filter)) continue;
    rows.push_back(i);
  }
  if (order.column < 0 || static_cast<std::size_t>(order.column) >= table.columns.size()) return rows;
  const auto column = static_cast<std::size_t>(order.column);
  static const Cell kNone;
  const auto cell = [&](std::uint32_t row) -> const Cell& {
    return column < table.rows[row].cells.size() ? table.rows[row].cells[column] : kNone;
  };
  std::stable_sort(rows.begin(), rows.end(), [&](std::uint32_t a, std::uint32_t b) {
    if (table.rows[a].pinned != table.rows[b].pinned) return table.rows[a].pinned;
    const int by = compare(cell(a), cell(b));
    return order.descending ? by > 0 : by < 0;
  });
  return rows;
}

TableOrder clicked_header(const Table& table, const TableOrder& before, int column) {
  TableOrder after = before;
  after.column = column;
  const int shown = before.column >= 0 ? before.column : table.order;
  const bool descending = before.column >= 0 ? before.descending : table.descending;
  after.descending = shown == column ? !descending : !is_text(table, column);
  return after;
}

std::string csv_field(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) quoted.append(c == '"' ? 2 : 1, c);
  return quoted + "\"";
}

std::string to_csv(const Table& table, std::span<const std::uint32_t> rows) {
  std::vector<std::array<bool, kBands.size()>> bands;
  std::string csv;
  for (std::size_t column = 0; column < table.columns.size(); ++column) {
    bands.push_back(bands_in(table, column));
    if (column > 0) csv += ',';
    const auto used = std::count(bands.back().begin(), bands.back().end(), true);
    if (used == 0) csv += csv_field(table.columns[column].name);
    bool first = true;
    for (std::size_t band = 0; band < kBands.size(); ++band) {
      if (!bands.back()[band]) continue;
      csv += (first ? "" : ",") + csv_field(std::string(band_name(band)) + " ns");
      first = false;
    }
  }
  csv += "\r\n";
  for (const std::uint32_t row : rows) {
    for (std::size_t column = 0; column < table.columns.size(); ++column) {
      if (column > 0) csv += ',';
      static const Cell kNone;
      const Cell& cell = column < table.rows[row].cells.size() ? table.rows[row].cells[column] : kNone;
      const auto used = std::count(bands[column].begin(), bands[column].end(), true);
      if (used == 0) csv += cell.number ? plain_number(*cell.number) : csv_field(cell.text);
      bool first = true;
      for (std::size_t band = 0; band < kBands.size(); ++band) {
        if (!bands[column][band]) continue;
        csv += (first ? "" : ",") + std::to_string(cell.bands ? (*cell.bands)[band] : 0);
        first = false;
      }
    }
    csv += "\r\n";
  }
  return csv;
}

std::string percent_text(double share) {
  if (share == 0) return "-";
  char text[16];
  std::snprintf(text, sizeof text, share >= 0.9995 ? "%.0f %%" : share < 0.0005 ? "<0.1 %%" : "%.1f %%", share * 100);
  return text;
}

Cell text_cell(std::string text, Tone tone) { return {.text = std::move(text), .tone = tone}; }
Cell count_cell(double count, Tone tone) {
  return {.text = count == 0 ? "-" : format_count(count), .number = count, .tone = count == 0 ? Tone::faint : tone};
}
Cell time_cell(double ns, Tone tone) {
  return {.text = ns == 0 ? "-" : format_ns(ns), .number = ns, .tone = ns == 0 ? Tone::faint : tone};
}
Cell bytes_cell(double bytes, Tone tone) {
  return {.text = bytes == 0 ? "-" : format_bytes(bytes), .number = bytes, .tone = bytes == 0 ? Tone::faint : tone};
}
Cell share_cell(double share, Tone tone) {
  return {.text = percent_text(share), .number = share, .tone = share == 0 ? Tone::faint : tone};
}
Cell rate_cell(double per_second, Tone tone) {
  return {.text = per_second == 0 ? "-" : format_count(per_second) + "/s",
          .number = per_second,
          .tone = per_second == 0 ? Tone::faint : tone};
}
Cell missing_cell() { return {.text = "-", .tone = Tone::faint}; }

}  // namespace fanlight::ui
