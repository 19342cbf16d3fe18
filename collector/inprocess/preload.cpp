// The sampler for programs that were not linked with it: LD_PRELOAD=libfanlight-preload.so. In: FANLIGHT_HZ (99),
// FANLIGHT_OUT (a file instead of shared memory). Out: every thread that the program starts is sampled.
#include <dlfcn.h>
#include <pthread.h>

#include <cstdlib>
#include <new>

#include "collector/inprocess/inprocess.hpp"

namespace {

using fanlight::inprocess::ThreadScope;

using Create = int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);

Create create_of_libc() {
  static const auto create = reinterpret_cast<Create>(::dlsym(RTLD_NEXT, "pthread_create"));
  return create;
}

struct Start {
  void* (*routine)(void*);
  void* argument;
};

void* run(void* given) {
  const Start start = *static_cast<Start*>(given);
  ::free(given);
  const ThreadScope scope(nullptr);
  return start.routine(start.argument);
}

// Kept until the process is gone: its threads may outlive static destructors.
alignas(ThreadScope) char g_main_scope[sizeof(ThreadScope)];

[[gnu::constructor]] void begin() {
  unsigned hz = 99;
  if (const char* wish = std::getenv("FANLIGHT_HZ")) hz = static_cast<unsigned>(std::strtoul(wish, nullptr, 10));
  // Where it cannot start the program runs as if nobody had asked.
  if (fanlight::inprocess::start({.hz = hz, .max_threads = 256}) != 0) return;
  new (g_main_scope) ThreadScope(nullptr);
}

}  // namespace

extern "C" __attribute__((visibility("default"))) int pthread_create(pthread_t* thread,
                                                                     const pthread_attr_t* attributes,
                                                                     void* (*routine)(void*), void* argument) {
  const Create create = create_of_libc();
  auto* const start = static_cast<Start*>(::malloc(sizeof(Start)));
  if (start == nullptr) return create(thread, attributes, routine, argument);
  *start = {routine, argument};
  const int error = create(thread, attributes, run, start);
  if (error != 0) ::free(start);
  return error;
}
