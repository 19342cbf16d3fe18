#include "collector/formats/table.hpp"

#include <algorithm>
#include <cstddef>

namespace fanlight::formats {
namespace {

bool continues(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

/// Where character number `index` begins.
std::size_t offset_of(std::string_view text, std::size_t index) {
  std::size_t offset = 0;
  for (; offset < text.size(); ++offset) {
    if (continues(text[offset])) continue;
    if (index == 0) break;
    --index;
  }
  return offset;
}

}  // namespace

std::size_t letters(std::string_view text) {
  return text.size() - static_cast<std::size_t>(std::count_if(text.begin(), text.end(), continues));
}

std::string shortened(const std::string& text, std::size_t most) {
  const std::size_t length = letters(text);
  if (length <= most || most < 4) return text;
  const std::size_t front = (most - 2) / 2;
  const std::size_t back = most - 2 - front;
  return text.substr(0, offset_of(text, front)) + ".." + text.substr(offset_of(text, length - back));
}

std::string Table::text(std::string_view indent) const {
  const std::size_t columns = headings_.size();
  std::vector<std::string> headings = headings_;
  std::vector<bool> left(columns);
  std::vector<bool> used(columns);
  std::vector<std::size_t> width(columns);
  for (std::size_t i = 0; i < columns; ++i) {
    left[i] = i == 0 || headings[i].starts_with('<');
    if (headings[i].starts_with('<')) headings[i].erase(0, 1);
    width[i] = letters(headings[i]);
    for (const auto& row : rows_) {
      used[i] = used[i] || (i < row.size() && !row[i].empty() && row[i] != "-");
      if (i < row.size()) width[i] = std::max(width[i], letters(row[i]));
    }
  }
  std::string all;
  const auto line = [&](const std::vector<std::string>& cells) {
    std::string text(indent);
    for (std::size_t i = 0; i < std::min(columns, cells.size()); ++i) {
      if (!used[i]) continue;
      const std::string pad(width[i] - letters(cells[i]), ' ');
      text += left[i] ? cells[i] + pad : pad + cells[i];
      text += "  ";
    }
    text.erase(text.find_last_not_of(' ') + 1);
    all += text + "\n";
  };
  line(headings);
  for (const auto& row : rows_) line(row);
  return all;
}

}  // namespace fanlight::formats
