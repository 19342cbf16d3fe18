// Bytes become values here, once. In: records of bpf/events.h, of any alignment. Out: samples and readings.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "collector/kernel/reading.hpp"
#include "core/error.hpp"
#include "core/sample.hpp"

namespace fanlight::kernel {

/// How many bytes the sample at the front of `stream` takes. Errors: less than a head, or the rest is missing.
Result<std::size_t> sample_bytes(std::span<const std::byte> stream);

struct SampleRecord {
  RawSample sample;
  unsigned source = 0;      // enum fanlight_source
  bool same_stack = false;  // the stacks are those of the thread's last visit, or of its last wait that began
  bool begins = false;      // a wait begins: the stacks alone are of use, and `weight` is the futex's address or 0
};

/// One sample, whole. Errors: wrong size, unknown source or reason, more frames than a record holds. Threads: any.
Result<SampleRecord> decode_sample(std::span<const std::byte> record);

struct ThreadRecord {
  ThreadReading reading;
  bool torn = false;           // its times were changing while they were read
  std::uint32_t siblings = 0;  // threads of the process at that moment; 0 in the record of a thread's end
};

/// How many bytes the thread at the front of `stream` takes. Errors: the rest is missing.
Result<std::size_t> thread_bytes(std::span<const std::byte> stream);

/// One thread, whole. Errors: wrong size, times that do not add up (unless torn). Threads: any.
Result<ThreadRecord> decode_thread(std::span<const std::byte> record);

}  // namespace fanlight::kernel
