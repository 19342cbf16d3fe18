// A library that is loaded while the program runs, without frame pointers, and that keeps itself busy below qsort.
#include <cstdlib>
#include <ctime>

namespace {

volatile unsigned sink;

__attribute__((noinline)) int late_compare(const void* a, const void* b) {
  volatile unsigned room[8];
  for (unsigned i = 0; i < 8; ++i) room[i] = i;
  sink = sink + room[3];
  return *static_cast<const int*>(a) - *static_cast<const int*>(b);
}

long now_ms() {
  timespec now;
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1'000'000;
}

}  // namespace

extern "C" __attribute__((visibility("default"))) void late_work(long milliseconds) {
  const long end = now_ms() + milliseconds;
  int numbers[256];
  while (now_ms() < end) {
    for (int i = 0; i < 256; ++i) numbers[i] = (i * 7919) % 251;
    ::qsort(numbers, 256, sizeof numbers[0], late_compare);
  }
}
