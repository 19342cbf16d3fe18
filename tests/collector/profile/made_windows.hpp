// Windows made by hand and by chance, and profiles as text. In: nothing, or a seed. Out: what tests of this room, of
// the formats, the store and the wire share.
#pragma once

#include <cstdint>
#include <string>

#include "collector/profile/window.hpp"

namespace fanlight::testing {

/// A small broadcaster over two seconds: two workers, one of which ends, every kind of row at least once.
profile::Window broadcaster();

/// Any number of slices with any rows that the model allows, awkward names and big numbers included. The same seed
/// makes the same window.
profile::Window random_window(std::uint64_t seed);

/// All of a profile but what rounding may differ in, one fact a line, so that a difference reads as one.
std::string describe(const profile::Profile& profile);

}  // namespace fanlight::testing
