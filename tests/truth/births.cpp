// Starts many threads that live for a moment each. Usage: births [threads]. Prints how many it started.
#include <algorithm>
#include <cstdlib>
#include <thread>

#include "tests/truth/gate.hpp"

int main(int argc, char** argv) {
  const int threads = std::clamp(argc > 1 ? std::atoi(argv[1]) : 500, 1, 100'000);
  fanlight::truth::wait_at_gate();
  for (int i = 0; i < threads; ++i) std::thread([] {}).join();
  std::printf(R"({"threads":%d})"
              "\n",
              threads);
  return 0;
}
