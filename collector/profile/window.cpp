#include "collector/profile/window.hpp"

#include <utility>

namespace fanlight::profile {
namespace {

std::size_t bytes_of(const KernelHistogram& histogram) { return histogram.counts().size() * sizeof(std::uint64_t); }

std::size_t bytes_of(const Slice& slice) {
  std::size_t bytes = sizeof(Slice);
  for (const auto& thread : slice.threads)
    bytes += sizeof thread + bytes_of(thread.run_queue_ns) + 64 * thread.socket.by_errno.size();
  bytes += slice.samples.size() * sizeof(SampleRow) + slice.label_times.size() * sizeof(LabelTime);
  for (const auto& lock : slice.locks)
    bytes += sizeof lock + lock.name.size() + lock.holder.size() + bytes_of(lock.wait);
  bytes += slice.timeline.size() * sizeof(TimelineRow);
  for (const auto& row : slice.preemptions) bytes += sizeof row + row.by.size();
  for (const auto& map : slice.maps) bytes += sizeof map + bytes_of(map.latency_ns);
  for (const auto& map : slice.map_states) bytes += sizeof map + map.name.size() + map.type.size();
  for (const auto& connection : slice.connections)
    bytes += sizeof connection + connection.local.size() + connection.peer.size() + connection.state.size();
  for (const auto& registry : slice.registries) bytes += sizeof registry + bytes_of(registry.wait);
  for (const auto& metric : slice.metrics) bytes += sizeof metric + bytes_of(metric.histogram);
  for (const auto& event : slice.events) bytes += sizeof event + event.text.size();
  for (const auto& entry : slice.ledger) bytes += sizeof entry + 64 * (entry.dropped.size() + entry.missed.size());
  return bytes + slice.cost.programs.size() * sizeof(kernel::ProgramCost);
}

template <class Rows, class Known>
std::uint64_t refuse(Rows& rows, Known known) {
  return std::erase_if(rows, [&](const auto& row) { return !known(row); });
}

}  // namespace

void Window::append(Slice slice) {
  const std::size_t threads = tables_.threads().size();
  const std::size_t stacks = tables_.stacks().size();
  const std::size_t labels = tables_.labels().size();
  refused_ += refuse(slice.threads, [&](const ThreadSlice& row) { return row.thread < threads; });
  refused_ += refuse(slice.samples, [&](const SampleRow& row) {
    return row.thread < threads && row.stack < stacks && row.labels < labels;
  });
  refused_ +=
      refuse(slice.label_times, [&](const LabelTime& row) { return row.thread < threads && row.labels < labels; });
  refused_ += refuse(slice.timeline, [&](const TimelineRow& row) { return row.thread < threads; });
  refused_ += refuse(slice.preemptions, [&](const Preemption& row) { return row.thread < threads; });
  slice_bytes_ += bytes_of(slice);
  slices_.push_back(std::move(slice));
  while (slices_.size() > 1 && slice_bytes_ + tables_.memory_bytes() > max_bytes_) {
    slice_bytes_ -= bytes_of(slices_.front());
    slices_.pop_front();
    ++forgotten_;
  }
}

}  // namespace fanlight::profile
