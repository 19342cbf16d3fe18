// Shared memory laid out as a target would, for tests to fill in and to spoil.
#pragma once

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "collector/inprocess/layout.h"
#include "collector/inprocess/reader.hpp"
#include "collector/inprocess/ring_writer.hpp"
#include "core/clock.hpp"
#include "core/fd.hpp"

namespace fanlight::inprocess {

/// A memfd with a valid header, `rings` rings of `records` records, all in use and empty. Not sealed: it can be cut.
class SharedTable {
 public:
  SharedTable(std::uint32_t rings, std::uint32_t records) : file_(::memfd_create("table", MFD_CLOEXEC)) {
    const std::uint64_t page = FANLIGHT_INPROCESS_PAGE;
    const std::uint64_t ring_bytes = (page + records * sizeof(fanlight_inprocess_record) + page - 1) / page * page;
    const std::uint64_t rings_offset = page + FANLIGHT_INPROCESS_METRICS * sizeof(fanlight_inprocess_metric);
    bytes_ = rings_offset + rings * ring_bytes;
    EXPECT_EQ(::ftruncate(file_.get(), static_cast<off_t>(bytes_)), 0);
    memory_ = ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, file_.get(), 0);
    EXPECT_NE(memory_, MAP_FAILED);
    header() = fanlight_inprocess_header{.magic = FANLIGHT_INPROCESS_MAGIC,
                                         .total_bytes = bytes_,
                                         .metrics_offset = page,
                                         .rings_offset = rings_offset,
                                         .ring_bytes = ring_bytes,
                                         .version = FANLIGHT_INPROCESS_VERSION,
                                         .sample_hz = 99,
                                         .metric_slots = FANLIGHT_INPROCESS_METRICS,
                                         .ring_slots = rings,
                                         .ring_records = records,
                                         .rings_used = rings};
  }
  ~SharedTable() { ::munmap(memory_, bytes_); }
  SharedTable(const SharedTable&) = delete;
  SharedTable& operator=(const SharedTable&) = delete;

  fanlight_inprocess_header& header() { return *static_cast<fanlight_inprocess_header*>(memory_); }
  fanlight_inprocess_metric& metric(std::size_t i) {
    return *reinterpret_cast<fanlight_inprocess_metric*>(static_cast<std::byte*>(memory_) + FANLIGHT_INPROCESS_PAGE +
                                                         i * sizeof(fanlight_inprocess_metric));
  }
  fanlight_inprocess_ring& ring(std::size_t i) {
    return *reinterpret_cast<fanlight_inprocess_ring*>(static_cast<std::byte*>(memory_) + first_ring() +
                                                       i * ring_stride());
  }
  fanlight_inprocess_record& record(std::size_t ring_index, std::size_t slot) {
    return reinterpret_cast<fanlight_inprocess_record*>(reinterpret_cast<std::byte*>(&ring(ring_index)) +
                                                        FANLIGHT_INPROCESS_PAGE)[slot];
  }
  RingWriter writer(std::size_t i, std::uint32_t records) { return RingWriter(&ring(i), records); }
  void cut(std::uint64_t bytes) { EXPECT_EQ(::ftruncate(file_.get(), static_cast<off_t>(bytes)), 0); }
  std::uint64_t first_ring() const { return FANLIGHT_INPROCESS_PAGE * (1 + FANLIGHT_INPROCESS_METRICS); }

  Result<Reader> reader() { return Reader::from_file(Fd(::dup(file_.get())), ::getpid()); }

 private:
  std::uint64_t ring_stride() { return header().ring_bytes; }

  Fd file_;
  void* memory_ = nullptr;
  std::uint64_t bytes_ = 0;
};

/// A sample that every check accepts.
inline void fill_valid(fanlight_inprocess_record& record) {
  record.time_ns = monotonic_ns();
  record.weight = 10'000'000;
  record.tid = 77;
  record.frames = 2;
  record.kind = FANLIGHT_INPROCESS_SAMPLE;
  record.flags = 0;
  record.addresses[0] = 0x401000;
  record.addresses[1] = 0x402000;
}

}  // namespace fanlight::inprocess
