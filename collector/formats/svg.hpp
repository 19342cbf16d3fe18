// A flame graph as one SVG file without any network. In: `WeightedStacks`. Out: SVG text, with hover, zoom and search.
#pragma once

#include <string>

#include "collector/profile/view.hpp"

namespace fanlight::formats {

struct SvgOptions {
  std::string title;          // default: the view's name and the window's length
  unsigned width = 1400;      // pixels
  double min_share = 0.0005;  // narrower frames are not drawn; the subtitle says how many and how much they weigh
};

/// Every name is escaped; the script inside uses no network and no eval. Cost: O(frames).
std::string svg(const profile::WeightedStacks& stacks, const SvgOptions& options = {});

}  // namespace fanlight::formats
