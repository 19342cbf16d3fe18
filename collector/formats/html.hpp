// A flame graph as one HTML page without any network. In: `WeightedStacks`. Out: the page, as wide as its window.
#pragma once

#include <string>

#include "collector/profile/view.hpp"

namespace fanlight::formats {

struct HtmlOptions {
  std::string title;          // default: the view's name and the window's length
  double min_share = 0.0001;  // lighter frames are left out; the page says how many and how much they weigh
};

/// The script is the SVG's, here over more frames: what is too narrow shows when zoomed in. The page forbids itself any
/// connection. Cost: O(frames).
std::string html(const profile::WeightedStacks& stacks, const HtmlOptions& options = {});

}  // namespace fanlight::formats
