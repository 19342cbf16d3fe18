// Times of a file that may be hostile. In: slices as they were read. Out: the same with times that can be added up and
// divided by each other. For this room only.
#pragma once

#include <vector>

#include "collector/profile/window.hpp"
#include "core/error.hpp"

namespace fanlight::store {

/// Cuts the states of a thread to the life that they share, and what a connection did to the time that it was watched;
/// says in events of the last slice how many were cut.
/// Errors: a slice or life that ends before it begins, and any time in a slice that is longer than 13 days. Cost:
/// O(threads and connections of all slices).
Result<> bound_times(std::vector<profile::Slice>& slices);

}  // namespace fanlight::store
