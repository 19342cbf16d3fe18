#include "collector/inprocess/event_region.hpp"

#include <cpuid.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <x86intrin.h>

#include <cstddef>
#include <cstring>

#include "core/clock.hpp"
#include "fanlight/events.h"

namespace fanlight::inprocess {
namespace {

constexpr std::uint32_t kRings = 256;
constexpr std::uint32_t kEvents = 4096;
constexpr std::uint64_t kPage = FANLIGHT_EVENTS_PAGE;
constexpr std::uint64_t kRingsOffset = kPage + FANLIGHT_EVENTS_NAMES * sizeof(fanlight_events_name);
constexpr std::uint64_t kRingBytes = kPage + kEvents * sizeof(fanlight_events_event);
constexpr std::uint64_t kBytes = kRingsOffset + kRings * kRingBytes;
static_assert(kRingsOffset % kPage == 0 && kRingBytes % kPage == 0);

constinit fanlight_events_header* g_header = nullptr;
constinit bool g_making = false;
constinit std::uint32_t g_number = 1;

/// Source: Intel SDM, volume 3B, "Invariant TSC": CPUID 80000007H, EDX bit 8.
bool invariant_counter() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid(0x80000007, &a, &b, &c, &d) != 0 && (d & 1u << 8) != 0;
}

std::byte* at(fanlight_events_header* header, std::uint64_t offset) {
  return reinterpret_cast<std::byte*>(header) + offset;
}

fanlight_events_moment moment(std::uint32_t clock) {
  const std::uint64_t ns = monotonic_ns();
  return {ns, clock == FANLIGHT_EVENTS_TSC ? __rdtsc() : ns};
}

fanlight_events_header* make_region() {
  // Growing a file past this limit would raise SIGXFSZ, which kills by default.
  rlimit limit{};
  if (::getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < kBytes) return nullptr;
  const int file = ::memfd_create(FANLIGHT_EVENTS_NAME, MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (file < 0) return nullptr;
  void* memory = MAP_FAILED;
  if (::ftruncate(file, static_cast<off_t>(kBytes)) == 0)
    memory = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, file, 0);
  // The mapping is what readers find it by, and what they find in a core file.
  ::close(file);
  if (memory == MAP_FAILED) return nullptr;
  auto* const header = static_cast<fanlight_events_header*>(memory);
  header->total_bytes = kBytes;
  header->names_offset = kPage;
  header->rings_offset = kRingsOffset;
  header->ring_bytes = kRingBytes;
  header->version = FANLIGHT_EVENTS_VERSION;
  header->pid = static_cast<__u32>(::getpid());
  header->clock = invariant_counter() ? FANLIGHT_EVENTS_TSC : FANLIGHT_EVENTS_MONOTONIC;
  header->name_slots = FANLIGHT_EVENTS_NAMES;
  header->ring_slots = kRings;
  header->ring_events = kEvents;
  header->early = moment(header->clock);
  header->late = header->early;
  __atomic_store_n(&header->magic, FANLIGHT_EVENTS_MAGIC, __ATOMIC_RELEASE);
  return header;
}

/// In a child made by fork, the parent's memory must not change: private zeroes take its place.
void leave_in_child() {
  g_making = false;
  fanlight_events_header* const header = g_header;
  if (header == nullptr) return;
  g_header = nullptr;
  ++g_number;
  ::mmap(header, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
}

[[gnu::constructor]] void follow_forks() { ::pthread_atfork(nullptr, nullptr, leave_in_child); }

fanlight_events_ring* take(fanlight_events_header* header, std::uint32_t index, fanlight_events_ring* ring) {
  ring->tid = static_cast<__u32>(::gettid());
  __atomic_fetch_add(&ring->claims, 1, __ATOMIC_RELAXED);
  __u32 used = __atomic_load_n(&header->rings_used, __ATOMIC_RELAXED);
  while (used < index + 1 && !__atomic_compare_exchange_n(&header->rings_used, &used, index + 1, false,
                                                          __ATOMIC_RELEASE, __ATOMIC_RELAXED)) {}
  // Two threads may renew it at once: then it is some mixture of two moments that are a few ns apart.
  header->late = moment(header->clock);
  __atomic_store_n(&ring->state, __u32{FANLIGHT_EVENTS_READY}, __ATOMIC_RELEASE);
  return ring;
}

}  // namespace

std::uint32_t event_region_number() { return __atomic_load_n(&g_number, __ATOMIC_RELAXED); }

fanlight_events_header* event_region() {
  fanlight_events_header* header = __atomic_load_n(&g_header, __ATOMIC_ACQUIRE);
  if (__builtin_expect(header != nullptr, 1)) return header;
  if (__atomic_exchange_n(&g_making, true, __ATOMIC_ACQ_REL)) return nullptr;
  const int saved_errno = errno;
  header = make_region();
  errno = saved_errno;
  __atomic_store_n(&g_header, header, __ATOMIC_RELEASE);
  // Tried once: where there is no memory now, the next event is not to ask again.
  return header;
}

fanlight_events_ring* claim_event_ring(fanlight_events_header* header) {
  const int saved_errno = errno;
  for (int pass = 0; pass < 2; ++pass) {
    const bool from_the_dead = pass == 1;
    for (std::uint32_t i = 0; i < header->ring_slots; ++i) {
      auto* const ring =
          reinterpret_cast<fanlight_events_ring*>(at(header, header->rings_offset + i * header->ring_bytes));
      __u32 state = from_the_dead ? FANLIGHT_EVENTS_READY : FANLIGHT_EVENTS_FREE;
      if (__atomic_load_n(&ring->state, __ATOMIC_ACQUIRE) != state) continue;
      if (!__atomic_compare_exchange_n(&ring->state, &state, __u32{FANLIGHT_EVENTS_CLAIMED}, false, __ATOMIC_ACQUIRE,
                                       __ATOMIC_RELAXED))
        continue;
      // Threads leave without a word, since words at a thread's end need more of the C library than is safe here. Asked
      // only now that nobody else can claim it: before, the answer could be about an owner that has a successor by now.
      if (from_the_dead && (::syscall(SYS_tgkill, ::getpid(), ring->tid, 0) == 0 || errno != ESRCH)) {
        __atomic_store_n(&ring->state, __u32{FANLIGHT_EVENTS_READY}, __ATOMIC_RELEASE);
        continue;
      }
      errno = saved_errno;
      return take(header, i, ring);
    }
  }
  errno = saved_errno;
  return nullptr;
}

std::uint16_t event_name(fanlight_events_header* header, const char* name, const char* fields) {
  char text[sizeof(fanlight_events_name::text)] = {};
  std::size_t used = 0;
  const auto append = [&](const char* more) {
    while (*more != '\0' && used + 1 < sizeof text) text[used++] = *more++;
  };
  append(name == nullptr ? "" : name);
  if (fields != nullptr) {
    append("(");
    append(fields);
    append(")");
  }
  auto* const slots = reinterpret_cast<fanlight_events_name*>(at(header, header->names_offset));
  for (std::uint32_t i = 0; i < header->name_slots; ++i) {
    fanlight_events_name& slot = slots[i];
    __u32 state = __atomic_load_n(&slot.state, __ATOMIC_ACQUIRE);
    if (state == FANLIGHT_EVENTS_FREE &&
        __atomic_compare_exchange_n(&slot.state, &state, __u32{FANLIGHT_EVENTS_CLAIMED}, false, __ATOMIC_ACQUIRE,
                                    __ATOMIC_ACQUIRE)) {
      std::memcpy(slot.text, text, used);
      __atomic_store_n(&slot.state, __u32{FANLIGHT_EVENTS_READY}, __ATOMIC_RELEASE);
      return static_cast<std::uint16_t>(i + 1);
    }
    // As with label keys nobody waits: two ids of one name are two ways to say the same.
    if (state == FANLIGHT_EVENTS_READY && std::strcmp(slot.text, text) == 0) return static_cast<std::uint16_t>(i + 1);
  }
  __atomic_fetch_add(&header->names_refused, 1, __ATOMIC_RELAXED);
  return 0;
}

std::uint64_t event_time(const fanlight_events_header& header) {
  return header.clock == FANLIGHT_EVENTS_TSC ? __rdtsc() : monotonic_ns();
}

}  // namespace fanlight::inprocess
