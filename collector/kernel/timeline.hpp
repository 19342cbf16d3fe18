// Reads the rings of the timeline while the kernel writes to them. In: the map, mapped. Out: records, and how many were
// overwritten before they were read.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "bpf/events.h"
#include "collector/kernel/reading.hpp"
#include "core/error.hpp"
#include "core/ledger.hpp"

struct bpf_map;

namespace fanlight::kernel {

/// Takes what was written to `ring` from `next` on and moves `next` up to the end; returns how many were lost. What the
/// kernel may have been overwriting during the copy counts as lost. Records that make no sense are left out and added
/// to `malformed`. Cost: a copy.
std::uint64_t take_records(const fanlight_timeline& ring, std::uint64_t& next, std::vector<TimelineReading>& into,
                           std::uint64_t& malformed);

/// One thread at a time.
class Timeline {
 public:
  /// Errors: the map cannot be mapped.
  static Result<Timeline> map(const bpf_map* map);
  Timeline(Timeline&& other) noexcept;
  Timeline& operator=(Timeline&& other) noexcept;
  ~Timeline();

  /// Everything that was written since the last call, in order of time.
  void drain(std::vector<TimelineReading>& into);
  LedgerEntry ledger() const;

 private:
  Timeline() = default;
  std::span<const fanlight_timeline> rings_;
  std::size_t bytes_ = 0;
  std::vector<std::uint64_t> next_;
  std::uint64_t delivered_ = 0;
  std::uint64_t overwritten_ = 0;
  std::uint64_t malformed_ = 0;
};

}  // namespace fanlight::kernel
