#include "collector/inprocess/label_keys.hpp"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>

#include "collector/inprocess/process_context.hpp"
#include "fanlight/labels.h"

namespace fanlight::inprocess {
namespace {

enum State : std::uint32_t { kFree = 0, kClaimed = 1, kReady = 2 };

struct Key {
  std::uint32_t state;
  char name[FANLIGHT_LABEL_NAME + 1];
};
constinit Key g_keys[FANLIGHT_LABEL_KEYS] = {};

// The key that a name was last found at, by the address it was given at: plus 1. Names are compared all the same.
constexpr std::size_t kPlaces = 256;
constinit std::uint16_t g_places[kPlaces] = {};

constinit std::uint32_t g_wanted = 0;  // grows with each key
constinit std::uint32_t g_published = 0;
constinit bool g_publishing = false;

std::uint16_t& place_of(const char* name) {
  const auto address = reinterpret_cast<std::uintptr_t>(name);
  return g_places[(address ^ address >> 8) % kPlaces];
}

/// Names of all keys in order. One that is being filled in has none yet; it is told when it is ready.
std::size_t list_keys(const char* (&names)[FANLIGHT_LABEL_KEYS]) {
  std::size_t count = 0;
  for (; count < FANLIGHT_LABEL_KEYS; ++count) {
    const std::uint32_t state = __atomic_load_n(&g_keys[count].state, __ATOMIC_ACQUIRE);
    if (state == kFree) break;
    names[count] = state == kReady ? g_keys[count].name : "";
  }
  return count;
}

unsigned find(const char* name) {
  const std::size_t bytes = ::strnlen(name, FANLIGHT_LABEL_NAME + 1);
  if (bytes == 0 || bytes > FANLIGHT_LABEL_NAME) return FANLIGHT_NO_KEY;
  for (unsigned i = 0; i < FANLIGHT_LABEL_KEYS; ++i) {
    Key& key = g_keys[i];
    std::uint32_t state = __atomic_load_n(&key.state, __ATOMIC_ACQUIRE);
    if (state == kFree && __atomic_compare_exchange_n(&key.state, &state, std::uint32_t{kClaimed}, false,
                                                      __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE)) {
      std::memcpy(key.name, name, bytes);
      __atomic_store_n(&key.state, std::uint32_t{kReady}, __ATOMIC_RELEASE);
      __atomic_fetch_add(&g_wanted, 1, __ATOMIC_ACQ_REL);
      publish_label_keys();
      return i;
    }
    // Nobody waits for one that is being filled in: it may be by the thread that this signal handler interrupted. Two
    // keys of one name are two ways to say the same.
    if (state == kReady && std::strcmp(key.name, name) == 0) return i;
  }
  return FANLIGHT_NO_KEY;
}

// A child made by fork has no process context: the mapping stays with its parent. It publishes its own with its next
// label.
void leave_in_child() {
  forget_process_context();
  g_published = 0;
  g_publishing = false;
  g_wanted = g_wanted == 0 ? 0 : g_wanted + 1;
  otel_thread_ctx_v1 = nullptr;
}

// Before main, since registering such a handler is nothing for a signal handler, where a first label may be set.
[[gnu::constructor]] void follow_forks() { ::pthread_atfork(nullptr, nullptr, leave_in_child); }

}  // namespace

unsigned key_of(const char* name) {
  if (name == nullptr) return FANLIGHT_NO_KEY;
  std::uint16_t& place = place_of(name);
  const std::uint16_t known = __atomic_load_n(&place, __ATOMIC_RELAXED);
  if (__builtin_expect(known != 0 && std::strcmp(g_keys[known - 1].name, name) == 0, 1)) return known - 1u;
  const unsigned key = find(name);
  if (key != FANLIGHT_NO_KEY) __atomic_store_n(&place, static_cast<std::uint16_t>(key + 1), __ATOMIC_RELAXED);
  return key;
}

const char* key_name(unsigned index) {
  if (index >= FANLIGHT_LABEL_KEYS) return nullptr;
  const std::uint32_t state = __atomic_load_n(&g_keys[index].state, __ATOMIC_ACQUIRE);
  if (state == kFree) return nullptr;
  return state == kReady ? g_keys[index].name : "";
}

void publish_label_keys() {
  const int saved_errno = errno;
  for (;;) {
    const std::uint32_t wanted = __atomic_load_n(&g_wanted, __ATOMIC_ACQUIRE);
    if (wanted == __atomic_load_n(&g_published, __ATOMIC_ACQUIRE)) break;
    // Whoever is at it looks again when he is done; he may be the thread that this signal handler interrupted.
    if (__atomic_exchange_n(&g_publishing, true, __ATOMIC_ACQ_REL)) break;
    const char* names[FANLIGHT_LABEL_KEYS];
    publish_process_context(names, list_keys(names));
    __atomic_store_n(&g_published, wanted, __ATOMIC_RELEASE);
    __atomic_store_n(&g_publishing, false, __ATOMIC_RELEASE);
  }
  errno = saved_errno;
}

}  // namespace fanlight::inprocess
