// Threads that touch memory for the first time, wait for a disk, and get signals: how often, they know. One JSON line at the
// end: pages touched, signals sent to itself, what its timer sent, and the time that reads and writes of a disk took.
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "tests/truth/gate.hpp"

namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t kPage = 4096;
constexpr std::size_t kPages = 512;
constexpr int kSignals = 40;
constexpr int kTicks = 20;

std::atomic<int> delivered{0};

[[gnu::noinline]] void touch(char* memory) {
  for (std::size_t page = 0; page < kPages; ++page) memory[page * kPage] = 1;
}

/// Maps, touches and unmaps for as long; returns the pages touched.
std::uint64_t fault_for(std::chrono::milliseconds time) {
  ::pthread_setname_np(::pthread_self(), "toucher");
  std::uint64_t touched = 0;
  for (const auto end = Clock::now() + time; Clock::now() < end;) {
    auto* const memory = static_cast<char*>(
        ::mmap(nullptr, kPages * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    if (memory == MAP_FAILED) fanlight::truth::die("mmap");
    // Whole huge pages would be one fault.
    ::madvise(memory, kPages * kPage, MADV_NOHUGEPAGE);
    touch(memory);
    touched += kPages;
    ::munmap(memory, kPages * kPage);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return touched;
}

/// Writes through to the disk for as long; returns the time that these calls took.
std::uint64_t sync_for(std::chrono::milliseconds time, const std::string& path) {
  ::pthread_setname_np(::pthread_self(), "syncer");
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) fanlight::truth::die(path.c_str());
  const std::vector<char> block(64 * 1024, 'x');
  std::uint64_t took = 0;
  for (const auto end = Clock::now() + time; Clock::now() < end;) {
    if (::pwrite(fd, block.data(), block.size(), 0) < 0) fanlight::truth::die("pwrite");
    const auto begin = Clock::now();
    if (::fdatasync(fd) != 0) fanlight::truth::die("fdatasync");
    took += static_cast<std::uint64_t>((Clock::now() - begin).count());
  }
  ::close(fd);
  ::unlink(path.c_str());
  return took;
}

}  // namespace

/// memory FILE: the file lies on a disk, and is gone afterwards.
int main(int argc, char** argv) {
  if (argc < 2) return 2;
  struct sigaction count {};
  count.sa_handler = [](int) { delivered.fetch_add(1); };
  ::sigaction(SIGUSR2, &count, nullptr);
  ::sigaction(SIGALRM, &count, nullptr);
  fanlight::truth::wait_at_gate();
  constexpr std::chrono::milliseconds kTime{2500};
  std::uint64_t touched = 0, synced = 0;
  std::thread toucher([&] { touched = fault_for(kTime); });
  std::thread syncer([&] { synced = sync_for(kTime, argv[1]); });
  for (int i = 0; i < kSignals; ++i) {
    ::raise(SIGUSR2);
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  // Signals of a timer, to this thread alone.
  sigset_t alarm;
  sigemptyset(&alarm);
  sigaddset(&alarm, SIGALRM);
  for (int i = 0; i < kTicks; ++i) {
    const int before = delivered.load();
    const itimerval once{.it_interval = {}, .it_value = {.tv_sec = 0, .tv_usec = 2000}};
    ::setitimer(ITIMER_REAL, &once, nullptr);
    while (delivered.load() == before) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  toucher.join();
  syncer.join();
  std::printf("{\"touched\":%llu,\"raised\":%d,\"ticks\":%d,\"synced_ns\":%llu}\n",
              static_cast<unsigned long long>(touched), kSignals, kTicks, static_cast<unsigned long long>(synced));
}
