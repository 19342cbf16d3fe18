// What a program left in a file, without any collector: FANLIGHT_OUT. In: the file. Out: a window, as if it had been
// recorded.
#pragma once

#include <filesystem>

#include "collector/profile/window.hpp"
#include "core/error.hpp"

namespace fanlight::session {

/// True when the file begins as such a file does.
bool is_left_behind(const std::filesystem::path& path);

/// Samples with names and labels, a slice a second; counts of the whole run in the last one. Also of a program that
/// crashed or still runs. Errors: cannot be opened, not such a file, of another layout. Cost: as naming its functions.
Result<profile::Window> open_left_behind(const std::filesystem::path& path);

}  // namespace fanlight::session
