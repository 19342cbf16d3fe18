// The headers for C, on the classes for C++.
#include <new>

#include "collector/inprocess/inprocess.hpp"
#include "collector/inprocess/region.hpp"
#include "fanlight/metrics.h"
#include "fanlight/sampler.h"

namespace fanlight::inprocess {

static_assert(sizeof(Counter) == sizeof(fanlight_metric) && sizeof(Gauge) == sizeof(fanlight_metric) &&
              sizeof(HistogramMetric) == sizeof(fanlight_metric));
static_assert(sizeof(ThreadScope) <= sizeof(fanlight_thread) && alignof(ThreadScope) <= alignof(fanlight_thread));

extern "C" {

fanlight_metric fanlight_counter(const char* name) { return metric_slot(name, FANLIGHT_INPROCESS_COUNTER); }

void fanlight_counter_add(fanlight_metric counter, std::uint64_t amount) {
  __atomic_fetch_add(&counter->stripes[counter_stripe()].value, amount, __ATOMIC_RELAXED);
}

fanlight_metric fanlight_gauge(const char* name) { return metric_slot(name, FANLIGHT_INPROCESS_GAUGE); }

void fanlight_gauge_set(fanlight_metric gauge, std::int64_t value) {
  __atomic_store_n(&gauge->gauge, value, __ATOMIC_RELAXED);
}

void fanlight_gauge_add(fanlight_metric gauge, std::int64_t amount) {
  __atomic_fetch_add(&gauge->gauge, amount, __ATOMIC_RELAXED);
}

fanlight_metric fanlight_histogram(const char* name) { return metric_slot(name, FANLIGHT_INPROCESS_HISTOGRAM); }

void fanlight_histogram_record(fanlight_metric histogram, std::uint64_t ns) {
  __builtin_bit_cast(HistogramMetric, histogram).record(ns);
}

int fanlight_start(unsigned hz, unsigned max_threads) { return start({.hz = hz, .max_threads = max_threads}); }

int fanlight_thread_begin(fanlight_thread* thread, const char* name) {
  return (new (thread) ThreadScope(name))->sampling() ? 1 : 0;
}

void fanlight_thread_end(fanlight_thread* thread) {
  std::launder(reinterpret_cast<ThreadScope*>(thread))->~ThreadScope();
}

}  // extern "C"

}  // namespace fanlight::inprocess
