// Says where its function lies in memory, then waits to be killed.
#include <unistd.h>

#include <cstdio>

namespace sleeper {
__attribute__((noinline)) void rest() {
  while (true) ::pause();
}
}  // namespace sleeper

int main() {
  std::printf("%p\n", reinterpret_cast<void*>(&sleeper::rest));
  std::fflush(stdout);
  sleeper::rest();
}
