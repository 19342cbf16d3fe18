// Stacks as rows of numbers. In: `WeightedStacks`. Out: what runs in each stack, by name, in one block of memory. For
// this room only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "collector/formats/names.hpp"
#include "collector/profile/view.hpp"

namespace fanlight::formats {

/// Names are numbered by their place in the alphabet, so that rows in order are stacks in order of name. The stacks
/// must outlive it. Memory: four bytes a frame.
class Sequences {
 public:
  struct Row {
    std::size_t begin = 0;
    std::uint32_t length = 0;
    bool before = false;  // of the picture that the other is compared with
    std::uint64_t weight = 0;
    std::uint64_t count = 0;
  };

  /// At most `most` frames of each stack; `before` may be null.
  Sequences(const profile::WeightedStacks& stacks, const profile::WeightedStacks* before, std::size_t most);

  std::vector<Row>& rows() { return rows_; }
  std::span<const std::uint32_t> names(const Row& row) const { return {all_.data() + row.begin, row.length}; }
  const Name& name(std::uint32_t place) const { return names_.all()[order_[place]]; }
  std::size_t name_count() const { return order_.size(); }
  /// Frames that were cut off, of all stacks but `before`'s.
  std::uint64_t cut_off() const { return cut_off_; }
  /// By name, frame after frame; a caller before what it calls. Cost: O(frames, log rows).
  void sort();

 private:
  Names names_;
  std::vector<std::uint32_t> order_;  // place in the alphabet -> number in names_
  std::vector<std::uint32_t> all_;
  std::vector<Row> rows_;
  std::uint64_t cut_off_ = 0;
};

}  // namespace fanlight::formats
