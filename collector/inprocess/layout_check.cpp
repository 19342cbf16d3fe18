#include "collector/inprocess/layout_check.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>

#include "bpf/unwind_tables.h"

namespace fanlight::inprocess {
namespace {

constexpr std::uint64_t kPage = FANLIGHT_INPROCESS_PAGE;
constexpr std::uint32_t kMaxHz = 10'000;
constexpr std::uint32_t kMaxThreadId = 1u << 22;  // PID_MAX_LIMIT of the kernel
// One sample can stand for overrun expirations as well, but not for more than this.
constexpr std::uint64_t kMaxWeightNs = 3600ull * 1'000'000'000u;

}  // namespace

Result<Geometry> check_header(const fanlight_inprocess_header& header) {
  if (header.magic != FANLIGHT_INPROCESS_MAGIC)
    return fail(0, "shared memory without Fanlight's mark", "the target may still be starting: try again");
  if (header.version != FANLIGHT_INPROCESS_VERSION)
    return fail(0,
                "shared memory of layout " + std::to_string(header.version) + ", known here is " +
                    std::to_string(FANLIGHT_INPROCESS_VERSION),
                "use a collector and a target of the same Fanlight version");
  const bool counts_fit = header.metric_slots <= FANLIGHT_INPROCESS_METRICS &&
                          header.ring_slots <= FANLIGHT_INPROCESS_THREADS && header.ring_records >= 2 &&
                          header.ring_records <= FANLIGHT_INPROCESS_RECORDS &&
                          (header.ring_records & (header.ring_records - 1)) == 0 && header.sample_hz <= kMaxHz;
  if (!counts_fit) return fail(0, "shared memory whose header has counts out of range");
  // Counts and strides are bounded before they are multiplied, so nothing below can overflow.
  const std::uint64_t most = kPage + std::uint64_t{FANLIGHT_INPROCESS_RECORDS} * sizeof(fanlight_inprocess_record);
  const std::uint64_t ring_needs = kPage + std::uint64_t{header.ring_records} * sizeof(fanlight_inprocess_record);
  const std::uint64_t metrics_need = std::uint64_t{header.metric_slots} * sizeof(fanlight_inprocess_metric);
  const bool lies_right =
      header.metrics_offset % kPage == 0 && header.metrics_offset >= kPage && header.metrics_offset <= most &&
      header.rings_offset % kPage == 0 && header.rings_offset >= header.metrics_offset + metrics_need &&
      header.rings_offset <= most && header.ring_bytes % kPage == 0 && header.ring_bytes >= ring_needs &&
      header.ring_bytes <= most && header.total_bytes >= header.rings_offset + header.ring_slots * header.ring_bytes;
  if (!lies_right) return fail(0, "shared memory whose header has offsets out of range");
  return Geometry{header.metrics_offset, header.rings_offset, header.ring_bytes, header.metric_slots,
                  header.ring_slots,     header.ring_records, header.sample_hz};
}

std::optional<RawSample> check_record(const fanlight_inprocess_record& record, std::uint64_t number, TimeRange range) {
  if (record.sequence != number + 1 ||
      (record.kind != FANLIGHT_INPROCESS_SAMPLE && record.kind != FANLIGHT_INPROCESS_LABELLED))
    return std::nullopt;
  if (record.frames == 0 || record.frames > FANLIGHT_INPROCESS_FRAMES) return std::nullopt;
  if (record.tid == 0 || record.tid > kMaxThreadId) return std::nullopt;
  if (record.weight == 0 || record.weight > kMaxWeightNs) return std::nullopt;
  if (record.time_ns < range.from_ns || record.time_ns > range.to_ns) return std::nullopt;
  RawSample sample;
  sample.sampler = Sampler::inprocess_cpu;
  sample.reason = Reason::running;
  sample.tid = static_cast<pid_t>(record.tid);
  sample.time_ns = record.time_ns;
  sample.weight = record.weight;
  const unsigned stop = record.flags >> FANLIGHT_INPROCESS_STOP_SHIFT;
  if (stop >= kStackEnds) return std::nullopt;
  sample.end = static_cast<StackEnd>(stop);
  sample.truncated = (record.flags & FANLIGHT_INPROCESS_TRUNCATED) != 0;
  if (record.kind == FANLIGHT_INPROCESS_LABELLED) {
    const __u64* const last = record.addresses + FANLIGHT_INPROCESS_FRAMES - 1;
    const std::uint64_t words = 3 + (std::min<std::uint64_t>(*last, 8 * FANLIGHT_INPROCESS_FRAMES) + 7) / 8;
    if (record.frames + words > FANLIGHT_INPROCESS_FRAMES) return std::nullopt;
    std::memcpy(sample.trace_id.data(), last - 2, sample.trace_id.size());
    const auto* const attributes = reinterpret_cast<const std::byte*>(last - (words - 1));
    sample.attributes.assign(attributes, attributes + *last);
  }
  sample.user_stack.reserve(record.frames);
  sample.user_found.reserve(record.frames);
  for (unsigned i = 0; i < record.frames; ++i) {
    const std::uint64_t found = record.addresses[i] >> FANLIGHT_FOUND_SHIFT;
    if (found > FANLIGHT_FOUND_SCAN) return std::nullopt;
    sample.user_stack.push_back(record.addresses[i] & ((std::uint64_t{1} << FANLIGHT_FOUND_SHIFT) - 1));
    sample.user_found.push_back(static_cast<FrameFound>(found));
  }
  return sample;
}

std::optional<MetricReading> check_metric(const fanlight_inprocess_metric& metric) {
  if (metric.state != FANLIGHT_INPROCESS_READY) return std::nullopt;
  MetricReading reading;
  reading.name.assign(metric.name, ::strnlen(metric.name, sizeof metric.name));
  if (reading.name.empty()) return std::nullopt;
  for (char& c : reading.name)
    if (c < ' ' || c > '~') c = '?';
  switch (metric.kind) {
    case FANLIGHT_INPROCESS_COUNTER: {
      std::uint64_t sum = 0;
      for (const fanlight_inprocess_stripe& stripe : metric.stripes) sum += stripe.value;
      reading.kind = MetricReading::Kind::counter;
      reading.value = static_cast<double>(sum);
      return reading;
    }
    case FANLIGHT_INPROCESS_GAUGE:
      reading.kind = MetricReading::Kind::gauge;
      reading.value = static_cast<double>(metric.gauge);
      return reading;
    case FANLIGHT_INPROCESS_HISTOGRAM: {
      std::size_t used = FANLIGHT_INPROCESS_BUCKETS;
      while (used > 0 && metric.buckets[used - 1] == 0) --used;
      reading.kind = MetricReading::Kind::histogram;
      reading.histogram = KernelHistogram::from_counts(std::span(metric.buckets, used));
      reading.value = static_cast<double>(reading.histogram.count());
      return reading;
    }
  }
  return std::nullopt;
}

}  // namespace fanlight::inprocess
