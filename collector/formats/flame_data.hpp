// A flame graph as the script reads it. In: boxes. Out: JSON that may stand in a script element, also in XML. For this
// room only.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "collector/formats/flame.hpp"

namespace fanlight::formats {

struct FlameData {
  std::string unit;
  double head = 0;   // pixels above the boxes
  bool fit = false;  // as wide as the window
  bool compared = false;
  std::vector<bool> quiet;  // by box: its change is within the noise; empty: none is
};

/// {"unit":"nanoseconds","head":74,"fit":false,"names":[],"modules":[],"parent":[],"name":[],"module":[],"origin":[],
/// "weight":[],"self":[],"count":[]} and, compared, "before":[],"quiet":[]. Callers stand before callees. Never holds
/// "<" or "]]>". Cost: O(boxes).
std::string flame_data(const Flame& picture, const FlameData& options);

/// "12.0 ms in 34 stacks over 10.0 s; left out as too narrow or too deep: 5 frames (0.1 %)".
std::string subtitle(const profile::WeightedStacks& stacks, const Flame& picture);

/// For the text and the attributes of XML and HTML.
std::string escaped(std::string_view text);

}  // namespace fanlight::formats
