// Stacks joined into a tree and laid out. In: `WeightedStacks`. Out: boxes with a place and a width. For this room
// only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "collector/profile/view.hpp"

namespace fanlight::formats {

/// Functions of one name under one caller, wherever in them the samples were. Places are in the unit of the weights.
struct FlameBox {
  std::string name;                       // clean
  const profile::Frame* frame = nullptr;  // one of those that were joined; null: the root
  std::size_t depth = 0;                  // the root is 0
  std::size_t parent = 0;                 // index of the box below; the root's is itself
  std::uint64_t start = 0;
  std::uint64_t weight = 0;
  std::uint64_t self = 0;  // of `weight`, what ends here
  std::uint64_t count = 0;
  std::uint64_t self_count = 0;
  std::uint64_t before = 0;  // weight of the same box in the picture that this one is compared with
};

struct Flame {
  std::vector<FlameBox> boxes;  // callers before callees, left to right by name; the root first
  std::size_t depth = 0;        // of the deepest box
  std::uint64_t hidden = 0;     // boxes left out for being too narrow or too deep
  std::uint64_t hidden_weight = 0;
};

/// Boxes below `min_share` of the whole are left out, and what is above them; so is what lies deeper than 1024 frames.
/// Siblings are in order of name, so that two pictures of one program look alike. With `before`, boxes carry its
/// weights too; those that are only in it are left out. Inlined calls are boxes like any other. The stacks must outlive
/// the result. Cost: O(frames of all stacks, log siblings).
Flame flame(const profile::WeightedStacks& stacks, double min_share, const profile::WeightedStacks* before = nullptr);

}  // namespace fanlight::formats
