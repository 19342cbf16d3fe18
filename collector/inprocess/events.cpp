#include "fanlight/events.h"

#include <unistd.h>

#include <cstddef>
#include <cstring>

#include "collector/inprocess/event_region.hpp"

// With it the note of the probe names the semaphore below, and tracers that attach add to it.
#ifndef _SDT_HAS_SEMAPHORES
#define _SDT_HAS_SEMAPHORES 1
#endif
#include <sys/sdt.h>

unsigned short fanlight_listen_semaphore __attribute__((section(".probes"))) = 0;

namespace fanlight::inprocess {
namespace {

struct ThreadEvents {
  fanlight_events_header* header;
  fanlight_events_ring* ring;
  fanlight_events_event* events;
  std::uint64_t mask;
  std::uint64_t next;  // event to begin
  std::uint32_t tid;
  std::uint32_t region;
};
// Initial-exec: as with labels.
[[gnu::tls_model("initial-exec")]] constinit thread_local ThreadEvents t_events{};

[[gnu::cold, gnu::noinline]] bool begin_thread(ThreadEvents& thread) {
  fanlight_events_header* const header = event_region();
  if (header == nullptr) return false;
  fanlight_events_ring* const ring = claim_event_ring(header);
  if (ring == nullptr) {
    __atomic_fetch_add(&header->threads_refused, 1, __ATOMIC_RELAXED);
    return false;
  }
  thread.header = header;
  thread.events = reinterpret_cast<fanlight_events_event*>(reinterpret_cast<std::byte*>(ring) + FANLIGHT_EVENTS_PAGE);
  thread.mask = header->ring_events - 1;
  thread.next = ring->head;
  thread.tid = static_cast<std::uint32_t>(::gettid());
  thread.region = event_region_number();
  __atomic_signal_fence(__ATOMIC_SEQ_CST);
  thread.ring = ring;
  return true;
}

bool ready(ThreadEvents& thread) {
  if (__builtin_expect(thread.ring != nullptr && thread.region == event_region_number(), 1)) return true;
  return begin_thread(thread);
}

/// The next number, and no other for a signal handler that comes in between: one instruction.
std::uint64_t take_number(std::uint64_t& next) {
  std::uint64_t number = 1;
  __asm__ volatile("xaddq %0, %1" : "+r"(number), "+m"(next) : : "memory", "cc");
  return number;
}

template <class Fill>
void publish(ThreadEvents& thread, Fill fill) {
  const std::uint64_t number = take_number(thread.next);
  fanlight_events_event& event = thread.events[number & thread.mask];
  __atomic_store_n(&event.sequence, 0, __ATOMIC_RELAXED);
  // Orders the head that announced the event before, and the 0, ahead of the words that are now overwritten.
  __atomic_thread_fence(__ATOMIC_RELEASE);
  fill(event);
  event.tid = thread.tid;
  __atomic_store_n(&event.sequence, number + 1, __ATOMIC_RELEASE);
  __atomic_store_n(&thread.ring->head, thread.next, __ATOMIC_RELEASE);
}

std::uint16_t id_of(ThreadEvents& thread, fanlight_event_type& type, const char* fields) {
  if (__builtin_expect(__atomic_load_n(&type.seen_by, __ATOMIC_ACQUIRE) != thread.region, 0)) {
    __atomic_store_n(&type.id, event_name(thread.header, type.name, fields), __ATOMIC_RELAXED);
    __atomic_store_n(&type.seen_by, thread.region, __ATOMIC_RELEASE);
  }
  return static_cast<std::uint16_t>(__atomic_load_n(&type.id, __ATOMIC_RELAXED));
}

unsigned span_key() {
  static constinit unsigned key = 0;  // plus 1
  unsigned known = __atomic_load_n(&key, __ATOMIC_RELAXED);
  if (__builtin_expect(known == 0, 0)) {
    known = fanlight_label_key("span") + 1;
    __atomic_store_n(&key, known, __ATOMIC_RELAXED);
  }
  return known - 1;
}

}  // namespace
}  // namespace fanlight::inprocess

using namespace fanlight::inprocess;

void fanlight_listen(int on) {
  // Never hot: what tracers attach to, so that their wish is counted in the semaphore.
  DTRACE_PROBE(fanlight, listen);
  __atomic_fetch_add(&fanlight_listen_semaphore, static_cast<unsigned short>(on != 0 ? 1 : -1), __ATOMIC_RELAXED);
}

void fanlight_event_record(struct fanlight_event_type* type, const uint64_t* words, unsigned count, unsigned strings) {
  ThreadEvents& thread = t_events;
  if (!ready(thread)) return;
  const std::uint16_t id = id_of(thread, *type, type->fields);
  const std::uint64_t now = event_time(*thread.header);
  publish(thread, [&](fanlight_events_event& event) {
    event.time = now;
    for (unsigned i = 0; i < FANLIGHT_EVENTS_WORDS; ++i) event.words[i] = i < count ? words[i] : 0;
    event.name = id;
    event.kind = FANLIGHT_EVENTS_EVENT;
    event.strings = static_cast<__u8>(strings);
  });
}

uint64_t fanlight_event_text(const char* text) {
  ThreadEvents& thread = t_events;
  if (text == nullptr || !ready(thread)) return 0;
  // As with label keys: the id that a text was last found under, by its address; texts are compared all the same.
  constexpr std::size_t kPlaces = 256;
  static constinit std::uint32_t places[kPlaces];
  const auto address = reinterpret_cast<std::uintptr_t>(text);
  std::uint32_t& place = places[(address ^ address >> 8) % kPlaces];
  const std::uint32_t known = __atomic_load_n(&place, __ATOMIC_RELAXED);
  const std::uint32_t mark = (thread.region & 0xffff) << 16;
  if (known != 0 && (known & 0xffff0000) == mark) {
    const auto* const names = reinterpret_cast<const fanlight_events_name*>(
        reinterpret_cast<const std::byte*>(thread.header) + thread.header->names_offset);
    if (std::strcmp(names[(known & 0xffff) - 1].text, text) == 0) return known & 0xffff;
  }
  const std::uint16_t id = event_name(thread.header, text, nullptr);
  if (id != 0) __atomic_store_n(&place, mark | id, __ATOMIC_RELAXED);
  return id;
}

struct fanlight_span fanlight_span_begin(struct fanlight_event_type* type) {
  fanlight_span span{type, 0, fanlight_label_push(span_key(), type->name, std::strlen(type->name))};
  if (!FANLIGHT_LISTENING()) return span;
  ThreadEvents& thread = t_events;
  if (ready(thread)) span.begin = event_time(*thread.header);
  return span;
}

void fanlight_span_end(const struct fanlight_span* span) {
  fanlight_label_pop(span->mark);
  if (__builtin_expect(span->begin == 0, 1)) return;
  ThreadEvents& thread = t_events;
  if (!ready(thread)) return;
  const std::uint16_t id = id_of(thread, *span->type, nullptr);
  const std::uint64_t now = event_time(*thread.header);
  publish(thread, [&](fanlight_events_event& event) {
    event.time = span->begin;
    event.words[0] = now - span->begin;
    for (unsigned i = 1; i < FANLIGHT_EVENTS_WORDS; ++i) event.words[i] = 0;
    event.name = id;
    event.kind = FANLIGHT_EVENTS_SPAN;
    event.strings = 0;
  });
}
