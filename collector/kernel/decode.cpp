#include "collector/kernel/decode.hpp"

#include <algorithm>
#include <cstring>
#include <string>

#include "bpf/events.h"

namespace fanlight::kernel {
namespace {

template <std::size_t N>
std::string text_of(const char (&bytes)[N]) {
  return std::string(bytes, strnlen(bytes, N));
}

std::vector<std::uint64_t> frames_of(std::span<const std::byte> bytes) {
  std::vector<std::uint64_t> frames(bytes.size() / sizeof(std::uint64_t));
  if (!frames.empty()) std::memcpy(frames.data(), bytes.data(), frames.size() * sizeof(std::uint64_t));
  return frames;
}

Result<fanlight_sample> head_of(std::span<const std::byte> stream) {
  fanlight_sample raw{};
  if (stream.size() < FANLIGHT_SAMPLE_HEAD) return fail(0, "sample of " + std::to_string(stream.size()) + " bytes");
  std::memcpy(&raw, stream.data(), FANLIGHT_SAMPLE_HEAD);
  if (raw.kernel_frames > FANLIGHT_FRAMES || raw.user_frames > FANLIGHT_USER_FRAMES)
    return fail(
        0, "sample with " + std::to_string(raw.kernel_frames) + " + " + std::to_string(raw.user_frames) + " frames");
  return raw;
}

std::size_t size_of(const fanlight_sample& raw) {
  return FANLIGHT_SAMPLE_HEAD + sizeof(std::uint64_t) * (std::size_t{raw.kernel_frames} + raw.user_frames);
}

/// The upper byte of a user address says how it was found.
void take_user_stack(std::span<const std::byte> bytes, RawSample& sample) {
  sample.user_stack = frames_of(bytes);
  sample.user_found.reserve(sample.user_stack.size());
  for (std::uint64_t& address : sample.user_stack) {
    const std::uint64_t found = address >> FANLIGHT_FOUND_SHIFT;
    address &= (std::uint64_t{1} << FANLIGHT_FOUND_SHIFT) - 1;
    sample.user_found.push_back(static_cast<FrameFound>(std::min<std::uint64_t>(found, FANLIGHT_FOUND_SCAN)));
  }
}

}  // namespace

Result<std::size_t> sample_bytes(std::span<const std::byte> stream) {
  const Result<fanlight_sample> raw = head_of(stream);
  if (!raw) return std::unexpected(raw.error());
  if (stream.size() < size_of(*raw)) return fail(0, "sample cut off after " + std::to_string(stream.size()) + " bytes");
  return size_of(*raw);
}

Result<SampleRecord> decode_sample(std::span<const std::byte> record) {
  const Result<fanlight_sample> raw = head_of(record);
  if (!raw) return std::unexpected(raw.error());
  if (record.size() != size_of(*raw)) return fail(0, "sample of " + std::to_string(record.size()) + " bytes");
  const std::optional<Reason> reason = reason_from(raw->reason);
  if (!reason) return fail(0, "reason " + std::to_string(raw->reason));

  SampleRecord result;
  result.source = raw->source;
  switch (raw->source) {
    case FANLIGHT_SOURCE_CPU: result.sample.sampler = Sampler::kernel_cpu; break;
    case FANLIGHT_SOURCE_BLOCKED: result.sample.sampler = Sampler::kernel_blocked; break;
    case FANLIGHT_SOURCE_SOCKET: result.sample.sampler = Sampler::socket_write; break;
    case FANLIGHT_SOURCE_MAP: result.sample.sampler = Sampler::map_operation; break;
    case FANLIGHT_SOURCE_FAULT: result.sample.sampler = Sampler::page_fault; break;
    case FANLIGHT_SOURCE_REGISTRY: result.sample.sampler = Sampler::registry_operation; break;
    case FANLIGHT_SOURCE_WAKE: result.sample.sampler = Sampler::wakeup; break;
    default: return fail(0, "sample from source " + std::to_string(raw->source));
  }
  result.same_stack = (raw->flags & FANLIGHT_SAME_STACK) != 0;
  result.begins = (raw->flags & FANLIGHT_WAIT_BEGINS) != 0;
  result.sample.reason = *reason;
  result.sample.tid = static_cast<pid_t>(raw->tid);
  result.sample.pid = static_cast<pid_t>(raw->pid);
  if (raw->source == FANLIGHT_SOURCE_WAKE) result.sample.waker = static_cast<pid_t>(raw->other);
  result.sample.time_ns = raw->time_ns;
  result.sample.weight = raw->weight;
  result.sample.count = raw->count;
  result.sample.label_set = raw->labels;
  static_assert(sizeof raw->trace_id == sizeof result.sample.trace_id);
  std::memcpy(result.sample.trace_id.data(), raw->trace_id, sizeof raw->trace_id);
  if (raw->stop >= FANLIGHT_STOPS) return fail(0, "stack that ends for reason " + std::to_string(raw->stop));
  result.sample.end = static_cast<StackEnd>(raw->stop);
  result.sample.woke = (raw->flags & FANLIGHT_WOKE_MEANWHILE) != 0;
  result.sample.truncated = (raw->flags & FANLIGHT_CUT_STACK) != 0;
  const auto frames = record.subspan(FANLIGHT_SAMPLE_HEAD);
  const std::size_t kernel_bytes = sizeof(std::uint64_t) * raw->kernel_frames;
  result.sample.kernel_stack = frames_of(frames.first(kernel_bytes));
  take_user_stack(frames.subspan(kernel_bytes), result.sample);
  return result;
}

Result<std::size_t> thread_bytes(std::span<const std::byte> stream) {
  fanlight_thread raw;
  if (stream.size() < sizeof raw) return fail(0, "thread of " + std::to_string(stream.size()) + " bytes");
  std::memcpy(&raw, stream.data(), sizeof raw);
  if (raw.label_slots > FANLIGHT_LABEL_SLOTS)
    return fail(0, "thread with " + std::to_string(raw.label_slots) + " sets of labels");
  const std::size_t bytes = sizeof raw + raw.label_slots * sizeof(fanlight_label_time);
  if (stream.size() < bytes) return fail(0, "thread of " + std::to_string(stream.size()) + " bytes");
  return bytes;
}

Result<ThreadRecord> decode_thread(std::span<const std::byte> record) {
  const Result<std::size_t> bytes = thread_bytes(record);
  if (!bytes) return std::unexpected(bytes.error());
  if (record.size() != *bytes) return fail(0, "thread of " + std::to_string(record.size()) + " bytes");
  fanlight_thread raw;
  std::memcpy(&raw, record.data(), sizeof raw);
  ThreadRecord result;
  result.torn = (raw.flags & FANLIGHT_THREAD_TORN) != 0;
  result.siblings = raw.siblings;
  ThreadReading& reading = result.reading;
  reading.tid = static_cast<pid_t>(raw.tid);
  reading.pid = static_cast<pid_t>(raw.pid);
  reading.name = text_of(raw.name);
  reading.from_ns = raw.from_ns;
  reading.to_ns = raw.to_ns;
  reading.ended = (raw.flags & FANLIGHT_THREAD_ENDED) != 0;
  reading.exec = (raw.flags & FANLIGHT_THREAD_EXEC) != 0;
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < kReasons; ++i) sum += reading.ns[i] = raw.ns[i];
  if (!result.torn && sum != raw.to_ns - raw.from_ns)
    return fail(0, "thread " + std::to_string(raw.tid) + " with " + std::to_string(sum) + " ns in " +
                       std::to_string(raw.to_ns - raw.from_ns) + " ns");
  for (std::size_t slot = 0; slot < raw.label_slots; ++slot) {
    fanlight_label_time time;
    std::memcpy(&time, record.data() + sizeof raw + slot * sizeof time, sizeof time);
    PerReason& ns = reading.label_ns[time.labels];
    for (std::size_t i = 1; i < kReasons; ++i) ns[i] += time.ns[i - 1];
  }
  for (std::size_t i = 1; i < kReasons && !result.torn; ++i) {
    std::uint64_t labelled = 0;
    for (const auto& [labels, ns] : reading.label_ns) labelled += ns[i];
    if (labelled > reading.ns[i])
      return fail(0, "thread " + std::to_string(raw.tid) + " with more labelled time than time");
  }
  reading.switches_voluntary = raw.switches_voluntary;
  reading.switches_preempted = raw.switches_preempted;
  reading.migrations = raw.migrations;
  reading.wakeups = raw.wakeups;
  reading.run_queue_ns = KernelHistogram::from_counts(std::span<const __u32>(raw.run_queue));
  reading.socket = {raw.socket_writes, raw.socket_bytes, raw.socket_would_block, raw.socket_errors};
  return result;
}

}  // namespace fanlight::kernel
