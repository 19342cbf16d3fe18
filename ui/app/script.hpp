// What a person would do, written down. In: lines. Out: steps, for pictures in documents and for tests.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"

namespace fanlight::ui {

/// One line of a script:
///   wait 500ms · await NAME (until it is on the screen, a minute at most) · command ID (as the palette's) · click NAME
///   · right-click NAME · hover NAME · drag NAME X0 Y0 X1 Y1 (shares of the rectangle) · type TEXT · enter · wheel N ·
///   shot FILE · widgets FILE
/// NAME is that of a panel or item, as --widgets lists them; the first that begins so.
struct Step {
  enum class What : std::uint8_t {
    wait,
    await,
    command,
    click,
    right_click,
    hover,
    drag,
    type,
    enter,
    wheel,
    shot,
    widgets,
  } what = What::wait;
  std::string text;
  std::chrono::nanoseconds time{0};
  float x0 = 0, y0 = 0, x1 = 0, y1 = 0;
};

/// Empty lines and those that begin with # are left out. Errors: an unknown word, a number that is none; names the
/// line.
Result<std::vector<Step>> parse_script(std::string_view text);

}  // namespace fanlight::ui
