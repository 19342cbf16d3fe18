// Places that were looked up before, and their form on disk. In: offsets of one file. Out: places.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "collector/symbols/place.hpp"

namespace fanlight::symbols {

using PlaceTable = std::unordered_map<std::uint64_t, Place>;  // by offset in the file

/// Names and paths are written once each. Cost: O(places).
std::string serialise(const PlaceTable& places);
/// Errors: any number that does not fit what it is used for.
std::optional<PlaceTable> parse_places(std::string_view bytes);

}  // namespace fanlight::symbols
