#include "ui/viewmodel/settings.hpp"

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

namespace fanlight::ui {

std::string settings_text(const Settings& settings) {
  char scale[32];
  std::snprintf(scale, sizeof scale, "%.2f", settings.scale);
  std::string text = "# fanlight-ui; written by it, may be edited\ntheme " + std::string(name_of(settings.theme)) +
                     "\ncolour-blind " + (settings.colour_blind ? "yes" : "no") + "\nscale " + scale + "\n";
  for (const std::string& trigger : settings.triggers) text += "trigger " + trigger + "\n";
  return text + layout_text(settings.layout);
}

Settings settings_from(std::string_view text) {
  Settings settings;
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    const std::size_t blank = std::min(line.find(' '), line.size());
    const std::string_view key = std::string_view(line).substr(0, blank);
    const std::string_view value = std::string_view(line).substr(std::min(line.size(), blank + 1));
    if (key == "theme") {
      for (const Theme theme : kThemes)
        if (name_of(theme) == value) settings.theme = theme;
    } else if (key == "colour-blind") {
      settings.colour_blind = value == "yes";
    } else if (key == "scale") {
      float scale = 1;
      const auto [end, ec] = std::from_chars(value.data(), value.data() + value.size(), scale);
      if (ec == std::errc{} && scale >= 0.5f && scale <= 4) settings.scale = scale;
    } else if (key == "trigger" && settings.triggers.size() < 50) {
      settings.triggers.emplace_back(value);
    }
  }
  settings.layout = layout_from(text);
  return settings;
}

std::filesystem::path settings_path() {
  const char* config = std::getenv("XDG_CONFIG_HOME");
  if (config != nullptr && *config == '/') return std::filesystem::path(config) / "fanlight" / "ui.conf";
  const char* home = std::getenv("HOME");
  if (home == nullptr || *home != '/') return {};
  return std::filesystem::path(home) / ".config" / "fanlight" / "ui.conf";
}

Settings read_settings(const std::filesystem::path& path) {
  constexpr std::uintmax_t kLargest = 1u << 20;
  std::error_code unreadable;
  if (path.empty() || !std::filesystem::is_regular_file(path, unreadable) ||
      std::filesystem::file_size(path, unreadable) > kLargest)
    return {};
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return settings_from(text.str());
}

Result<> write_settings(const std::filesystem::path& path, const Settings& settings) {
  std::error_code error;
  std::filesystem::create_directories(path.parent_path(), error);
  const std::filesystem::path beside = path.string() + ".new";
  std::ofstream file(beside, std::ios::binary | std::ios::trunc);
  file << settings_text(settings);
  file.close();
  if (!file) return fail(errno, "write " + beside.string(), "is the directory there, and may you write to it?");
  std::filesystem::rename(beside, path, error);
  if (error) return fail(error.value(), "rename " + beside.string(), "is the disk full?");
  return {};
}

}  // namespace fanlight::ui
