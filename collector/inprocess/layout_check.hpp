// The border where a target's shared memory becomes values. In: bytes that the target can write as it likes. Out: what
// is plausible, or the reason why not.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "collector/inprocess/layout.h"
#include "collector/inprocess/reader.hpp"
#include "core/error.hpp"
#include "core/sample.hpp"

namespace fanlight::inprocess {

/// Where everything lies, every number within the bounds of layout.h.
struct Geometry {
  std::uint64_t metrics_offset = 0;
  std::uint64_t rings_offset = 0;
  std::uint64_t ring_bytes = 0;
  std::uint32_t metric_slots = 0;
  std::uint32_t ring_slots = 0;
  std::uint32_t ring_records = 0;
  std::uint32_t sample_hz = 0;
};

/// Errors: another magic, another version (says which), numbers that contradict each other. Threads: any.
Result<Geometry> check_header(const fanlight_inprocess_header& header);

/// When a record must have been made.
struct TimeRange {
  std::uint64_t from_ns = 0;
  std::uint64_t to_ns = 0;
};

/// Record `number` as a sample, its thread as the target numbers it; empty when it is not that record, of an unknown
/// kind or out of bounds. Threads: any.
std::optional<RawSample> check_record(const fanlight_inprocess_record& record, std::uint64_t number, TimeRange range);

/// Empty for a slot that is not in use, or whose kind is unknown or name empty. Characters that are not printable ASCII
/// become '?'. Threads: any.
std::optional<MetricReading> check_metric(const fanlight_inprocess_metric& metric);

}  // namespace fanlight::inprocess
