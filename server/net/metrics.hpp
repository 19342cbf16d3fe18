// The server's numbers. In: readings of all workers. Out: text for Prometheus, JSON for people.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "server/hub/hub.hpp"
#include "server/hub/reading.hpp"
#include "server/net/desk.hpp"

namespace fanlight::server::net {

/// The whole server at about one instant; each worker's part is exact in itself.
struct Reading {
  hub::PublishReading published;
  hub::WorkerReading workers;  // summed
  DeskReading desks;           // summed
  hub::RegistryReading registry;
  hub::DispatchReading dispatch;
  memory::PoolReading frames;
  std::uint64_t publishes_last_second = 0;
  std::size_t topics = 0;  // with subscribers
  std::size_t topics_remembered = 0;
  std::optional<SnapshotReading> snapshots;  // nothing: there is no origin

  /// Deliveries that publishers have asked for and no worker has taken up yet.
  std::uint64_t waiting() const;
};

/// Names begin with fanlight_server_; seconds and bytes. Every delivery is in exactly one of delivered, dropped and
/// queued, which add up to offered. Source: prometheus.io/docs/instrumenting/exposition_formats, text format 0.0.4.
std::string metrics_text(const Reading& reading);

/// One worker as `/admin` shows it.
struct WorkerOutline {
  unsigned index = 0;
  hub::WorkerReading reading;
  std::vector<hub::Worker::Outline> outboxes;  // the fullest
};

/// Workers, topics, shards, outboxes, slots.
std::string admin_json(const Reading& reading, const std::vector<WorkerOutline>& workers, hub::Hub& hub);

}  // namespace fanlight::server::net
