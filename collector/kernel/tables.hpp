// What the kernel counts in hash tables. In: BPF maps. Out: readings with names for people.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "bpf/events.h"
#include "collector/kernel/reading.hpp"

struct bpf_map;

namespace fanlight::kernel {

/// As in bpf(2): "hash", "lru_percpu_hash"; "type 99" for one that is newer than this program.
std::string map_type_name(std::uint32_t type);
/// "lookup", "update", "delete", "next_key", ...; "command 99" for any other.
std::string map_operation_name(std::uint32_t command);
/// "insert", "remove", "lookup", "iterate"; "operation 9" for any other.
std::string registry_operation_name(std::uint32_t operation);

/// Every row of the table of bpf(2) operations. Cost: two system calls per row.
std::vector<MapReading> read_operations(const bpf_map* table);
/// Every row of the table of registry operations. Cost: two system calls per row.
std::vector<RegistryReading> read_registries(const bpf_map* table);

/// Every row of the table of futex waits. Cost: two system calls per row.
std::vector<LockReading> read_locks(const bpf_map* table);

/// "SIGUSR1", "SIGRTMIN+2"; "signal 99" for any other.
std::string signal_name(std::uint32_t number);
/// Counters, by signal: kernel_signal_SIGUSR1_delivered, _from_itself, _from_kernel (timers, faults), _from_NAME(PID).
/// Cost: two system calls per row.
std::vector<MetricReading> read_signals(const bpf_map* table);
/// What the iterator over BPF maps has written. A record that is cut off is left out.
std::vector<MapState> decode_map_states(std::span<const std::byte> pass);

struct LabelSetRow {
  std::uint32_t number = 0;
  std::vector<std::byte> attributes;
};
/// Every set of labels that the kernel has seen. Cost: two system calls per row.
std::vector<LabelSetRow> read_label_sets(const bpf_map* table);
/// Every row of the table of preemptions. Cost: two system calls per row.
std::vector<PreemptionReading> read_preemptions(const bpf_map* table);

struct SocketErrorRow {
  fanlight_socket_error key;
  std::uint64_t count = 0;
};

/// Every row of the table of failed socket writes, but none with a number that is no errno. Cost: two system calls per
/// row.
std::vector<SocketErrorRow> read_socket_errors(const bpf_map* table);
/// Takes out a row whose thread counts no more; nothing happens when it is gone. Cost: one system call.
void forget_socket_error(const bpf_map* table, const fanlight_socket_error& key);

}  // namespace fanlight::kernel
