// A run's live figures as Prometheus reads them.
#pragma once

#include <string>

#include "load/policy.hpp"

namespace fanlight::load {

/// Prometheus's text format, all names below fanlight_load_. Latency buckets are powers of two. Threads: any.
std::string metrics_text(const Running& running);

}  // namespace fanlight::load
