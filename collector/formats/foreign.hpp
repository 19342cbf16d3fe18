// What the readers of foreign files share. In: names and weights. Out: rows of a window. For this room only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "collector/profile/window.hpp"
#include "core/state.hpp"

namespace fanlight::formats {

inline constexpr std::size_t kMostFrames = 4096;          // in a stack, as the recording takes
inline constexpr std::size_t kMostLetters = 4096;         // in a name; the rest is cut off
inline constexpr std::size_t kMostTableBytes = 1u << 30;  // of names and stacks; beyond, they become one marker

/// "blocked: futex" as the views spell it; empty when it is no state.
std::optional<Reason> reason_of_state(std::string_view text);

/// A frame of which nothing but the name is known. "[unsampled]" and the like are markers; "_[k]" at the end is the
/// kernel's.
profile::Frame named_frame(std::string_view name);

/// At most kMostLetters.
std::string cut(std::string_view text);

/// An empty window for a file, weights in `unit`.
profile::Window foreign_window(std::string name, std::string unit);

}  // namespace fanlight::formats
