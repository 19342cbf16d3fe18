// Holds labels on a second thread: by itself, or by a library that it loads. Says "ready TID" and goes when its input
// ends.
#include <dlfcn.h>
#include <unistd.h>

#include <cstdio>
#include <thread>

#ifdef FANLIGHT_LABELS_LINKED
#include "tests/collector/inprocess/label_holder.hpp"
#endif

namespace {

void until_told() {
  std::printf("ready %d\n", ::gettid());
  std::fflush(stdout);
  char byte;
  while (::read(STDIN_FILENO, &byte, 1) > 0) {}
}

using Hold = void (*)(void (*)());

}  // namespace

int main(int count, char** words) {
  Hold hold = nullptr;
#ifdef FANLIGHT_LABELS_LINKED
  hold = hold_labels;
#endif
  if (count > 1) {
    void* const module = ::dlopen(words[1], RTLD_NOW);
    if (module == nullptr) {
      std::fprintf(stderr, "%s\n", ::dlerror());
      return 1;
    }
    hold = reinterpret_cast<Hold>(::dlsym(module, "module_hold_labels"));
  }
  if (hold == nullptr) return 2;
  std::thread([hold] { hold(until_told); }).join();
  return 0;
}
