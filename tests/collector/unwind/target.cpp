// Works and waits in libc and libstdc++, without frame pointers. Usage: target SECONDS [LIBRARY | deep | unmap
// LIBRARY]. With a library, half of the time is spent in it, after it was loaded half way through. Threads: two at
// work, some that wait, and main. deep: one works and one waits below 450 calls, and one waits below 700. unmap: loads
// and unloads the library all the time.
#include <dlfcn.h>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <thread>
#include <vector>

#include "tests/collector/unwind/scenarios.hpp"
#include "tests/truth/gate.hpp"

namespace {

void run_late(const char* library, std::chrono::milliseconds time) {
  void* const handle = ::dlopen(library, RTLD_NOW);
  if (handle == nullptr) fanlight::truth::die(::dlerror());
  const auto work = reinterpret_cast<void (*)(long)>(::dlsym(handle, "late_work"));
  if (work == nullptr) fanlight::truth::die(::dlerror());
  work(time.count());
}

/// Loads and unloads a library as fast as it goes, calling into it.
void load_and_unload(const char* library, const volatile bool& stop) {
  while (!stop) {
    void* const handle = ::dlopen(library, RTLD_NOW);
    if (handle == nullptr) fanlight::truth::die(::dlerror());
    reinterpret_cast<void (*)(long)>(::dlsym(handle, "late_work"))(1);
    ::dlclose(handle);
  }
}

}  // namespace

int main(int argc, char** argv) {
  using namespace fanlight::unwind::testing;
  if (argc < 2) return 2;
  const std::chrono::milliseconds time(std::atol(argv[1]) * 1000);
  fanlight::truth::wait_at_gate();
  volatile bool stop = false;
  std::atomic<unsigned long> rounds = 0;
  std::vector<std::thread> threads;
  const std::string_view mode = argc > 2 ? argv[2] : "";
  if (mode == "deep" || mode == "unmap") {
    if (mode == "deep") {
      threads.emplace_back([&] { work_deep(450, stop); });
      threads.emplace_back([&] { wait_deep(450, stop); });
      threads.emplace_back([&] { wait_deep(700, stop); });
    } else {
      threads.emplace_back([&] { load_and_unload(argv[3], stop); });
    }
    std::this_thread::sleep_for(time);
    stop = true;
    for (std::thread& thread : threads) thread.join();
    return 0;
  }
  for (unsigned i = 0; i < kBlockedCount; ++i) threads.emplace_back(kBlocked[i].run);
  for (unsigned i = 0; i < 2; ++i) threads.emplace_back([&] { rounds += mixed_work(stop); });
  std::this_thread::sleep_for(argc > 2 ? time / 2 : time);
  if (argc > 2) run_late(argv[2], time / 2);
  stop = true;
  stop_blocking();
  for (std::thread& thread : threads) thread.join();
  std::printf("rounds %lu\n", rounds.load());
}
