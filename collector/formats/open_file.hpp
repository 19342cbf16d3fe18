// Any file that can be shown. In: a path. Out: a `Window`, whoever wrote it.
#pragma once

#include <filesystem>

#include "collector/formats/import.hpp"

namespace fanlight::formats {

/// A recording, or what `import_profile` knows; "-" is standard input (no recording). A recording's view is wall, and
/// its format "recording". Errors: those of `store::open_recording` and `import_profile`, each with a hint.
Result<Imported> open_file(const std::filesystem::path& path);

}  // namespace fanlight::formats
