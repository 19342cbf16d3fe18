// A flame graph as one SVG file without any network. In: `WeightedStacks`. Out: SVG text, with hover, zoom, search,
// invert, colours and keys; readable as it stands where no script runs.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "collector/profile/view.hpp"

namespace fanlight::formats {

struct SvgOptions {
  std::string title;          // default: the view's name and the window's length
  unsigned width = 1400;      // pixels
  double min_share = 0.0005;  // narrower frames are not drawn; the subtitle says how many and how much they weigh
  /// Compared with this: red grew, blue shrank, and grey are functions that `quiet` says are within the noise. In the
  /// same unit and over the same amount of time or work.
  const profile::WeightedStacks* before = nullptr;
  std::function<bool(const std::string& function)> quiet;
  std::vector<std::string> notes;  // lines below the title
};

/// Every name is escaped; the script inside uses no network and no eval. Cost: O(frames).
std::string svg(const profile::WeightedStacks& stacks, const SvgOptions& options = {});

}  // namespace fanlight::formats
