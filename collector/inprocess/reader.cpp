#include "collector/inprocess/reader.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <limits>
#include <optional>

#include "collector/inprocess/layout.h"
#include "collector/inprocess/layout_check.hpp"
#include "collector/inprocess/locate.hpp"
#include "collector/inprocess/thread_ids.hpp"
#include "core/clock.hpp"

namespace fanlight::inprocess {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000u;
constexpr std::size_t kBatch = 64;  // records copied at once
// More records than this between two drains is no sampler's doing: the ring's head is garbage.
constexpr std::uint64_t kMaxAdvance = 1ull << 40;

/// Reads that cannot fault: memory that the target shrinks under a mapping raises SIGBUS, a short pread does not.
bool read_at(int file, std::uint64_t offset, void* to, std::size_t bytes) {
  auto* out = static_cast<std::byte*>(to);
  while (bytes > 0) {
    const ssize_t got = ::pread(file, out, bytes, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    out += got;
    offset += static_cast<std::uint64_t>(got);
    bytes -= static_cast<std::size_t>(got);
  }
  return true;
}

struct Cursor {
  std::uint64_t next = 0;      // record to read
  std::uint64_t overruns = 0;  // of the timer, when this reader came
  std::uint64_t missed = 0;
  pid_t last_tid = 0;  // of the newest record that was handed over
};

}  // namespace

struct Reader::State {
  State(Fd opened, const Geometry& found, ThreadIds ids)
      : file(std::move(opened)), geometry(found), threads(std::move(ids)), cursors(found.ring_slots) {}

  Fd file;
  Geometry geometry;
  ThreadIds threads;
  std::vector<Cursor> cursors;  // one per ring
  std::vector<fanlight_inprocess_record> batch{kBatch};
  bool recorded = false;  // nobody writes any more
  fanlight_inprocess_header first_header{};
  std::uint64_t opened_ns = monotonic_ns();
  std::uint64_t refused_threads_before = 0;
  std::uint64_t refused_threads = 0;
  std::uint64_t refused_metrics = 0;
  std::uint64_t produced = 0;
  std::uint64_t delivered = 0;
  std::uint64_t overrun = 0;
  std::uint64_t malformed = 0;
  std::array<std::uint64_t, kStackEnds> ends{};  // samples by why their stack ended

  bool read_header(fanlight_inprocess_header& header) const { return read_at(file.get(), 0, &header, sizeof header); }
  std::uint64_t ring_offset(std::size_t index) const { return geometry.rings_offset + index * geometry.ring_bytes; }
  bool read_ring(std::size_t index, fanlight_inprocess_ring& ring) const {
    return read_at(file.get(), ring_offset(index), &ring, sizeof ring);
  }
  std::size_t rings_used(const fanlight_inprocess_header& header) const {
    return std::min(header.rings_used, geometry.ring_slots);
  }

  bool drain_ring(std::size_t index, const OnSample& on_sample);
  bool read_batch(std::size_t index, std::uint64_t first, std::size_t count, const OnSample& on_sample);
};

/// Copies `count` records that lie side by side, then looks at the head again: what the writer may have been
/// overwriting meanwhile is not delivered.
bool Reader::State::read_batch(std::size_t index, std::uint64_t first, std::size_t count, const OnSample& on_sample) {
  const std::uint64_t slot = first & (geometry.ring_records - 1);
  const std::uint64_t offset = ring_offset(index) + FANLIGHT_INPROCESS_PAGE + slot * sizeof(fanlight_inprocess_record);
  if (!read_at(file.get(), offset, batch.data(), count * sizeof(fanlight_inprocess_record))) return false;
  std::atomic_thread_fence(std::memory_order_acquire);
  fanlight_inprocess_ring ring;
  if (!read_ring(index, ring)) return false;
  const TimeRange range = recorded ? TimeRange{0, ~std::uint64_t{0}}
                                   : TimeRange{opened_ns - std::min(opened_ns, 10 * kSecond), monotonic_ns() + kSecond};
  for (std::size_t i = 0; i < count; ++i) {
    ++produced;
    if (ring.head - (first + i) >= geometry.ring_records + (recorded ? 1u : 0u)) {
      ++overrun;
      continue;
    }
    std::optional<RawSample> sample = check_record(batch[i], first + i, range);
    if (!sample) {
      ++malformed;
      continue;
    }
    cursors[index].last_tid = sample->tid;
    if (!recorded) sample->tid = threads.translate(static_cast<std::uint32_t>(sample->tid));
    ++delivered;
    ++ends[static_cast<std::size_t>(sample->end)];
    on_sample(std::move(*sample));
  }
  return true;
}

bool Reader::State::drain_ring(std::size_t index, const OnSample& on_sample) {
  fanlight_inprocess_ring ring;
  if (!read_ring(index, ring)) return false;
  Cursor& cursor = cursors[index];
  if (const std::uint64_t missed = ring.timer_overruns - cursor.overruns; missed < kMaxAdvance) cursor.missed = missed;
  if (ring.head - cursor.next > kMaxAdvance) {  // also when it went back
    ++produced;
    ++malformed;
    cursor.next = ring.head;
    return true;
  }
  // The slot of the oldest record is the one that the writer may be filling right now.
  const std::uint64_t readable = geometry.ring_records - (recorded ? 0u : 1u);
  if (ring.head - cursor.next > readable) {
    const std::uint64_t lost = ring.head - cursor.next - readable;
    produced += lost;
    overrun += lost;
    cursor.next += lost;
  }
  while (cursor.next != ring.head) {
    const std::uint64_t until_wrap = geometry.ring_records - (cursor.next & (geometry.ring_records - 1));
    const std::uint64_t count = std::min<std::uint64_t>({ring.head - cursor.next, until_wrap, kBatch});
    if (!read_batch(index, cursor.next, count, on_sample)) return false;
    cursor.next += count;
  }
  return true;
}

Reader::Reader(std::unique_ptr<State> state) : state_(std::move(state)) {}
Reader::Reader(Reader&&) noexcept = default;
Reader& Reader::operator=(Reader&&) noexcept = default;
Reader::~Reader() = default;

Result<Reader> Reader::open(pid_t pid, const std::filesystem::path& root) {
  auto candidates = locate(pid, root);
  if (!candidates) return std::unexpected(std::move(candidates.error()));
  std::optional<Error> first_error;
  for (Fd& candidate : *candidates) {
    Result<Reader> reader = from_file(std::move(candidate), pid, root);
    if (reader) return reader;
    if (!first_error) first_error = std::move(reader.error());
  }
  return within("process " + std::to_string(pid), std::move(*first_error));
}

Result<Reader> Reader::from_file(Fd file, pid_t pid, const std::filesystem::path& root) {
  // Descriptor numbers are reused, so what was called a memfd a moment ago may be a pipe or a device by now.
  struct stat status;
  if (::fstat(file.get(), &status) != 0) return fail(errno, "shared memory");
  if (!S_ISREG(status.st_mode)) return fail(0, "shared memory is not a file");
  fanlight_inprocess_header header;
  if (!read_at(file.get(), 0, &header, sizeof header)) return fail(0, "shared memory ends within its header");
  auto geometry = check_header(header);
  if (!geometry) return std::unexpected(std::move(geometry.error()));
  auto state = std::make_unique<State>(std::move(file), *geometry, ThreadIds(pid, root));
  state->first_header = header;
  state->refused_threads_before = header.threads_refused;
  state->refused_threads = header.threads_refused;
  state->refused_metrics = header.metrics_refused;
  for (std::size_t i = 0; i < state->rings_used(header); ++i) {
    fanlight_inprocess_ring ring;
    if (!state->read_ring(i, ring)) return fail(0, "shared memory ends within its rings");
    state->cursors[i] = {ring.head, ring.timer_overruns, 0};
  }
  return Reader(std::move(state));
}

Result<Reader> Reader::from_recorded(Fd file) {
  auto reader = from_file(std::move(file), 0);
  if (!reader) return reader;
  State& state = *reader->state_;
  state.recorded = true;
  for (Cursor& cursor : state.cursors) {
    cursor.next = cursor.next > state.geometry.ring_records ? cursor.next - state.geometry.ring_records : 0;
    cursor.overruns = 0;
  }
  state.refused_threads_before = 0;
  return reader;
}

std::vector<Reader::ThreadName> Reader::threads() const {
  std::vector<ThreadName> names;
  for (std::size_t i = 0; i < state_->cursors.size(); ++i) {
    if (state_->cursors[i].last_tid == 0) continue;
    fanlight_inprocess_ring ring;
    if (!state_->read_ring(i, ring)) break;
    names.push_back({state_->cursors[i].last_tid, std::string(ring.name, ::strnlen(ring.name, sizeof ring.name))});
  }
  return names;
}

std::uint64_t Reader::start_ns() const { return state_->first_header.start_ns; }
pid_t Reader::pid() const { return static_cast<pid_t>(state_->first_header.pid); }

Result<> Reader::drain(const OnSample& on_sample) {
  State& state = *state_;
  state.threads.allow_refresh();
  fanlight_inprocess_header header;
  if (!state.read_header(header)) return fail(0, "shared memory ends within its header");
  state.refused_threads = header.threads_refused;
  state.refused_metrics = header.metrics_refused;
  for (std::size_t i = 0; i < state.rings_used(header); ++i)
    if (!state.drain_ring(i, on_sample)) return fail(0, "shared memory ends within its rings");
  return {};
}

std::vector<MetricReading> Reader::metrics() const {
  std::vector<MetricReading> readings;
  fanlight_inprocess_metric metric;
  for (std::uint32_t i = 0; i < state_->geometry.metric_slots; ++i) {
    const std::uint64_t offset = state_->geometry.metrics_offset + i * sizeof metric;
    if (!read_at(state_->file.get(), offset, &metric, sizeof metric.state)) break;
    if (metric.state == FANLIGHT_INPROCESS_FREE) break;  // slots fill in order
    if (!read_at(state_->file.get(), offset, &metric, sizeof metric)) break;
    if (auto reading = check_metric(metric)) readings.push_back(std::move(*reading));
  }
  return readings;
}

LedgerEntry Reader::ledger() const {
  const State& state = *state_;
  LedgerEntry entry{"in-process samples", state.produced, state.delivered, {}, {}};
  entry.dropped["overrun"] = state.overrun;
  entry.dropped["malformed"] = state.malformed;
  std::uint64_t missed = 0;
  for (const Cursor& cursor : state.cursors) missed += cursor.missed;
  entry.missed["timer overrun"] = missed;
  // Not lost, but with callers missing.
  for (std::size_t end = 0; end < kStackEnds; ++end)
    if (const auto why = static_cast<StackEnd>(end); is_cut(why) && state.ends[end] > 0)
      entry.missed["callers: " + std::string(name_of(why))] = state.ends[end];
  if (state.refused_threads > state.refused_threads_before)
    entry.missed["thread without a ring"] = state.refused_threads - state.refused_threads_before;
  if (state.refused_metrics > 0) entry.missed["metric without a slot"] = state.refused_metrics;
  return entry;
}

unsigned Reader::sample_hz() const { return state_->geometry.sample_hz; }

}  // namespace fanlight::inprocess
