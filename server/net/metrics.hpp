// The server's numbers for Prometheus. In: readings of all workers. Out: text in its exposition format.
#pragma once

#include <string>

#include "server/hub/hub.hpp"
#include "server/hub/mutex_registry.hpp"
#include "server/hub/reading.hpp"
#include "server/net/desk.hpp"

namespace fanlight::server::net {

/// The whole server at about one instant; each worker's part is exact in itself.
struct Reading {
  hub::PublishReading published;
  hub::WorkerReading workers;  // summed
  DeskReading desks;           // summed
  hub::RegistryReading registry;
};

/// Names begin with fanlight_server_; seconds and bytes. Every delivery is in exactly one of delivered, dropped and
/// queued, which add up to offered. Source: prometheus.io/docs/instrumenting/exposition_formats, text format 0.0.4.
std::string metrics_text(const Reading& reading);

}  // namespace fanlight::server::net
