#include "fanlight/labels.h"

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "collector/inprocess/label_keys.hpp"

static_assert(sizeof(fanlight_thread_context) == 640 && offsetof(fanlight_thread_context, attributes) == 28,
              "byte for byte as OTEP-4947 has it");

// Initial-exec: a signal handler must find it without the allocation that a thread's first access can cost otherwise.
[[gnu::tls_model("initial-exec")]] __thread fanlight_thread_context* otel_thread_ctx_v1 = nullptr;

namespace fanlight::inprocess {
namespace {

struct ThreadLabels {
  fanlight_thread_context record;
  // Where the next label goes. Above record.attributes_bytes while one is being written, so that a signal handler's own
  // labels go behind it.
  std::uint16_t top;
};
[[gnu::tls_model("initial-exec")]] constinit thread_local ThreadLabels t_labels{};

constinit fanlight_label_losses g_lost{};

// A profiler interrupts the thread: what it must not see out of order, the compiler must not reorder.
void fence() { __atomic_signal_fence(__ATOMIC_SEQ_CST); }

void show(ThreadLabels& labels, std::uint16_t bytes) {
  fence();
  *const_cast<volatile std::uint16_t*>(&labels.record.attributes_bytes) = bytes;
  fence();
}

void set_valid(ThreadLabels& labels, std::uint8_t valid) {
  fence();
  *const_cast<volatile std::uint8_t*>(&labels.record.valid) = valid;
  fence();
}

[[gnu::cold, gnu::noinline]] void attach(ThreadLabels& labels) {
  labels.record.valid = 1;
  fence();
  otel_thread_ctx_v1 = &labels.record;
  fence();
  publish_label_keys();
}

ThreadLabels& own() {
  ThreadLabels& labels = t_labels;
  if (__builtin_expect(otel_thread_ctx_v1 != &labels.record, 0)) attach(labels);
  return labels;
}

/// As much of `value` as there is room for, and no half character.
std::size_t cut(const char* value) {
  std::size_t bytes = FANLIGHT_LABEL_VALUE;
  while (bytes > 0 && (static_cast<unsigned char>(value[bytes]) & 0xc0) == 0x80) --bytes;
  __atomic_fetch_add(&g_lost.cut, 1, __ATOMIC_RELAXED);
  return bytes;
}

bool is_set(const std::uint8_t* id, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i)
    if (id[i] != 0) return true;
  return false;
}

}  // namespace
}  // namespace fanlight::inprocess

using namespace fanlight::inprocess;

fanlight_label_mark fanlight_label_push(unsigned key, const char* value, size_t bytes) {
  ThreadLabels& labels = own();
  fanlight_thread_context& record = labels.record;
  const fanlight_label_mark mark{record.attributes_bytes, labels.top};
  if (__builtin_expect(bytes > FANLIGHT_LABEL_VALUE, 0)) bytes = cut(value);
  if (__builtin_expect(key >= FANLIGHT_LABEL_KEYS || labels.top + 2 + bytes > FANLIGHT_LABEL_ATTRIBUTES, 0)) {
    if (key < FANLIGHT_LABEL_KEYS) __atomic_fetch_add(&g_lost.values, 1, __ATOMIC_RELAXED);
    return mark;
  }
  const std::uint16_t at = labels.top;
  if (__builtin_expect(at != mark.bytes, 0)) {
    // We are a signal handler that interrupted a label half written. Its entry is there, its head is not: one with a
    // key that nobody knows bridges it, until whoever was interrupted writes the head again.
    record.attributes[mark.bytes] = FANLIGHT_NO_KEY;
    record.attributes[mark.bytes + 1] = static_cast<std::uint8_t>(at - mark.bytes - 2);
  }
  const auto after = static_cast<std::uint16_t>(at + 2 + bytes);
  labels.top = after;
  fence();
  std::memcpy(record.attributes + at + 2, value, bytes);
  fence();
  record.attributes[at] = static_cast<std::uint8_t>(key);
  record.attributes[at + 1] = static_cast<std::uint8_t>(bytes);
  show(labels, after);
  // A signal handler that came before that took the entry for headless.
  record.attributes[at] = static_cast<std::uint8_t>(key);
  record.attributes[at + 1] = static_cast<std::uint8_t>(bytes);
  fence();
  return mark;
}

void fanlight_label_pop(fanlight_label_mark mark) {
  ThreadLabels& labels = t_labels;
  show(labels, mark.bytes);
  labels.top = mark.top;
}

struct fanlight_trace fanlight_trace_current(void) {
  const fanlight_thread_context& record = t_labels.record;
  fanlight_trace trace;
  std::memcpy(trace.trace_id, record.trace_id, sizeof trace.trace_id);
  std::memcpy(trace.span_id, record.span_id, sizeof trace.span_id);
  trace.flags = record.trace_flags;
  return trace;
}

struct fanlight_trace fanlight_trace_set(struct fanlight_trace trace) {
  const fanlight_trace before = fanlight_trace_current();
  if (!is_set(trace.trace_id, sizeof trace.trace_id) || !is_set(trace.span_id, sizeof trace.span_id)) trace = {};
  ThreadLabels& labels = own();
  const std::uint8_t valid = labels.record.valid;  // 0 where a signal handler comes in between
  set_valid(labels, 0);
  std::memcpy(labels.record.trace_id, trace.trace_id, sizeof trace.trace_id);
  std::memcpy(labels.record.span_id, trace.span_id, sizeof trace.span_id);
  labels.record.trace_flags = trace.flags;
  set_valid(labels, valid);
  return before;
}

size_t fanlight_context_save(struct fanlight_thread_context* into) {
  const fanlight_thread_context& record = t_labels.record;
  if (record.attributes_bytes == 0 && !is_set(record.trace_id, sizeof record.trace_id)) return 0;
  const std::size_t bytes = offsetof(fanlight_thread_context, attributes) + record.attributes_bytes;
  std::memcpy(into, &record, bytes);
  return bytes;
}

void fanlight_context_install(const struct fanlight_thread_context* from, size_t bytes) {
  constexpr std::size_t kHead = offsetof(fanlight_thread_context, attributes);
  ThreadLabels& labels = bytes == 0 ? t_labels : own();
  fanlight_thread_context& record = labels.record;
  const std::uint8_t valid = record.valid;
  set_valid(labels, 0);
  if (bytes < kHead || bytes > sizeof record) {
    std::memset(record.trace_id, 0, sizeof record.trace_id + sizeof record.span_id);
    record.trace_flags = 0;
    record.attributes_bytes = 0;
  } else {
    std::memcpy(record.trace_id, from->trace_id, sizeof record.trace_id + sizeof record.span_id);
    record.trace_flags = from->trace_flags;
    record.attributes_bytes = static_cast<std::uint16_t>(bytes - kHead);
    std::memcpy(record.attributes, from->attributes, bytes - kHead);
  }
  labels.top = record.attributes_bytes;
  set_valid(labels, valid);
}

unsigned fanlight_label_key(const char* name) {
  const unsigned key = key_of(name);
  if (__builtin_expect(key == FANLIGHT_NO_KEY, 0)) __atomic_fetch_add(&g_lost.keys, 1, __ATOMIC_RELAXED);
  return key;
}

struct fanlight_label_losses fanlight_label_lost(void) {
  return {__atomic_load_n(&g_lost.keys, __ATOMIC_RELAXED), __atomic_load_n(&g_lost.values, __ATOMIC_RELAXED),
          __atomic_load_n(&g_lost.cut, __ATOMIC_RELAXED)};
}
