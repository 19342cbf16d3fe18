// TCP of the target as a whole. In: the kernel programs' counters, the connections. Out: metrics with names.
#pragma once

#include <span>
#include <vector>

#include "bpf/events.h"
#include "collector/kernel/reading.hpp"

namespace fanlight::kernel {

/// Counters since attach:
///   kernel_tcp_connects, _connects_failed, _accepts, _closes; _retransmits (segments of connections that stand),
///   _syn_retransmits, _synack_retransmits; _resets_sent, _resets_received; _writes_timed (writes that were waited for
///   until they were acknowledged).
/// Histograms, ns: kernel_tcp_connect (SYN to established), _handshake (a listener's SYN-ACK to its acknowledgement),
///   _write (the call), _write_acknowledged (from the beginning of a write until the peer has acknowledged all of it).
/// Gauges: kernel_tcp_connections, _queued_bytes, _slow_clients.
/// Those that are 0 throughout are left out, but for the gauges.
std::vector<MetricReading> network_metrics(const fanlight_network& network,
                                           std::span<const ConnectionReading> connections);

}  // namespace fanlight::kernel
