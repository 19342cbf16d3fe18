#include <algorithm>
#include <string>

#include "collector/wire/message.hpp"
#include "collector/wire/wire.hpp"

namespace fanlight::wire {
namespace {

// One bucket more than the largest 64-bit value needs.
constexpr int kMaxBuckets = static_cast<int>(fanlight_bucket(~0ull, KernelHistogram::kBits)) + 1;

/// Reads fields one after the other; the first that names nothing is remembered and ends the decoding.
class Reader {
 public:
  const std::string& problem() const { return problem_; }

  /// `number` when it is below `bound`, else 0 and a problem.
  std::uint32_t below(std::uint64_t number, std::uint64_t bound, const char* what) {
    if (number < bound) return static_cast<std::uint32_t>(number);
    if (problem_.empty()) problem_ = std::string(what) + " " + std::to_string(number) + " is unknown";
    return 0;
  }

  KernelHistogram histogram(const proto::Histogram& message) {
    if (message.counts_size() > kMaxBuckets) {
      below(static_cast<std::uint64_t>(message.counts_size()), kMaxBuckets + 1, "histogram bucket");
      return {};
    }
    return KernelHistogram::from_counts(
        std::span<const std::uint64_t>(message.counts().data(), static_cast<std::size_t>(message.counts_size())));
  }

  template <class Message>
  PerReason reasons(const Message& message) {
    PerReason ns{};
    if (message.ns_size() > static_cast<int>(kReasons)) {
      below(static_cast<std::uint64_t>(message.ns_size()) - 1, kReasons, "reason");
      return ns;
    }
    std::copy(message.ns().begin(), message.ns().end(), ns.begin());
    return ns;
  }

  profile::Metric metric(const proto::Metric& message) {
    return {message.name(), static_cast<profile::Metric::Kind>(below(message.kind(), 3, "metric kind")),
            message.value(), histogram(message.histogram())};
  }

  kernel::SocketCounts socket(const proto::Socket& message) {
    kernel::SocketCounts counts{message.writes(), message.bytes_written(), message.would_block(), message.errors(), {}};
    for (const auto& one : message.by_errno()) {
      // 0 is no errno, so then nothing is below the bound.
      const std::uint64_t bound = one.number() == 0 ? 0 : kernel::kMaxErrno + 1;
      const auto number = static_cast<int>(below(one.number(), bound, "errno"));
      if (number == 0) return counts;
      counts.by_errno[number] += one.count();
    }
    return counts;
  }

 private:
  std::string problem_;
};

profile::Target target_from(const proto::Target& message) {
  profile::Target target{.pid = message.pid(),
                         .name = message.name(),
                         .executable = message.executable(),
                         .kernel = message.kernel(),
                         .host = message.host(),
                         .sample_hz = message.sample_hz()};
  if (!message.weight_unit().empty()) target.weight_unit = message.weight_unit();
  for (const auto& form : message.forms()) target.forms.push_back({form.probe(), form.form(), form.why()});
  return target;
}

profile::Thread thread_from(Reader& reader, const proto::Thread& message) {
  return {.tid = message.tid(),
          .pid = message.pid(),
          .name = message.name(),
          .from_ns = message.from_ns(),
          .to_ns = message.to_ns(),
          .ended = message.ended(),
          .ns = reader.reasons(message),
          .switches_voluntary = message.switches_voluntary(),
          .switches_preempted = message.switches_preempted(),
          .migrations = message.migrations(),
          .wakeups = message.wakeups(),
          .run_queue_ns = reader.histogram(message.run_queue_ns()),
          .socket = reader.socket(message.socket())};
}

void read_code(Reader& reader, const proto::Profile& message, profile::Profile& profile) {
  for (const auto& frame : message.frames()) {
    const auto module = reader.below(frame.module(), static_cast<std::uint64_t>(message.modules_size()), "module");
    if (!reader.problem().empty()) return;
    profile.frames.push_back({static_cast<profile::FrameOrigin>(reader.below(frame.origin(), 3, "frame origin")),
                              message.modules(static_cast<int>(module)),
                              frame.offset(),
                              frame.name(),
                              frame.file(),
                              frame.line(),
                              {}});
    for (const auto& call : frame.inlined()) {
      profile.frames.back().inlined.push_back({call.name(), call.file(), call.line()});
    }
  }
  for (const auto& module : message.build_ids()) profile.modules.push_back({module.module(), module.build_id()});
  // A feed without labels has the empty set all the same.
  if (message.labels_size() > 0) profile.labels.clear();
  for (const auto& labels : message.labels()) {
    profile.labels.emplace_back();
    for (const auto& label : labels.labels()) profile.labels.back().emplace_back(label.key(), label.value());
  }
  for (const auto& stack : message.stacks()) {
    for (const auto frame : stack.frames()) reader.below(frame, profile.frames.size(), "frame");
    profile.stacks.emplace_back(stack.frames().begin(), stack.frames().end());
    profile.found.emplace_back();
    for (const char how : stack.found()) {
      profile.found.back().push_back(
          static_cast<FrameFound>(reader.below(static_cast<unsigned char>(how), kFrameFounds, "way to find a frame")));
    }
  }
  for (const auto& row : message.samples()) {
    profile.samples.push_back({static_cast<Sampler>(reader.below(row.sampler(), kSamplers, "sampler")),
                               static_cast<Reason>(reader.below(row.reason(), kReasons, "reason")),
                               reader.below(row.thread(), static_cast<std::uint64_t>(message.threads_size()), "thread"),
                               reader.below(row.stack(), profile.stacks.size(), "stack"), row.weight(), row.count(),
                               reader.below(row.labels(), profile.labels.size(), "label set"), row.time_ns()});
  }
}

void read_label_times(Reader& reader, const proto::Profile& message, profile::Profile& profile) {
  for (const auto& time : message.label_times()) {
    profile.label_times.push_back({reader.below(time.thread(), profile.threads.size(), "thread"),
                                   reader.below(time.labels(), profile.labels.size(), "label set"),
                                   reader.reasons(time)});
  }
}

void read_operations(Reader& reader, const proto::Profile& message, profile::Profile& profile) {
  profile.machine = {message.machine().interrupts_ns(), message.machine().soft_interrupts_ns(),
                     message.machine().stolen_ns()};
  const auto threads = static_cast<std::uint64_t>(message.threads_size());
  for (const auto& row : message.preemptions())
    profile.preemptions.push_back({reader.below(row.thread(), threads, "thread"), row.by(), row.count(), row.ns()});
  for (const auto& row : message.timeline()) {
    profile.timeline.push_back(
        {row.time_ns(), reader.below(row.thread(), threads, "thread"),
         static_cast<kernel::TimelineReading::Kind>(reader.below(row.kind(), FANLIGHT_TIMELINE_END + 1, "kind")),
         static_cast<Reason>(reader.below(row.reason(), kReasons, "reason")),
         static_cast<std::uint16_t>(reader.below(row.cpu(), std::uint64_t{1} << 16, "CPU")), row.waker()});
  }
  for (const auto& lock : message.locks()) {
    profile.locks.push_back(
        {lock.address(), lock.name(), lock.holder(), lock.waits(), lock.wait_ns(), reader.histogram(lock.wait())});
  }
  for (const auto& map : message.maps()) {
    profile.maps.push_back({map.map_id(), map.map_name(), map.map_type(), map.operation(), map.count(), map.errors(),
                            map.total_ns(), reader.histogram(map.latency_ns())});
  }
  for (const auto& row : message.registries()) {
    profile.registries.push_back({row.registry(), row.shard(), row.operation(), row.count(), row.wait_ns(),
                                  row.hold_ns(), reader.histogram(row.wait())});
  }
  for (const auto& metric : message.metrics()) profile.metrics.push_back(reader.metric(metric));
}

void read_states(const proto::Profile& message, profile::Profile& profile) {
  for (const auto& map : message.map_states()) {
    profile.map_states.push_back({map.map_id(), map.name(), map.type(), map.max_entries(),
                                  map.has_entries() ? std::optional(map.entries()) : std::nullopt});
  }
  for (const auto& one : message.connections()) {
    profile.connections.push_back({one.id(), one.local(), one.peer(), one.state(), one.watched_ns(), one.sent_bytes(),
                                   one.acknowledged_bytes(), one.received_bytes(), one.retransmits(), one.busy_ns(),
                                   one.peer_limited_ns(), one.buffer_limited_ns(), one.queued_bytes(),
                                   one.most_queued_bytes(), one.unsent_bytes(), one.unread_bytes(), one.stalled_ns(),
                                   one.rtt_ns(), one.rtt_deviation_ns()});
  }
}

profile::SecondPoint second_from(Reader& reader, const proto::Second& message) {
  profile::SecondPoint second{.from_ns = message.from_ns(),
                              .to_ns = message.to_ns(),
                              .ns = reader.reasons(message),
                              .samples = message.samples(),
                              .socket = reader.socket(message.socket()),
                              .dropped = message.dropped(),
                              .run_queue_ns = reader.histogram(message.run_queue_ns())};
  for (const auto& metric : message.metrics()) second.metrics.push_back(reader.metric(metric));
  return second;
}

void read_points(Reader& reader, const proto::Profile& message, profile::Profile& profile) {
  constexpr int kNumbers = 5;
  const auto& numbers = message.thread_points();
  reader.below(static_cast<std::uint64_t>(numbers.size() % kNumbers), 1, "rest of a thread's second");
  for (int i = 0; i + kNumbers <= numbers.size(); i += kNumbers) {
    profile.thread_points.push_back({reader.below(numbers[i], profile.threads.size(), "thread"),
                                     reader.below(numbers[i + 1], profile.seconds.size(), "second"),
                                     static_cast<Reason>(reader.below(numbers[i + 2], kReasons, "reason")),
                                     numbers[i + 3], numbers[i + 4]});
  }
}

LedgerEntry entry_from(const proto::LedgerEntry& message) {
  LedgerEntry entry{.source = message.source(), .produced = message.produced(), .delivered = message.delivered()};
  for (const auto& cause : message.dropped()) entry.dropped[cause.cause()] += cause.count();
  for (const auto& cause : message.missed()) entry.missed[cause.cause()] += cause.count();
  return entry;
}

}  // namespace

Result<profile::Profile> profile_from(const proto::Profile& message) {
  if (message.version() != kVersion) {
    return fail(0,
                "live feed of version " + std::to_string(message.version()) + ", this program speaks " +
                    std::to_string(kVersion),
                "run the same release of fanlight on both ends");
  }
  Reader reader;
  profile::Profile profile{.target = target_from(message.target()),
                           .from_ns = message.from_ns(),
                           .to_ns = message.to_ns(),
                           .realtime_offset_ns = message.realtime_offset_ns()};
  for (const auto& thread : message.threads()) profile.threads.push_back(thread_from(reader, thread));
  read_code(reader, message, profile);
  read_label_times(reader, message, profile);
  read_operations(reader, message, profile);
  read_states(message, profile);
  for (const auto& event : message.events()) {
    profile.events.push_back({event.time_ns(), event.text(),
                              static_cast<profile::Event::Kind>(reader.below(event.kind(), 2, "event kind"))});
  }
  for (const auto& second : message.seconds()) profile.seconds.push_back(second_from(reader, second));
  read_points(reader, message, profile);
  for (const auto& entry : message.ledger()) profile.ledger.push_back(entry_from(entry));
  profile.cost.cpu_ns = message.cost().cpu_ns();
  profile.cost.resident_bytes = message.cost().resident_bytes();
  for (const auto& program : message.cost().programs()) {
    profile.cost.programs.push_back({program.name(), program.runs(), program.run_ns()});
  }
  if (!reader.problem().empty()) return fail(0, "profile from the live feed: " + reader.problem());
  return profile;
}

}  // namespace fanlight::wire
