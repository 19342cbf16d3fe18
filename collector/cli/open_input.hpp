// Any file that can be shown: recordings, other tools' files, and what a program left behind. In: a path. Out: a
// window.
#pragma once

#include <filesystem>

#include "collector/formats/open_file.hpp"

namespace fanlight::cli {

/// As formats::open_file, and files that FANLIGHT_OUT named.
Result<formats::Imported> open_input(const std::filesystem::path& path);

}  // namespace fanlight::cli
