// The dashboard as a program. In: options. Out: a window until it is closed, or one picture.
#pragma once

#include "core/error.hpp"
#include "ui/app/options.hpp"

namespace fanlight::ui {

/// Errors: the recording cannot be read; no display; the picture cannot be written, or was taken before any collector
/// was reached (it is written all the same). Threads: the main one.
Result<> run(const Options& options);

}  // namespace fanlight::ui
