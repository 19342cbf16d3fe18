#include <string_view>
#include <unordered_map>

#include "collector/wire/message.hpp"
#include "collector/wire/wire.hpp"

namespace fanlight::wire {
namespace {

void fill(proto::Histogram& message, const KernelHistogram& histogram) {
  const auto counts = histogram.counts();
  std::size_t used = counts.size();
  while (used > 0 && counts[used - 1] == 0) --used;
  message.mutable_counts()->Add(counts.begin(), counts.begin() + static_cast<std::ptrdiff_t>(used));
}

template <class Message>
void fill_reasons(Message& message, const PerReason& ns) {
  std::size_t used = ns.size();
  while (used > 0 && ns[used - 1] == 0) --used;
  message.mutable_ns()->Add(ns.begin(), ns.begin() + static_cast<std::ptrdiff_t>(used));
}

void fill(proto::Socket& message, const kernel::SocketCounts& socket) {
  message.set_writes(socket.writes);
  message.set_bytes_written(socket.bytes);
  message.set_would_block(socket.would_block);
  message.set_errors(socket.errors);
  for (const auto& [number, count] : socket.by_errno) {
    auto& one = *message.add_by_errno();
    one.set_number(static_cast<std::uint32_t>(number));
    one.set_count(count);
  }
}

void fill(proto::Metric& message, const profile::Metric& metric) {
  message.set_name(metric.name);
  message.set_kind(static_cast<std::uint32_t>(metric.kind));
  message.set_value(metric.value);
  if (metric.histogram.count() > 0) fill(*message.mutable_histogram(), metric.histogram);
}

void fill(proto::Target& message, const profile::Target& target) {
  message.set_pid(target.pid);
  message.set_name(target.name);
  message.set_executable(target.executable);
  message.set_kernel(target.kernel);
  message.set_host(target.host);
  message.set_sample_hz(target.sample_hz);
  message.set_weight_unit(target.weight_unit);
  for (const kernel::Form& form : target.forms) {
    auto& one = *message.add_forms();
    one.set_probe(form.probe);
    one.set_form(form.form);
    one.set_why(form.why);
  }
}

void fill(proto::Thread& message, const profile::Thread& thread) {
  message.set_tid(thread.tid);
  message.set_pid(thread.pid);
  message.set_name(thread.name);
  message.set_from_ns(thread.from_ns);
  message.set_to_ns(thread.to_ns);
  message.set_ended(thread.ended);
  fill_reasons(message, thread.ns);
  message.set_switches_voluntary(thread.switches_voluntary);
  message.set_switches_preempted(thread.switches_preempted);
  message.set_migrations(thread.migrations);
  message.set_wakeups(thread.wakeups);
  fill(*message.mutable_run_queue_ns(), thread.run_queue_ns);
  fill(*message.mutable_socket(), thread.socket);
}

void fill_code(proto::Profile& message, const profile::Profile& profile) {
  // Thousands of frames share a handful of modules.
  std::unordered_map<std::string_view, std::uint32_t> modules;
  for (const profile::Frame& frame : profile.frames) {
    const auto [found, inserted] = modules.emplace(frame.module, static_cast<std::uint32_t>(modules.size()));
    if (inserted) message.add_modules(frame.module);
    auto& one = *message.add_frames();
    one.set_origin(static_cast<std::uint32_t>(frame.origin));
    one.set_module(found->second);
    one.set_offset(frame.offset);
    one.set_name(frame.name);
    one.set_file(frame.file);
    one.set_line(frame.line);
    for (const profile::Inlined& inlined : frame.inlined) {
      auto& call = *one.add_inlined();
      call.set_name(inlined.name);
      call.set_file(inlined.file);
      call.set_line(inlined.line);
    }
  }
  for (const profile::Module& module : profile.modules) {
    auto& one = *message.add_build_ids();
    one.set_module(module.path);
    one.set_build_id(module.build_id);
  }
  for (const profile::Labels& labels : profile.labels) {
    auto& one = *message.add_labels();
    for (const auto& [key, value] : labels) {
      auto& label = *one.add_labels();
      label.set_key(key);
      label.set_value(value);
    }
  }
  for (std::size_t id = 0; id < profile.stacks.size(); ++id) {
    const profile::Stack& stack = profile.stacks[id];
    auto& one = *message.add_stacks();
    one.mutable_frames()->Add(stack.begin(), stack.end());
    if (id >= profile.found.size()) continue;
    for (const FrameFound how : profile.found[id]) one.mutable_found()->push_back(static_cast<char>(how));
  }
  for (const profile::SampleRow& row : profile.samples) {
    auto& one = *message.add_samples();
    one.set_sampler(static_cast<std::uint32_t>(row.sampler));
    one.set_reason(static_cast<std::uint32_t>(row.reason));
    one.set_thread(row.thread);
    one.set_stack(row.stack);
    one.set_weight(row.weight);
    one.set_count(row.count);
    one.set_labels(row.labels);
    one.set_time_ns(row.time_ns);
  }
}

void fill_label_times(proto::Profile& message, const profile::Profile& profile) {
  for (const profile::LabelTime& time : profile.label_times) {
    auto& one = *message.add_label_times();
    one.set_thread(time.thread);
    one.set_labels(time.labels);
    fill_reasons(one, time.ns);
  }
}

void fill_operations(proto::Profile& message, const profile::Profile& profile) {
  message.mutable_machine()->set_interrupts_ns(profile.machine.interrupts_ns);
  message.mutable_machine()->set_soft_interrupts_ns(profile.machine.soft_interrupts_ns);
  message.mutable_machine()->set_stolen_ns(profile.machine.stolen_ns);
  for (const profile::Preemption& row : profile.preemptions) {
    auto& one = *message.add_preemptions();
    one.set_thread(row.thread);
    one.set_by(row.by);
    one.set_count(row.count);
    one.set_ns(row.ns);
  }
  for (const profile::TimelineRow& row : profile.timeline) {
    auto& one = *message.add_timeline();
    one.set_time_ns(row.time_ns);
    one.set_thread(row.thread);
    one.set_kind(static_cast<std::uint32_t>(row.kind));
    one.set_reason(static_cast<std::uint32_t>(row.reason));
    one.set_cpu(row.cpu);
    one.set_waker(row.waker);
  }
  for (const profile::Lock& lock : profile.locks) {
    auto& one = *message.add_locks();
    one.set_address(lock.address);
    one.set_name(lock.name);
    one.set_holder(lock.holder);
    one.set_waits(lock.waits);
    one.set_wait_ns(lock.wait_ns);
    fill(*one.mutable_wait(), lock.wait);
  }
  for (const kernel::MapReading& map : profile.maps) {
    auto& one = *message.add_maps();
    one.set_map_id(map.map_id);
    one.set_map_name(map.map_name);
    one.set_map_type(map.map_type);
    one.set_operation(map.operation);
    one.set_count(map.count);
    one.set_errors(map.errors);
    one.set_total_ns(map.total_ns);
    fill(*one.mutable_latency_ns(), map.latency_ns);
  }
  for (const kernel::RegistryReading& registry : profile.registries) {
    auto& one = *message.add_registries();
    one.set_registry(registry.registry);
    one.set_shard(registry.shard);
    one.set_operation(registry.operation);
    one.set_count(registry.count);
    one.set_wait_ns(registry.wait_ns);
    one.set_hold_ns(registry.hold_ns);
    fill(*one.mutable_wait(), registry.wait);
  }
  for (const profile::Metric& metric : profile.metrics) fill(*message.add_metrics(), metric);
}

void fill_states(proto::Profile& message, const profile::Profile& profile) {
  for (const kernel::MapState& map : profile.map_states) {
    auto& one = *message.add_map_states();
    one.set_map_id(map.map_id);
    one.set_name(map.name);
    one.set_type(map.type);
    one.set_max_entries(map.max_entries);
    if (map.entries) one.set_entries(*map.entries);
  }
  for (const kernel::ConnectionReading& connection : profile.connections) {
    auto& one = *message.add_connections();
    one.set_id(connection.id);
    one.set_local(connection.local);
    one.set_peer(connection.peer);
    one.set_state(connection.state);
    one.set_watched_ns(connection.watched_ns);
    one.set_sent_bytes(connection.sent_bytes);
    one.set_acknowledged_bytes(connection.acknowledged_bytes);
    one.set_received_bytes(connection.received_bytes);
    one.set_retransmits(connection.retransmits);
    one.set_busy_ns(connection.busy_ns);
    one.set_peer_limited_ns(connection.peer_limited_ns);
    one.set_buffer_limited_ns(connection.buffer_limited_ns);
    one.set_queued_bytes(connection.queued_bytes);
    one.set_most_queued_bytes(connection.most_queued_bytes);
    one.set_unsent_bytes(connection.unsent_bytes);
    one.set_unread_bytes(connection.unread_bytes);
    one.set_stalled_ns(connection.stalled_ns);
    one.set_rtt_ns(connection.rtt_ns);
    one.set_rtt_deviation_ns(connection.rtt_deviation_ns);
  }
}

void fill(proto::Second& message, const profile::SecondPoint& second) {
  message.set_from_ns(second.from_ns);
  message.set_to_ns(second.to_ns);
  fill_reasons(message, second.ns);
  message.set_samples(second.samples);
  fill(*message.mutable_socket(), second.socket);
  message.set_dropped(second.dropped);
  fill(*message.mutable_run_queue_ns(), second.run_queue_ns);
  for (const profile::Metric& metric : second.metrics) fill(*message.add_metrics(), metric);
}

void fill(proto::LedgerEntry& message, const LedgerEntry& entry) {
  message.set_source(entry.source);
  message.set_produced(entry.produced);
  message.set_delivered(entry.delivered);
  for (const auto& [cause, count] : entry.dropped) {
    auto& one = *message.add_dropped();
    one.set_cause(cause);
    one.set_count(count);
  }
  for (const auto& [cause, count] : entry.missed) {
    auto& one = *message.add_missed();
    one.set_cause(cause);
    one.set_count(count);
  }
}

void fill(proto::Cost& message, const profile::OwnCost& cost) {
  message.set_cpu_ns(cost.cpu_ns);
  message.set_resident_bytes(cost.resident_bytes);
  for (const kernel::ProgramCost& program : cost.programs) {
    auto& one = *message.add_programs();
    one.set_name(program.name);
    one.set_runs(program.runs);
    one.set_run_ns(program.run_ns);
  }
}

}  // namespace

void fill(proto::Profile& message, const profile::Profile& profile) {
  message.set_version(kVersion);
  fill(*message.mutable_target(), profile.target);
  message.set_from_ns(profile.from_ns);
  message.set_to_ns(profile.to_ns);
  message.set_realtime_offset_ns(profile.realtime_offset_ns);
  fill_code(message, profile);
  for (const profile::Thread& thread : profile.threads) fill(*message.add_threads(), thread);
  fill_label_times(message, profile);
  fill_operations(message, profile);
  fill_states(message, profile);
  for (const profile::Event& event : profile.events) {
    auto& one = *message.add_events();
    one.set_time_ns(event.time_ns);
    one.set_text(event.text);
    one.set_kind(static_cast<std::uint32_t>(event.kind));
  }
  for (const profile::SecondPoint& second : profile.seconds) fill(*message.add_seconds(), second);
  for (const profile::ThreadPoint& point : profile.thread_points) {
    for (const std::uint64_t number : {std::uint64_t{point.thread}, std::uint64_t{point.second},
                                       static_cast<std::uint64_t>(point.reason), point.ns, point.kernel_ns})
      message.add_thread_points(number);
  }
  for (const LedgerEntry& entry : profile.ledger) fill(*message.add_ledger(), entry);
  fill(*message.mutable_cost(), profile.cost);
}

}  // namespace fanlight::wire
