#include "load/timeline.hpp"

#include <algorithm>
#include <span>

#include "core/units.hpp"

namespace fanlight::load {

Second Timeline::take(std::uint64_t now_ns, std::uint64_t from_ns) {
  Second second;
  const std::uint64_t since = std::max(told_ns_, from_ns);
  second.at = now_ns > from_ns ? static_cast<double>(now_ns - from_ns) / 1e9 : 0;
  second.seconds = now_ns > since ? static_cast<double>(now_ns - since) / 1e9 : 0;
  std::fill(look_.begin(), look_.end(), 0);
  for (const LivePool& pool : shared_.pools())
    for (std::size_t i = 0; i < look_.size(); ++i) look_[i] += pool.latency[i].load(std::memory_order_relaxed);
  std::vector<std::uint64_t> fresh(look_.size());
  for (std::size_t i = 0; i < look_.size(); ++i) fresh[i] = look_[i] - counts_[i];
  counts_.swap(look_);
  const auto latency = Histogram<3>::from_counts(std::span<const std::uint64_t>(fresh));
  second.p50_ns = latency.percentile(0.5);
  second.p99_ns = latency.percentile(0.99);
  second.max_ns = latency.max();
  const std::uint64_t received = shared_.sum(&LivePool::received), cuts = shared_.sum(&LivePool::cuts);
  const std::uint64_t published = shared_->published;
  second.received = received - received_;
  second.published = published - published_;
  second.cuts = cuts - cuts_;
  second.streams = shared_.sum(&LivePool::streams);
  received_ = received;
  published_ = published;
  cuts_ = cuts;
  told_ns_ = now_ns;
  return second;
}

std::string progress_line(const Second& second, std::uint64_t gone_ns, std::uint64_t total_ns, const Shared& shared,
                          unsigned subscribers) {
  const auto words = [](std::uint64_t ns) { return format_ns(static_cast<double>(ns)); };
  std::string text = (gone_ns == 0 ? std::string("warming up") : words(gone_ns)) + " of " + words(total_ns) + ": " +
                     format_count(second.seconds > 0 ? static_cast<double>(second.received) / second.seconds : 0) +
                     " deliveries/s";
  if (second.p50_ns > 0) text += ", p50 " + words(second.p50_ns) + ", p99 " + words(second.p99_ns);
  text += ", " + std::to_string(second.streams) + " of " + std::to_string(subscribers) + " connected";
  const auto count = [&](Counter LivePool::* counter, const char* what) {
    if (const std::uint64_t sum = shared.sum(counter); sum > 0) text += ", " + std::to_string(sum) + what;
  };
  count(&LivePool::cuts, " cuts");
  count(&LivePool::gaps, " gaps");
  count(&LivePool::trouble, " malformed");
  std::uint64_t recovering = 0;
  for (const LivePool& pool : shared.pools())
    recovering += pool.states[static_cast<std::size_t>(ClientState::recovering)].load(std::memory_order_relaxed);
  if (recovering > 0) text += ", " + std::to_string(recovering) + " recovering";
  return text;
}

}  // namespace fanlight::load
