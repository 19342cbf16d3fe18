#include "load/report.hpp"

#include <algorithm>

#include "core/units.hpp"

namespace fanlight::load {
namespace {

constexpr double kBusy = 0.9;                 // of a core, above which a thread no longer keeps up
constexpr std::uint64_t kSlipNs = 1'000'000;  // at p99
constexpr std::uint64_t kClockNs = 100'000;
constexpr std::uint64_t kWaitNs = 10'000'000;  // at p99

std::string duration(std::uint64_t ns) { return format_ns(static_cast<double>(ns)); }

/// Messages of a phase, summed over subscribers that came and left.
std::uint64_t per_subscriber(const Tally& tally, std::size_t phase, std::uint64_t messages) {
  const std::uint64_t stayed = tally.established - std::min(tally.left, tally.established);
  const std::uint64_t until = phase < tally.phases.size() ? tally.phases[phase].until_leaving : 0;
  const std::uint64_t before = phase < tally.phases.size() ? tally.phases[phase].before_joining : 0;
  const std::uint64_t sum = stayed * messages + until;
  return sum - std::min(sum, before);
}

std::uint64_t received(const Tally& tally, std::size_t phase) {
  return phase < tally.phases.size() ? tally.phases[phase].received : 0;
}

}  // namespace

double Report::delivered_per_second(const Tally& tally) const {
  const std::uint64_t end_ns = std::max(published.end_ns, tally.last_received_ns);
  if (end_ns <= published.begin_ns) return 0;
  return static_cast<double>(tally.received) * 1e9 / static_cast<double>(end_ns - published.begin_ns);
}

std::uint64_t Report::expected(const Tally& tally, std::size_t phase) const {
  if (plan.publishers == 0) return received(tally, phase);
  return per_subscriber(tally, phase, published.phases[phase].outcomes.accepted);
}

std::uint64_t Report::expected(const Tally& tally) const {
  if (plan.publishers == 0) return tally.received;
  std::uint64_t sum = 0;
  for (std::size_t phase = 0; phase < published.phases.size(); ++phase) sum += expected(tally, phase);
  return sum;
}

std::uint64_t Report::lost(const Tally& tally) const {
  const std::uint64_t due = expected(tally);
  return due > tally.received ? due - tally.received : 0;
}

std::uint64_t Report::misses(const Tally& tally, std::size_t phase) const {
  if (plan.publishers == 0) return 0;
  const std::uint64_t owed = per_subscriber(tally, phase, published.phases[phase].outcomes.owed());
  return owed - std::min(owed, received(tally, phase));
}

std::uint64_t Report::misses(const Tally& tally) const {
  std::uint64_t sum = 0;
  for (std::size_t phase = 0; phase < published.phases.size(); ++phase) sum += misses(tally, phase);
  return sum;
}

bool Report::nobody_left() const {
  const Tally all = total();
  return all.established > all.left && all.standing == 0;
}

std::optional<double> Report::accepted_per_second(const Tally& tally) const {
  if (tally.connecting_to_ns <= tally.connecting_from_ns || tally.established <= tally.joined_late) return std::nullopt;
  return static_cast<double>(tally.established - tally.joined_late) * 1e9 /
         static_cast<double>(tally.connecting_to_ns - tally.connecting_from_ns);
}

Tally Report::of(Protocol protocol) const {
  Tally sum;
  for (const GroupReport& group : groups)
    if (group.group.protocol == protocol && !group.group.profile.faulty()) sum.merge(group.tally);
  return sum;
}

bool Report::has(Protocol protocol) const {
  return std::any_of(groups.begin(), groups.end(), [protocol](const GroupReport& group) {
    return group.group.protocol == protocol && !group.group.profile.faulty();
  });
}

Tally Report::total() const {
  Tally sum;
  for (const GroupReport& group : groups)
    if (!group.group.profile.faulty()) sum.merge(group.tally);
  return sum;
}

std::string label_of(const Group& group) {
  std::string label(name_of(group.protocol));
  if (group.profile.name != "plain") label += ":" + group.profile.name;
  return label;
}

std::vector<std::string> Report::warnings() const {
  std::vector<std::string> found;
  for (const TesterThread& thread : tester)
    if (thread.cpu_share > kBusy)
      found.push_back("the tester was the bottleneck: its thread '" + thread.name + "' used " +
                      format_share(thread.cpu_share, 1) +
                      " of a core, so latencies contain its own queue; use --threads or --workers, or a lower load");
  const std::uint64_t slip = published.slip.percentile(0.99);
  // A slip that is small beside what was measured changes no conclusion.
  if (slip > kSlipNs && slip > total().latency().percentile(0.99) / 10)
    found.push_back("the tester fell behind its schedule: 1 % of messages left " + duration(slip) +
                    " or more late although a connection was free; the machine is too busy");
  // Not `wait`, which contains the slip: more publishers cure no late tester.
  if (const std::uint64_t queued = published.queued.percentile(0.99); queued > kWaitNs)
    found.push_back("1 % of messages waited " + duration(queued) +
                    " or more for a free publisher, which is in their latency; use more --publishers to take it out");
  if (const std::uint64_t open = published.failed + published.unanswered; open > 0)
    found.push_back(std::to_string(open) +
                    " messages have no known outcome: where they were delivered after all, each hides one lost"
                    " message per subscriber");
  for (const HostReport& host : hosts)
    if (host.clock_error_ns > kClockNs && host.clock_error_ns > total().latency().percentile(0.5) / 10)
      found.push_back("the clock of host " + host.address + " is known to " + duration(host.clock_error_ns) +
                      " only, which may be in its latencies; a quicker network to the coordinator would help");
  if (plan.closed_loop)
    found.push_back(
        "closed loop: messages that a slow server kept from being sent are in no figure; latencies are too"
        " good by that much");
  return found;
}

}  // namespace fanlight::load
