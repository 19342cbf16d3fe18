#include "collector/cli/open_input.hpp"

#include "collector/session/left_behind.hpp"

namespace fanlight::cli {

Result<formats::Imported> open_input(const std::filesystem::path& path) {
  if (path == "-" || !session::is_left_behind(path)) return formats::open_file(path);
  auto window = session::open_left_behind(path);
  if (!window) return std::unexpected(std::move(window.error()));
  return formats::Imported{std::move(*window), "in-process file", profile::View::on_cpu};
}

}  // namespace fanlight::cli
