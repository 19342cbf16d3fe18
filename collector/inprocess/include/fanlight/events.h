/* SPDX-License-Identifier: Apache-2.0 */
/* What happened, and how long it took. In: events and spans. Out: a ring of the last of them for each thread, in shared memory
 * (collector/inprocess/events_layout.h); spans are labels of their thread, too, so that samples know them.
 * For C and C++; needs libc alone.
 *
 *   FANLIGHT_EVENT(cache_miss, key_bytes, age_ns);
 *   FANLIGHT_SPAN("broadcast.encode");             in C++: until the end of the scope
 *
 * No locks, no allocation, async-signal-safe; threads: any. What finds no room is counted. Cost, see docs/measurements.md:
 * an event while nobody listens one load and a branch (0.9 ns), recorded 15 ns; a span 12 ns, recorded 35 ns, most of it the
 * clock. */
#ifndef FANLIGHT_INPROCESS_EVENTS_H
#define FANLIGHT_INPROCESS_EVENTS_H

#include <stddef.h>
#include <stdint.h>

#include "fanlight/labels.h"

#ifdef __cplusplus
extern "C" {
#endif

#define FANLIGHT_EVENT_WORDS 5 /* of an event, at most */

/* Above 0: somebody listens. Tracers add 1 through the probe fanlight:listen, as `fanlight_listen` does. */
extern unsigned short fanlight_listen_semaphore;
#define FANLIGHT_LISTENING() __builtin_expect(__atomic_load_n(&fanlight_listen_semaphore, __ATOMIC_RELAXED) != 0, 0)

/* Has events recorded from now on (1), or takes one such wish back (0). */
void fanlight_listen(int on);

/* One for each place in the source; `id` and `seen_by` start as 0. */
struct fanlight_event_type {
	const char *name;
	const char *fields; /* what the words are called, "a, b" */
	uint32_t id;
	uint32_t seen_by; /* the region that `id` is valid in */
};

/* Records an event. `strings`: a bit for each word that is the id that fanlight_event_text gave. */
void fanlight_event_record(struct fanlight_event_type *type, const uint64_t *words, unsigned count, unsigned strings);
/* The id of a text, the same each time; 0 where there is no room for more. Cost: as fanlight_label_key. */
uint64_t fanlight_event_text(const char *text);

struct fanlight_span {
	struct fanlight_event_type *type;
	uint64_t begin; /* 0: nobody listened */
	fanlight_label_mark mark;
};
struct fanlight_span fanlight_span_begin(struct fanlight_event_type *type);
void fanlight_span_end(const struct fanlight_span *span);

#ifdef __cplusplus
}

#include <cstdint>
#include <type_traits>

namespace fanlight::inprocess {

/// Integers as they are, texts by their ids.
template <class... Values>
void record_event(fanlight_event_type& type, const Values&... values) {
  static_assert(sizeof...(values) <= FANLIGHT_EVENT_WORDS, "an event has five words at most");
  unsigned strings = 0;
  [[maybe_unused]] unsigned bit = 1;
  [[maybe_unused]] const auto word = [&](const auto& value) -> std::uint64_t {
    using Value = std::decay_t<decltype(value)>;
    const unsigned own = bit;
    bit <<= 1;
    if constexpr (std::is_convertible_v<Value, const char*>) {
      strings |= own;
      return fanlight_event_text(value);
    } else {
      return static_cast<std::uint64_t>(value);
    }
  };
  const std::uint64_t words[sizeof...(values) + 1] = {word(values)..., 0};
  fanlight_event_record(&type, words, sizeof...(values), strings);
}

/// A span that ends with its scope.
class Span {
 public:
  explicit Span(fanlight_event_type& type) : span_(fanlight_span_begin(&type)) {}
  ~Span() { fanlight_span_end(&span_); }
  Span(const Span&) = delete;
  Span& operator=(const Span&) = delete;

 private:
  fanlight_span span_;
};

}  // namespace fanlight::inprocess

#define FANLIGHT_RECORD(type, ...) ::fanlight::inprocess::record_event(type __VA_OPT__(, ) __VA_ARGS__)
#define FANLIGHT_JOIN_2(a, b) a##b
#define FANLIGHT_JOIN(a, b) FANLIGHT_JOIN_2(a, b)
#define FANLIGHT_SPAN(text)                                                                     \
  static fanlight_event_type FANLIGHT_JOIN(fanlight_span_type_, __LINE__){text, "", 0, 0};      \
  const ::fanlight::inprocess::Span FANLIGHT_JOIN(fanlight_span_, __LINE__) {                   \
    FANLIGHT_JOIN(fanlight_span_type_, __LINE__)                                                \
  }
#else
#define FANLIGHT_RECORD(type, ...)                                                                        \
	do {                                                                                              \
		const uint64_t fanlight_words_[] = {__VA_ARGS__};                                         \
		fanlight_event_record(&type, fanlight_words_, sizeof(fanlight_words_) / sizeof(uint64_t), 0); \
	} while (0)
#endif

/* The words are evaluated only while somebody listens. In C they are integers; in C++ texts as well. map_op, which
 * collector/inprocess/map_op.h brings, is a static probe for other tools at the same time. */
#define FANLIGHT_EVENT(name, ...)                                                                    \
	do {                                                                                         \
		FANLIGHT_ALSO(name)(__VA_ARGS__);                                                    \
		if (FANLIGHT_LISTENING()) {                                                          \
			static struct fanlight_event_type fanlight_type_ = {#name, #__VA_ARGS__, 0, 0}; \
			FANLIGHT_RECORD(fanlight_type_, __VA_ARGS__);                                \
		}                                                                                    \
	} while (0)

/* FANLIGHT_PROBE_name is defined as "~, macro" by whoever has a probe of that name. */
#define FANLIGHT_SECOND(first, second, ...) second
#define FANLIGHT_ALSO_2(...) FANLIGHT_SECOND(__VA_ARGS__, FANLIGHT_NO_PROBE, ~)
#define FANLIGHT_ALSO(name) FANLIGHT_ALSO_2(FANLIGHT_PROBE_##name)
#define FANLIGHT_NO_PROBE(...) (void)0

#endif
