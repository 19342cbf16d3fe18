// Samples: out of the rings, and from visits to threads that are not running.
#include <poll.h>

#include <algorithm>
#include <cerrno>

#include "collector/kernel/decode.hpp"
#include "collector/kernel/iterator.hpp"
#include "collector/kernel/probes_state.hpp"
#include "core/clock.hpp"

namespace fanlight::kernel {
namespace {

timespec until(Clock::time_point moment) {
  const auto left = std::max(moment - Clock::now(), Clock::duration::zero());
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
  return {.tv_sec = seconds.count(), .tv_nsec = std::chrono::nanoseconds(left - seconds).count()};
}

}  // namespace

Result<> Probes::poll(std::chrono::milliseconds timeout, const OnSample& on_sample) {
  State& state = *state_;
  if (state.unwinding) state.unwinding->follow();
  const Clock::time_point deadline = Clock::now() + timeout;
  for (;;) {
    if (state.visit_iterator && Clock::now() >= state.next_visit)
      if (Result<> visited = state.visit(); !visited) return within("visit threads", std::move(visited.error()));
    state.step_windows();
    if (Result<> drained = state.drain(); !drained) return drained;
    state.hand_over(on_sample);
    if (Clock::now() >= deadline) return {};

    Clock::time_point wake = deadline;
    if (state.visit_iterator) wake = std::min(wake, state.next_visit);
    if (state.windows) wake = std::min(wake, state.windows->next());
    const timespec wait = until(wake);
    pollfd ring{.fd = ring_buffer__epoll_fd(state.rings.get()), .events = POLLIN};
    if (::ppoll(&ring, 1, &wait, nullptr) < 0 && errno != EINTR) return fail(errno, "wait for samples");
  }
}

Result<> Probes::State::drain() {
  const int got = ring_buffer__consume(rings.get());
  if (got < 0) return fail(-got, "read the rings");
  if (timeline) timeline->drain(events);
  return {};
}

void Probes::State::take_sample(std::span<const std::byte> record) {
  Result<SampleRecord> decoded = decode_sample(record);
  if (!decoded) {
    // Nothing but our own program writes here, so this is a defect; it is counted where it most likely belongs.
    ++malformed[FANLIGHT_SOURCE_CPU];
    return;
  }
  ++waiting[decoded->source];
  if (decoded->begins) {
    decoded->sample.lock = std::exchange(decoded->sample.weight, 0);
    remember(decoded->sample);
    return;
  }
  if (decoded->same_stack) recall(decoded->sample);
  samples.push_back(std::move(decoded->sample));
}

void Probes::State::remember(const RawSample& sample) {
  last_stacks[sample.tid] = {sample.kernel_stack, sample.user_stack, sample.user_found,
                             sample.end,          sample.truncated,  sample.lock};
}

void Probes::State::recall(RawSample& sample) {
  const Stacks& last = last_stacks[sample.tid];
  sample.kernel_stack = last.kernel;
  sample.user_stack = last.user;
  sample.user_found = last.found;
  sample.end = last.end;
  sample.truncated = last.truncated;
  if (sample.reason == Reason::futex) sample.lock = last.lock;
}

void Probes::State::take_end(std::span<const std::byte> record) {
  Result<ThreadRecord> decoded = decode_thread(record);
  if (!decoded) {
    ++malformed[FANLIGHT_SOURCE_THREAD_END];
    return;
  }
  ++waiting[FANLIGHT_SOURCE_THREAD_END];
  if (decoded->reading.exec && unwinding) unwinding->look_at(decoded->reading.pid);
  ends.push_back(std::move(decoded->reading));
}

void Probes::State::hand_over(const OnSample& on_sample) {
  for (std::size_t source = 0; source < FANLIGHT_SOURCES; ++source)
    if (source != FANLIGHT_SOURCE_THREAD_END) delivered[source] += std::exchange(waiting[source], 0);
  for (RawSample& sample : samples) on_sample(std::move(sample));
  samples.clear();
}

void Probes::State::schedule_visit() {
  // Anything between half and one and a half times the mean: never in step with what the target does.
  const auto mean = std::chrono::nanoseconds(options.visit_every).count() * effort.sampling_divisor;
  next_visit = Clock::now() +
               std::chrono::nanoseconds(std::uniform_int_distribution<std::int64_t>(mean / 2, mean * 3 / 2)(random));
}

Result<> Probes::State::visit() {
  schedule_visit();
  const std::uint64_t now = monotonic_ns();
  const std::uint64_t weight = now - std::exchange(last_visit_ns, now);
  if (Result<> ran = run_iterator(visit_iterator.get(), pass); !ran) return ran;
  std::span<const std::byte> stream(pass);
  while (!stream.empty()) {
    const Result<std::size_t> size = sample_bytes(stream);
    Result<SampleRecord> decoded = size ? decode_sample(stream.first(*size)) : std::unexpected(size.error());
    if (!decoded) {
      ++malformed[FANLIGHT_SOURCE_BLOCKED];
      if (!size) break;
      stream = stream.subspan(*size);
      continue;
    }
    stream = stream.subspan(*size);
    RawSample& sample = decoded->sample;
    sample.lock = std::exchange(sample.weight, weight);
    if (decoded->same_stack)
      recall(sample);
    else
      remember(sample);
    ++waiting[FANLIGHT_SOURCE_BLOCKED];
    samples.push_back(std::move(sample));
  }
  return {};
}

}  // namespace fanlight::kernel
