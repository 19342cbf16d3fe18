// The producing end of a ring in shared memory. In: records, one producer at a time. Out: layout.h's protocol.
#pragma once

#include <cstddef>
#include <cstdint>

#include "collector/inprocess/layout.h"

namespace fanlight::inprocess {

/// Overwrites the oldest record, never waits. Threads: the ring's owner; async-signal-safe. Cost: tens of ns plus what
/// `fill` does.
class RingWriter {
 public:
  RingWriter() = default;
  /// `records`: how many follow the ring, a power of two.
  RingWriter(fanlight_inprocess_ring* ring, std::uint32_t records)
      : ring_(ring),
        records_(
            reinterpret_cast<fanlight_inprocess_record*>(reinterpret_cast<std::byte*>(ring) + FANLIGHT_INPROCESS_PAGE)),
        mask_(records - 1) {}

  fanlight_inprocess_ring* ring() const { return ring_; }

  /// `fill(record&)` sets everything but the sequence.
  template <class Fill>
  void publish(Fill&& fill) {
    const std::uint64_t number = __atomic_load_n(&ring_->head, __ATOMIC_RELAXED);
    fanlight_inprocess_record& record = records_[number & mask_];
    __atomic_store_n(&record.sequence, 0, __ATOMIC_RELAXED);
    // Orders the head that announced the record before, and the 0, ahead of the fields that are now overwritten.
    __atomic_thread_fence(__ATOMIC_RELEASE);
    fill(record);
    __atomic_store_n(&record.sequence, number + 1, __ATOMIC_RELEASE);
    __atomic_store_n(&ring_->head, number + 1, __ATOMIC_RELEASE);
  }

 private:
  fanlight_inprocess_ring* ring_ = nullptr;
  fanlight_inprocess_record* records_ = nullptr;
  std::uint64_t mask_ = 0;
};

}  // namespace fanlight::inprocess
