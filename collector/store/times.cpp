#include "collector/store/times.hpp"

#include <algorithm>
#include <string>

#include "collector/store/row.hpp"
#include "core/units.hpp"

namespace fanlight::store {
namespace {

// A slice is a second, and what lasts this long leaves room for the sum of 16,000 threads.
constexpr std::uint64_t kLongestNs = std::uint64_t{1} << 50;

Result<> check(std::uint64_t from_ns, std::uint64_t to_ns, const std::string& what) {
  if (to_ns < from_ns) return fail(0, "recording: " + what + " ends before it begins", kDamagedHint);
  if (to_ns - from_ns > kLongestNs) {
    return fail(0, "recording: " + what + " lasts " + format_ns(static_cast<double>(to_ns - from_ns)), kDamagedHint);
  }
  return {};
}

/// What else is a time within one slice, of one thing.
Result<> check_amounts(const profile::Slice& slice, const std::string& where) {
  std::uint64_t longest = std::max(
      {slice.cost.cpu_ns, slice.machine.interrupts_ns, slice.machine.soft_interrupts_ns, slice.machine.stolen_ns});
  const auto note = [&](std::uint64_t ns) { longest = std::max(longest, ns); };
  for (const kernel::ProgramCost& program : slice.cost.programs) note(program.run_ns);
  for (const profile::Preemption& preemption : slice.preemptions) note(preemption.ns);
  for (const profile::Lock& lock : slice.locks) note(lock.wait_ns);
  for (const kernel::MapReading& map : slice.maps) note(map.total_ns);
  for (const kernel::ConnectionReading& one : slice.connections) note(std::max(one.watched_ns, one.stalled_ns));
  for (const kernel::RegistryReading& registry : slice.registries) note(std::max(registry.wait_ns, registry.hold_ns));
  for (const profile::LabelTime& time : slice.label_times) note(std::ranges::max(time.ns));
  return check(0, longest, "something in " + where);
}

/// What exceeded the life of `thread` and was cut.
std::uint64_t cut(profile::ThreadSlice& thread) {
  const std::uint64_t life = thread.to_ns - thread.from_ns;
  // Readings of a thread's states and of its life may lie this far apart.
  std::uint64_t left = life + life / 100 + 1'000'000;
  std::uint64_t gone = 0;
  for (std::uint64_t& ns : thread.ns) {
    const std::uint64_t kept = std::min(ns, left);
    gone += std::min(ns - kept, ~std::uint64_t{0} - gone);
    ns = kept;
    left -= kept;
  }
  return gone;
}

/// What a connection did for longer than it was watched, cut.
std::uint64_t cut(kernel::ConnectionReading& connection) {
  std::uint64_t gone = 0;
  for (std::uint64_t* ns : {&connection.busy_ns, &connection.peer_limited_ns, &connection.buffer_limited_ns}) {
    gone = std::max(gone, *ns - std::min(*ns, connection.watched_ns));
    *ns = std::min(*ns, connection.watched_ns);
  }
  return gone;
}

void tell(profile::Slice& slice, std::uint64_t times, const std::string& what, std::uint64_t gone) {
  if (times == 0) return;
  slice.events.push_back({slice.to_ns, "the file is damaged: " + std::to_string(times) + " times " + what + ", by " +
                                           format_ns(static_cast<double>(gone)) + " in all, which were left out"});
}

}  // namespace

Result<> bound_times(std::vector<profile::Slice>& slices) {
  std::uint64_t threads = 0;
  std::uint64_t threads_ns = 0;
  std::uint64_t connections = 0;
  std::uint64_t connections_ns = 0;
  const auto count = [](std::uint64_t one, std::uint64_t& times, std::uint64_t& all) {
    if (one > 0) ++times;
    all += std::min(one, ~std::uint64_t{0} - all);
  };
  for (std::size_t i = 0; i < slices.size(); ++i) {
    const std::string slice = "slice " + std::to_string(i);
    if (auto fine = check(slices[i].from_ns, slices[i].to_ns, slice); !fine) return fine;
    if (auto fine = check_amounts(slices[i], slice); !fine) return fine;
    for (profile::ThreadSlice& thread : slices[i].threads) {
      if (auto fine = check(thread.from_ns, thread.to_ns, "a thread's life in " + slice); !fine) return fine;
      count(cut(thread), threads, threads_ns);
    }
    for (kernel::ConnectionReading& connection : slices[i].connections)
      count(cut(connection), connections, connections_ns);
  }
  if (slices.empty()) return {};
  tell(slices.back(), threads, "a thread's states exceeded its life in a slice", threads_ns);
  tell(slices.back(), connections, "a connection was busy for longer than it was watched", connections_ns);
  return {};
}

}  // namespace fanlight::store
