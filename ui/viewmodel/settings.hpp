// What the dashboard remembers from one day to the next. In: a file. Out: theme, scale, layout, triggers.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "ui/canvas/colour.hpp"
#include "ui/viewmodel/layout.hpp"

namespace fanlight::ui {

struct Settings {
  Theme theme = Theme::dark;
  bool colour_blind = false;
  float scale = 1;  // times that of the command line and the display
  Layout layout = standard_layout();
  std::vector<std::string> triggers;
  bool operator==(const Settings&) const = default;
};

std::string settings_text(const Settings& settings);
/// What is not known is left out; what is damaged keeps its default.
Settings settings_from(std::string_view text);

/// $XDG_CONFIG_HOME/fanlight/ui.conf, or below ~/.config; empty where there is no home.
std::filesystem::path settings_path();
/// Nothing there: defaults.
Settings read_settings(const std::filesystem::path& path);
/// Through a file beside it, so that a full disk leaves what was. Errors: cannot write.
Result<> write_settings(const std::filesystem::path& path, const Settings& settings);

}  // namespace fanlight::ui
