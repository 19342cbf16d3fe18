// Waits of very different lengths. Usage: mixture mix SECONDS | words SECONDS | long | pages.
// mix: many short waits for a futex and a few long ones in nanosleep; prints the time in each by its own clock.
// words: both for a futex, each kind for one of its own, whose addresses it prints before it begins.
// long: says "sleeping" and sleeps until it is ended. pages: reads a file of its own through memory, page by page.
#include <fcntl.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <string>
#include <string_view>
#include <vector>

#include "tests/truth/gate.hpp"

namespace {

std::uint64_t now_ns() {
  timespec now;
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(now.tv_nsec);
}

std::uint64_t wait_for_a_futex(long ns, std::uint32_t& word) {
  const timespec time{0, ns};
  const std::uint64_t begin = now_ns();
  ::syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 0, &time, nullptr, 0);
  return now_ns() - begin;
}

std::uint64_t wait_in_sleep(long ns) {
  const timespec time{ns / 1'000'000'000, ns % 1'000'000'000};
  const std::uint64_t begin = now_ns();
  ::nanosleep(&time, nullptr);
  return now_ns() - begin;
}

void mix(double seconds) {
  const std::uint64_t end = now_ns() + static_cast<std::uint64_t>(seconds * 1e9);
  std::uint64_t in_short = 0, in_long = 0;
  std::uint32_t word = 0;
  while (now_ns() < end) {
    for (int i = 0; i < 100; ++i) in_short += wait_for_a_futex(150'000, word);
    in_long += wait_in_sleep(12'000'000);
  }
  std::printf(R"({"short_ns":%lu,"long_ns":%lu})"
              "\n",
              in_short, in_long);
}

void words(double seconds) {
  std::uint32_t short_word = 0, long_word = 0;
  std::printf(R"({"short_word":%lu,"long_word":%lu})"
              "\n",
              reinterpret_cast<unsigned long>(&short_word), reinterpret_cast<unsigned long>(&long_word));
  std::fflush(stdout);
  const std::uint64_t end = now_ns() + static_cast<std::uint64_t>(seconds * 1e9);
  while (now_ns() < end) {
    for (int i = 0; i < 100; ++i) wait_for_a_futex(150'000, short_word);
    wait_for_a_futex(12'000'000, long_word);
  }
}

void pages() {
  constexpr std::size_t kBytes = std::size_t{32} << 20;
  std::string name = "/var/tmp/fanlight-pages-XXXXXX";
  const int file = ::mkstemp(name.data());
  if (file < 0) fanlight::truth::die("make a file");
  ::unlink(name.c_str());
  const std::vector<char> block(1u << 20, 'x');
  for (std::size_t i = 0; i < kBytes; i += block.size())
    if (::write(file, block.data(), block.size()) < 0) fanlight::truth::die("write");
  ::fsync(file);
  ::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
  void* const memory = ::mmap(nullptr, kBytes, PROT_READ, MAP_SHARED, file, 0);
  if (memory == MAP_FAILED) fanlight::truth::die("map");
  ::madvise(memory, kBytes, MADV_RANDOM);
  fanlight::truth::wait_at_gate();
  const std::uint64_t begin = now_ns();
  unsigned long sum = 0;
  for (std::size_t i = 0; i < kBytes; i += 4096) sum += static_cast<const unsigned char*>(memory)[i];
  std::printf(R"({"wall_ns":%lu,"sum":%lu})"
              "\n",
              now_ns() - begin, sum);
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view way = argc > 1 ? argv[1] : "mix";
  if (way == "pages") {
    pages();
    return 0;
  }
  fanlight::truth::wait_at_gate();
  if (way == "long") {
    std::puts("sleeping now");
    std::fflush(stdout);
    wait_in_sleep(60'000'000'000);
    return 0;
  }
  if (way == "words") {
    words(argc > 2 ? std::atof(argv[2]) : 1);
    return 0;
  }
  mix(argc > 2 ? std::atof(argv[2]) : 1);
  return 0;
}
