#include "collector/kernel/tables.hpp"

#include <bpf/libbpf.h>
#include <linux/bpf.h>

#include <algorithm>
#include <cstring>
#include <span>

#include "bpf/events.h"

namespace fanlight::kernel {
namespace {

template <class Key, class Value, class Use>
void for_each_row(const bpf_map* table, const Use& use) {
  Key key;
  Key next;
  const Key* previous = nullptr;
  // During a walk rows are only ever added; still a bound, since a row that goes would restart it.
  for (std::uint32_t rows = 0; rows < bpf_map__max_entries(table); ++rows) {
    if (bpf_map__get_next_key(table, previous, &next, sizeof next) != 0) return;
    key = next;
    previous = &key;
    Value value;
    if (bpf_map__lookup_elem(table, &key, sizeof key, &value, sizeof value, 0) == 0) use(key, value);
  }
}

template <std::size_t N>
std::string text_of(const char (&bytes)[N]) {
  return std::string(bytes, strnlen(bytes, N));
}

}  // namespace

std::string map_type_name(std::uint32_t type) {
  const char* name = libbpf_bpf_map_type_str(static_cast<bpf_map_type>(type));
  return name != nullptr ? name : "type " + std::to_string(type);
}

std::string map_operation_name(std::uint32_t command) {
  switch (command) {
    case BPF_MAP_LOOKUP_ELEM: return "lookup";
    case BPF_MAP_UPDATE_ELEM: return "update";
    case BPF_MAP_DELETE_ELEM: return "delete";
    case BPF_MAP_GET_NEXT_KEY: return "next_key";
    case BPF_MAP_LOOKUP_AND_DELETE_ELEM: return "lookup_and_delete";
    case BPF_MAP_LOOKUP_BATCH: return "lookup_batch";
    case BPF_MAP_LOOKUP_AND_DELETE_BATCH: return "lookup_and_delete_batch";
    case BPF_MAP_UPDATE_BATCH: return "update_batch";
    case BPF_MAP_DELETE_BATCH: return "delete_batch";
    default: return "command " + std::to_string(command);
  }
}

std::string registry_operation_name(std::uint32_t operation) {
  switch (operation) {
    case 0: return "insert";
    case 1: return "remove";
    case 2: return "lookup";
    case 3: return "iterate";
    default: return "operation " + std::to_string(operation);
  }
}

std::vector<MapReading> read_operations(const bpf_map* table) {
  std::vector<MapReading> readings;
  for_each_row<fanlight_map_key, fanlight_map_count>(table, [&](const auto& key, const auto& counts) {
    MapReading reading;
    reading.map_id = key.map_id;
    reading.map_name = text_of(counts.name);
    reading.map_type = key.map_id == 0 ? "" : map_type_name(counts.type);
    reading.operation = map_operation_name(key.command);
    reading.count = counts.count;
    reading.errors = counts.errors;
    reading.total_ns = counts.total_ns;
    reading.latency_ns = KernelHistogram::from_counts(std::span<const __u32>(counts.latency));
    readings.push_back(std::move(reading));
  });
  return readings;
}

std::vector<RegistryReading> read_registries(const bpf_map* table) {
  std::vector<RegistryReading> readings;
  for_each_row<fanlight_registry_key, fanlight_registry_count>(table, [&](const auto& key, const auto& counts) {
    RegistryReading reading;
    reading.registry = text_of(key.registry);
    reading.shard = key.shard;
    reading.operation = registry_operation_name(key.operation);
    reading.count = counts.count;
    reading.wait_ns = counts.wait_ns;
    reading.hold_ns = counts.hold_ns;
    reading.wait = KernelHistogram::from_counts(std::span<const __u32>(counts.wait));
    readings.push_back(std::move(reading));
  });
  return readings;
}

std::vector<LockReading> read_locks(const bpf_map* table) {
  std::vector<LockReading> readings;
  for_each_row<std::uint64_t, fanlight_lock>(table, [&](std::uint64_t address, const fanlight_lock& lock) {
    readings.push_back({.address = address,
                        .command = lock.command,
                        .holder = static_cast<pid_t>(lock.holder),
                        .waits = lock.waits,
                        .wait_ns = lock.wait_ns,
                        .wait = KernelHistogram::from_counts(std::span<const __u32>(lock.wait))});
  });
  return readings;
}

std::string signal_name(std::uint32_t number) {
  // The C library keeps the first two real-time signals for itself.
  constexpr std::uint32_t kFirstRealTime = 34, kLastRealTime = 64;
  if (number >= kFirstRealTime && number <= kLastRealTime) return "SIGRTMIN+" + std::to_string(number - kFirstRealTime);
  const char* const name = ::sigabbrev_np(static_cast<int>(number));
  return name == nullptr ? "signal " + std::to_string(number) : std::string("SIG") + name;
}

std::vector<MetricReading> read_signals(const bpf_map* table) {
  std::vector<MetricReading> readings;
  for_each_row<fanlight_signal, std::uint64_t>(table, [&](const fanlight_signal& signal, std::uint64_t count) {
    std::string name = "kernel_signal_" + signal_name(signal.number);
    switch (signal.what) {
      case FANLIGHT_SIGNAL_DELIVERED: name += "_delivered"; break;
      case FANLIGHT_SIGNAL_BY_ITSELF: name += "_from_itself"; break;
      case FANLIGHT_SIGNAL_BY_KERNEL: name += "_from_kernel"; break;
      default: name += "_from_" + text_of(signal.name) + "(" + std::to_string(signal.sender) + ")"; break;
    }
    readings.push_back({std::move(name), MetricReading::Kind::counter, static_cast<double>(count), {}});
  });
  return readings;
}

std::vector<LabelSetRow> read_label_sets(const bpf_map* table) {
  std::vector<LabelSetRow> rows;
  for_each_row<fanlight_label_set, __u32>(table, [&](const fanlight_label_set& set, __u32 number) {
    const auto bytes = std::as_bytes(std::span(set.attributes)).first(std::min(set.bytes, FANLIGHT_LABEL_BYTES));
    rows.push_back({number, {bytes.begin(), bytes.end()}});
  });
  return rows;
}

std::vector<PreemptionReading> read_preemptions(const bpf_map* table) {
  std::vector<PreemptionReading> readings;
  for_each_row<fanlight_preemption_key, fanlight_preemption>(table, [&](const auto& key, const auto& counts) {
    readings.push_back(
        {.tid = static_cast<pid_t>(key.tid), .by = text_of(key.by), .count = counts.count, .ns = counts.ns});
  });
  return readings;
}

std::vector<MapState> decode_map_states(std::span<const std::byte> pass) {
  std::vector<MapState> states;
  for (; pass.size() >= sizeof(fanlight_map_state); pass = pass.subspan(sizeof(fanlight_map_state))) {
    fanlight_map_state raw;
    std::memcpy(&raw, pass.data(), sizeof raw);
    states.push_back({.map_id = raw.map_id,
                      .name = text_of(raw.name),
                      .type = map_type_name(raw.type),
                      .max_entries = raw.max_entries,
                      .entries = raw.entries == ~__u64{0} ? std::nullopt : std::optional<std::uint64_t>(raw.entries)});
  }
  return states;
}

std::vector<SocketErrorRow> read_socket_errors(const bpf_map* table) {
  std::vector<SocketErrorRow> rows;
  for_each_row<fanlight_socket_error, std::uint64_t>(table, [&](const auto& key, std::uint64_t count) {
    if (key.number >= 1 && key.number <= kMaxErrno) rows.push_back({key, count});
  });
  return rows;
}

void forget_socket_error(const bpf_map* table, const fanlight_socket_error& key) {
  bpf_map__delete_elem(table, &key, sizeof key, 0);
}

}  // namespace fanlight::kernel
