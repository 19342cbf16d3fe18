// Columns for people. In: cells. Out: lines, aligned. For this room only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace fanlight::formats {

/// The first column is flush left, the others flush right; a heading that begins with '<' makes its column flush left.
/// Columns whose cells are all empty or "-" are left out. Cells must be clean.
class Table {
 public:
  explicit Table(std::vector<std::string> headings) : headings_(std::move(headings)) {}
  void add(std::vector<std::string> cells) { rows_.push_back(std::move(cells)); }
  bool empty() const { return rows_.empty(); }
  std::size_t size() const { return rows_.size(); }
  /// Every line begins with `indent` and ends without spaces. Cost: O(cells).
  std::string text(std::string_view indent) const;

 private:
  std::vector<std::string> headings_;
  std::vector<std::vector<std::string>> rows_;
};

/// Characters that `text` takes on a terminal, one each.
std::size_t letters(std::string_view text);

/// At most `most` characters; what is cut off in the middle shows as "..".
std::string shortened(const std::string& text, std::size_t most);

}  // namespace fanlight::formats
