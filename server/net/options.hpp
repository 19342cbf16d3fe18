// What the server is told at its start. In: the command line and the file of settings. Out: values with their defaults.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "server/codec/envelope.hpp"
#include "server/hub/designs.hpp"
#include "server/hub/inbox.hpp"
#include "server/hub/policy.hpp"
#include "server/hub/send_ring.hpp"
#include "server/limits/access.hpp"
#include "server/limits/addresses.hpp"
#include "server/net/origin.hpp"
#include "server/net/snapshots.hpp"

namespace fanlight::server::net {

/// Which worker a new connection goes to.
enum class Affinity : std::uint8_t {
  none,     // in turn
  address,  // by its client's address: the slot table says where
};
inline constexpr std::array<std::string_view, 2> kAffinityNames = {"none", "address"};

/// A slot of the table from addresses to workers that is not dealt out in turn.
struct SlotOwner {
  std::size_t slot = 0;
  unsigned worker = 0;
};

/// What SIGHUP reads anew.
struct Limits {
  limits::AddressLimits address;
  limits::AccessOptions access;
  std::chrono::seconds heartbeat{15};    // silence before a comment or a ping
  std::chrono::seconds pong_window{10};  // for the answer to a ping
  double reconnect_surge = 500;          // connections per second from which clients are told to wait longer
  std::vector<SlotOwner> slot_owners;    // the other slots are dealt out in turn
};

/// One per CPU.
inline unsigned default_workers() { return std::max(std::thread::hardware_concurrency(), 1u); }

struct Options {
  std::string address = "127.0.0.1";
  std::uint16_t port = 8080;                 // 0: the system chooses
  unsigned workers = 0;                      // 0: one per CPU
  std::size_t outbox_frames = 256;           // per subscriber, three at least
  std::size_t max_connections = 10'000;      // of all kinds
  std::size_t max_topics = 65'536;           // with subscribers, at one time
  std::size_t max_body_bytes = 1u << 20;     // of a published message
  std::chrono::seconds heartbeat{15};        // silence before a comment or a ping
  std::chrono::seconds request_deadline{5};  // for a request to arrive, and for its answer to leave
  std::chrono::seconds idle_deadline{60};    // between the requests of a kept connection
  std::chrono::milliseconds drain{5000};     // for what is queued to leave when the server stops
  std::chrono::seconds pong_window{10};      // for the answer to a ping

  std::size_t outbox_bytes = 8u << 20;   // per subscriber
  std::chrono::milliseconds max_age{0};  // of what waits for a subscriber; 0: any
  std::size_t history_messages = 100;    // per topic, for replay; 0: none
  std::size_t history_bytes = 1u << 20;  // per topic
  hub::SlowClient slow_client = hub::SlowClient::drop_oldest;
  std::vector<hub::TopicRule> slow_rules;     // by topic
  std::size_t max_message_bytes = 64 * 1024;  // that a WebSocket client sends
  bool compress = true;                       // for clients that ask
  bool retry_advice = true;                   // "retry:" at the start of event streams
  bool echo = false;                          // /echo sends back what it gets

  const hub::Designs* designs = &hub::hot_designs();  // hold the registry and the dispatcher below
  hub::RegistryKind registry = hub::RegistryKind::per_core;
  unsigned shards = 0;  // 0: dynamic
  hub::QueueKind queue = hub::QueueKind::ring;
  std::size_t inbox_messages = 4096;
  hub::DispatchKind dispatch = hub::DispatchKind::inline_;
  codec::PayloadCodec codec = codec::PayloadCodec::raw;
  hub::SendMode send = hub::SendMode::copy;
  std::size_t flush_slice = 512;
  std::size_t slots = 16;
  Affinity affinity = Affinity::none;
  bool edge_triggered = false;
  bool pin = false;

  std::optional<Origin> origin;  // knows the state of topics; nothing: snapshots are the newest messages
  SnapshotOptions snapshots;

  std::string certificate;  // PEM files; empty: no TLS
  std::string key;

  limits::AddressLimits per_address;
  limits::AccessOptions access;
  double reconnect_surge = 500;
  std::vector<SlotOwner> slot_owners;

  Limits limits() const {
    return {.address = per_address,
            .access = access,
            .heartbeat = heartbeat,
            .pong_window = pong_window,
            .reconnect_surge = reconnect_surge,
            .slot_owners = slot_owners};
  }
};

}  // namespace fanlight::server::net
