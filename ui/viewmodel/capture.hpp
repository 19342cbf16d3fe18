// A moment as a file of its own. In: a profile. Out: a window that answers like it, and a recording of that.
#pragma once

#include <filesystem>

#include "collector/profile/profile.hpp"
#include "collector/profile/window.hpp"
#include "core/error.hpp"

namespace fanlight::ui {

/// One slice a second of the profile's range, and one for each second outside of it, for the plots. Times per thread
/// lie in their seconds; samples in that of the first of them; what a profile knows only as a sum lies in the last.
/// What `query` of the range gives back adds up to what was put in.
profile::Window window_of(const profile::Profile& profile);

/// Writes it as a recording, which every command of fanlight reads. Errors: those of the recorder.
Result<> save_capture(const profile::Profile& profile, const std::filesystem::path& path);

}  // namespace fanlight::ui
