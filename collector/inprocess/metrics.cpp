#include "bpf/log_linear.h"
#include "collector/inprocess/inprocess.hpp"
#include "collector/inprocess/region.hpp"

namespace fanlight::inprocess {

unsigned counter_stripe() {
  static constinit unsigned next = 0;
  static constinit thread_local unsigned mine = FANLIGHT_INPROCESS_STRIPES;
  if (__builtin_expect(mine == FANLIGHT_INPROCESS_STRIPES, 0))
    mine = __atomic_fetch_add(&next, 1, __ATOMIC_RELAXED) % FANLIGHT_INPROCESS_STRIPES;
  return mine;
}

Counter::Counter(const char* name) : slot_(metric_slot(name, FANLIGHT_INPROCESS_COUNTER)) {}

Gauge::Gauge(const char* name) : slot_(metric_slot(name, FANLIGHT_INPROCESS_GAUGE)) {}

HistogramMetric::HistogramMetric(const char* name) : slot_(metric_slot(name, FANLIGHT_INPROCESS_HISTOGRAM)) {}

void HistogramMetric::record(std::uint64_t ns, std::uint64_t times) {
  __atomic_fetch_add(&slot_->buckets[fanlight_bucket(ns, FANLIGHT_INPROCESS_BITS)], times, __ATOMIC_RELAXED);
}

}  // namespace fanlight::inprocess
