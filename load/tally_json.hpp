// Tallies as text, to hand them from one process to another. In: a tally. Out: JSON, and back.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <boost/json.hpp>

#include "core/error.hpp"
#include "load/tally.hpp"

namespace fanlight::load {

/// {"bits": 8, "counts": [[bucket, count], ...]}: a Histogram in full, mergeable with others of as many bits.
boost::json::object histogram_json(const Latencies& histogram);

/// Sums and maxima come back as exact as the buckets are. Errors: other bits, buckets or counts that cannot be.
Result<Latencies> histogram_from(const boost::json::value& value);

std::string tallies_to_json(const std::vector<Tally>& tallies);

/// Errors: not what `tallies_to_json` writes.
Result<std::vector<Tally>> tallies_from_json(std::string_view text);

}  // namespace fanlight::load
