#include "load/schedule.hpp"

#include <algorithm>
#include <cmath>

namespace fanlight::load {

std::uint64_t Schedule::Segment::due_ns(std::uint64_t j) const {
  const auto n = static_cast<long double>(j);
  switch (phase.shape) {
    case Shape::steady: return start_ns + static_cast<std::uint64_t>(n * (1e9L / static_cast<long double>(phase.rate)));
    case Shape::burst: return start_ns + j / phase.burst * static_cast<std::uint64_t>(phase.every.count());
    case Shape::ramp: break;
  }
  // n = a t + s t^2 / 2, solved for t in the form that loses no digits when s is small.
  const auto a = static_cast<long double>(phase.rate);
  const long double s =
      (static_cast<long double>(phase.to_rate) - a) / (static_cast<long double>(phase.duration.count()) / 1e9L);
  const long double root = std::sqrt(std::max(0.0L, a * a + 2 * s * n));
  return start_ns + static_cast<std::uint64_t>(2 * n / (a + root) * 1e9L);
}

std::uint64_t Schedule::Segment::count_before(std::uint64_t time_ns) const {
  if (time_ns <= start_ns) return 0;
  const std::uint64_t gone = std::min(time_ns - start_ns, static_cast<std::uint64_t>(phase.duration.count()));
  const long double t = static_cast<long double>(gone) / 1e9L;
  long double estimate = 0;
  switch (phase.shape) {
    case Shape::steady: estimate = t * static_cast<long double>(phase.rate); break;
    case Shape::ramp:
      estimate = t * static_cast<long double>(phase.rate) +
                 (static_cast<long double>(phase.to_rate) - static_cast<long double>(phase.rate)) * t * t /
                     (2 * static_cast<long double>(phase.duration.count()) / 1e9L);
      break;
    case Shape::burst:
      return phase.burst * ((gone + static_cast<std::uint64_t>(phase.every.count()) - 1) /
                            static_cast<std::uint64_t>(phase.every.count()));
  }
  auto k = static_cast<std::uint64_t>(std::ceil(estimate));
  // The estimate is rounded; the due times decide.
  const std::uint64_t limit = start_ns + gone;
  while (k > 0 && due_ns(k - 1) >= limit) --k;
  // A ramp to lower rates has no due time beyond its end.
  const auto most = static_cast<std::uint64_t>(std::ceil(estimate)) + 2;
  while (k < most && due_ns(k) < limit) ++k;
  return k;
}

void Schedule::append(const Phase& phase) {
  Segment segment{end_ns_, count(), 0, phases_++, phase};
  end_ns_ += static_cast<std::uint64_t>(phase.duration.count());
  segment.count = segment.count_before(end_ns_);
  segments_.push_back(std::move(segment));
}

void Schedule::replace(std::uint64_t now_ns, Phase phase) {
  if (now_ns >= end_ns_) return;
  const std::uint64_t planned_end = end_ns_;
  set_end(now_ns);
  phase.duration = std::chrono::nanoseconds(planned_end - now_ns);
  append(phase);
}

void Schedule::set_end(std::uint64_t end_ns) {
  if (end_ns >= end_ns_) return;
  end_ns_ = end_ns;
  // Phases that never began keep their number and hold nothing.
  for (Segment& segment : segments_) segment.count = std::min(segment.count, segment.count_before(end_ns));
  for (std::size_t i = 1; i < segments_.size(); ++i)
    segments_[i].first = segments_[i - 1].first + segments_[i - 1].count;
}

const Schedule::Segment& Schedule::segment_of(std::uint64_t k) const {
  const auto after = std::find_if(segments_.begin(), segments_.end(),
                                  [k](const Segment& segment) { return k < segment.first + segment.count; });
  return after == segments_.end() ? segments_.back() : *after;
}

std::uint64_t Schedule::due_ns(std::uint64_t k) const {
  const Segment& segment = segment_of(k);
  return segment.due_ns(k - segment.first);
}

std::size_t Schedule::phase_of(std::uint64_t k) const { return segment_of(k).index; }

std::uint64_t Schedule::count_in_phase(std::size_t index) const {
  std::uint64_t sum = 0;
  for (const Segment& segment : segments_)
    if (segment.index == index) sum += segment.count;
  return sum;
}

const Schedule::Segment& Schedule::segment_at(std::uint64_t time_ns) const {
  std::size_t i = segments_.size() - 1;
  while (i > 0 && time_ns < segments_[i].start_ns) --i;
  return segments_[i];
}

std::size_t Schedule::phase_at(std::uint64_t time_ns) const { return segment_at(time_ns).index; }

double Schedule::rate_at(std::uint64_t time_ns) const {
  const Segment& segment = segment_at(time_ns);
  const Phase& phase = segment.phase;
  if (phase.shape == Shape::burst)
    return static_cast<double>(phase.burst) / std::chrono::duration<double>(phase.every).count();
  if (phase.shape == Shape::steady) return phase.rate;
  const double gone = time_ns > segment.start_ns ? static_cast<double>(time_ns - segment.start_ns) : 0;
  const double share = std::min(1.0, gone / static_cast<double>(phase.duration.count()));
  return phase.rate + (phase.to_rate - phase.rate) * share;
}

std::uint64_t Schedule::count() const {
  return segments_.empty() ? 0 : segments_.back().first + segments_.back().count;
}

std::uint64_t Schedule::count_before(std::uint64_t time_ns) const {
  std::uint64_t sum = 0;
  for (const Segment& segment : segments_) sum += std::min(segment.count, segment.count_before(time_ns));
  return sum;
}

}  // namespace fanlight::load
