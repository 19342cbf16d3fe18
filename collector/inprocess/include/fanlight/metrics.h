/* SPDX-License-Identifier: Apache-2.0 */
/* What a program counts, for C; C++ has `fanlight::Counter`, `Gauge` and `Histogram`. In: amounts. Out: slots in shared
 * memory, read by any collector that comes by. Needs libc alone.
 *
 * A metric is found by its name, of 1 to 47 bytes, once, and kept: two of the same name and kind are one. Found before
 * `fanlight_start`, or past the last slot, it is a valid one that nobody reads, and is counted. No locks, no allocation,
 * async-signal-safe; threads: any. */
#ifndef FANLIGHT_METRICS_H
#define FANLIGHT_METRICS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct fanlight_inprocess_metric *fanlight_metric;

/* Counts up. Cost of adding: one atomic addition that no other thread is likely to contend for, a few ns. */
fanlight_metric fanlight_counter(const char *name);
void fanlight_counter_add(fanlight_metric counter, uint64_t amount);

/* A level that goes up and down. Cost of either: one atomic operation. */
fanlight_metric fanlight_gauge(const char *name);
void fanlight_gauge_set(fanlight_metric gauge, int64_t value);
void fanlight_gauge_add(fanlight_metric gauge, int64_t amount);

/* Durations in ns, in buckets 12.5 % wide. Cost of recording: one atomic addition. */
fanlight_metric fanlight_histogram(const char *name);
void fanlight_histogram_record(fanlight_metric histogram, uint64_t ns);

#ifdef __cplusplus
}
#endif

#endif
