#include "collector/kernel/timeline.hpp"

#include <bpf/libbpf.h>
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <optional>
#include <utility>

namespace fanlight::kernel {
namespace {

constexpr std::uint64_t kRecords = FANLIGHT_TIMELINE_RECORDS;

std::optional<TimelineReading> decoded(const fanlight_timeline_record& raw) {
  const std::optional<Reason> reason = reason_from(raw.reason);
  if (!reason || raw.kind < FANLIGHT_TIMELINE_STATE || raw.kind > FANLIGHT_TIMELINE_END || raw.time_ns == 0)
    return std::nullopt;
  return TimelineReading{.time_ns = raw.time_ns,
                         .tid = static_cast<pid_t>(raw.tid),
                         .waker = static_cast<pid_t>(raw.other),
                         .kind = static_cast<TimelineReading::Kind>(raw.kind),
                         .reason = *reason,
                         .cpu = raw.cpu};
}

}  // namespace

std::uint64_t take_records(const fanlight_timeline& ring, std::uint64_t& next, std::vector<TimelineReading>& into,
                           std::uint64_t& malformed) {
  const std::uint64_t head = __atomic_load_n(&ring.head, __ATOMIC_ACQUIRE);
  const std::uint64_t begin = next;
  std::uint64_t first = head > kRecords && begin < head - kRecords ? head - kRecords : begin;
  std::vector<fanlight_timeline_record> copy;
  copy.reserve(head - first);
  for (std::uint64_t i = first; i < head; ++i) copy.push_back(ring.at[i & (kRecords - 1)]);
  std::atomic_thread_fence(std::memory_order_acquire);
  // Whatever the writer had come to by now may have changed under the copy, the record that it is at included.
  const std::uint64_t after = __atomic_load_n(&ring.head, __ATOMIC_ACQUIRE);
  const std::uint64_t whole_from = after + 1 > kRecords ? after + 1 - kRecords : 0;
  const std::uint64_t kept = std::clamp(whole_from, first, head);
  for (std::uint64_t i = kept; i < head; ++i) {
    if (auto record = decoded(copy[i - first]))
      into.push_back(*record);
    else
      ++malformed;
  }
  next = head;
  return kept - begin;
}

Result<Timeline> Timeline::map(const bpf_map* map) {
  const std::size_t count = bpf_map__max_entries(map);
  // The kernel lays elements of an array out at multiples of 8 bytes.
  static_assert(sizeof(fanlight_timeline) % 8 == 0);
  const std::size_t page = 4096;
  const std::size_t bytes = (count * sizeof(fanlight_timeline) + page - 1) / page * page;
  void* const memory = ::mmap(nullptr, bytes, PROT_READ, MAP_SHARED, bpf_map__fd(map), 0);
  if (memory == MAP_FAILED) return fail(errno, "map the timeline");
  Timeline timeline;
  timeline.rings_ = {static_cast<const fanlight_timeline*>(memory), count};
  timeline.bytes_ = bytes;
  timeline.next_.resize(count);
  return timeline;
}

Timeline::Timeline(Timeline&& other) noexcept
    : rings_(std::exchange(other.rings_, {})),
      bytes_(other.bytes_),
      next_(std::move(other.next_)),
      delivered_(other.delivered_),
      overwritten_(other.overwritten_),
      malformed_(other.malformed_) {}

Timeline& Timeline::operator=(Timeline&& other) noexcept {
  std::swap(rings_, other.rings_);
  std::swap(bytes_, other.bytes_);
  next_ = std::move(other.next_);
  delivered_ = other.delivered_;
  overwritten_ = other.overwritten_;
  malformed_ = other.malformed_;
  return *this;
}

Timeline::~Timeline() {
  if (!rings_.empty()) ::munmap(const_cast<fanlight_timeline*>(rings_.data()), bytes_);
}

void Timeline::drain(std::vector<TimelineReading>& into) {
  const std::size_t before = into.size();
  for (std::size_t cpu = 0; cpu < rings_.size(); ++cpu)
    overwritten_ += take_records(rings_[cpu], next_[cpu], into, malformed_);
  delivered_ += into.size() - before;
}

LedgerEntry Timeline::ledger() const {
  LedgerEntry entry{.source = "timeline"};
  for (const std::uint64_t next : next_) entry.produced += next;
  entry.delivered = delivered_;
  if (overwritten_ > 0) entry.dropped["overwritten before it was read"] = overwritten_;
  if (malformed_ > 0) entry.dropped["malformed"] = malformed_;
  return entry;
}

}  // namespace fanlight::kernel
