// All that a C++ program says to its profilers: labels, spans, events, counters, a sampler. One include, one namespace.
// docs/instrument.md has an example. In: what the program does. Out: see the headers below.
#pragma once

#include "collector/inprocess/inprocess.hpp"
#include "fanlight/events.h"
#include "fanlight/label.hpp"
#include "fanlight/labels.h"
#if __has_include(<sys/sdt.h>)
#include "collector/inprocess/map_op.h"  // FANLIGHT_EVENT(map_op, ...) is a static probe as well
#endif

namespace fanlight {

using inprocess::Counter;
using inprocess::Gauge;
using inprocess::Label;
using inprocess::LabelKey;
using inprocess::LabelSnapshot;
using inprocess::LabelsOf;
using inprocess::Span;
using inprocess::ThreadScope;
using inprocess::TraceScope;
using Histogram = inprocess::HistogramMetric;

/// Starts sampling: `fanlight::Sampler sampler{.hz = 99};`, once, early in main. It samples the thread that made it
/// while it lives; others make a `ThreadScope`. `error` is 0, or the errno value of `inprocess::start`.
/// Counters, gauges and histograms count from then on.
struct Sampler {
  unsigned hz = 99;
  unsigned max_threads = 64;
  const char* thread = nullptr;  // names the thread
  int error = inprocess::start({.hz = hz, .max_threads = max_threads});
  ThreadScope scope{thread};
};

}  // namespace fanlight
