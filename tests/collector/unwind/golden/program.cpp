// A program that looks at its own stack: registers, memory and mappings at one moment, as text. Usage: program
// SCENARIO. Without one it lists them. It needs no other program, so that it runs linked statically, by any compiler,
// and in an emulator of another machine; `pack` makes a golden file of what it prints.
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

#include <cctype>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "tests/collector/unwind/scenarios.hpp"

namespace {

using namespace fanlight::unwind::testing;

constexpr std::size_t kMostStack = 128 << 10;
unsigned char g_stack[kMostStack];
std::uint64_t g_registers[33];  // by DWARF number, the instruction pointer last
std::uint64_t g_from = 0;
std::size_t g_bytes = 0;
std::uint64_t g_stack_end = 0;
volatile bool g_taken = false;

#if defined(__x86_64__)
constexpr const char* kMachine = "x86_64";
constexpr unsigned kRegisters = 16, kStackPointer = 7;
constexpr std::uint64_t kRedZone = 128;
void take_registers(const ucontext_t& context) {
  static constexpr int kOrder[16] = {REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI, REG_RBP, REG_RSP,
                                     REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
  for (unsigned i = 0; i < 16; ++i) g_registers[i] = static_cast<std::uint64_t>(context.uc_mcontext.gregs[kOrder[i]]);
  g_registers[32] = static_cast<std::uint64_t>(context.uc_mcontext.gregs[REG_RIP]);
}
#elif defined(__aarch64__)
constexpr const char* kMachine = "aarch64";
constexpr unsigned kRegisters = 32, kStackPointer = 31;
constexpr std::uint64_t kRedZone = 0;
void take_registers(const ucontext_t& context) {
  for (unsigned i = 0; i < 31; ++i) g_registers[i] = context.uc_mcontext.regs[i];
  g_registers[31] = context.uc_mcontext.sp;
  g_registers[32] = context.uc_mcontext.pc;
}
#endif

void take(const ucontext_t& context) {
  if (g_taken) return;
  take_registers(context);
  g_from = g_registers[kStackPointer] - kRedZone;
  g_bytes = g_stack_end - g_from < kMostStack ? g_stack_end - g_from : kMostStack;
  const auto* const from = reinterpret_cast<const volatile unsigned char*>(g_from);
  for (std::size_t i = 0; i < g_bytes; ++i) g_stack[i] = from[i];
  g_taken = true;
}

void on_signal(int, siginfo_t*, void* context) { take(*static_cast<const ucontext_t*>(context)); }

#if defined(__x86_64__)
// Steps through the program until it stands in a linkage table: at the jump, or at the push of the call's number.
volatile bool g_at_push = false;
void on_step(int, siginfo_t*, void* raw) {
  auto& context = *static_cast<ucontext_t*>(raw);
  const auto* const code = reinterpret_cast<const unsigned char*>(context.uc_mcontext.gregs[REG_RIP]);
  const bool jump = code[0] == 0xff && code[1] == 0x25 && code[6] == 0x68;
  const bool push = code[0] == 0xe9 && code[-5] == 0x68 && code[-11] == 0xff;
  if (g_at_push ? push : jump) take(context);
  if (g_taken) context.uc_mcontext.gregs[REG_EFL] &= ~0x100ll;
}
__attribute__((noinline)) void step_into_linkage() {
  asm volatile("pushfq; orq $0x100, (%%rsp); popfq" ::: "memory", "cc");
  // Never called before, so that the linkage table asks the dynamic linker.
  g_registers[0] += static_cast<std::uint64_t>(::strverscmp("a", "b"));
  asm volatile("");
}
void at_linkage_jump() { step_into_linkage(); }
void at_linkage_push() {
  g_at_push = true;
  step_into_linkage();
}
#endif

struct Named {
  const char* name;
  void (*run)();
};
const Named kMore[] = {
    {"main thread", [] { look(); }},
#if defined(__x86_64__)
    {"linkage table, jump", at_linkage_jump},
    {"linkage table, push", at_linkage_push},
#endif
};

std::uint64_t end_of_own_stack() {
  pthread_attr_t attributes;
  void* base = nullptr;
  std::size_t bytes = 0;
  ::pthread_getattr_np(::pthread_self(), &attributes);
  ::pthread_attr_getstack(&attributes, &base, &bytes);
  ::pthread_attr_destroy(&attributes);
  return reinterpret_cast<std::uint64_t>(base) + bytes;
}

void print(const char* name) {
  std::printf("what %s\nmachine %s\nip 0x%llx\n", name, kMachine, static_cast<unsigned long long>(g_registers[32]));
  for (unsigned i = 0; i < kRegisters; ++i)
    std::printf("register %u 0x%llx\n", i, static_cast<unsigned long long>(g_registers[i]));
  std::FILE* const maps = std::fopen("/proc/self/maps", "r");
  char line[4096];
  while (maps != nullptr && std::fgets(line, sizeof line, maps) != nullptr) {
    unsigned long start = 0, end = 0, offset = 0;
    char mode[8] = {}, path[4096] = {};
    if (std::sscanf(line, "%lx-%lx %7s %lx %*s %*s %4095s", &start, &end, mode, &offset, path) >= 4 && mode[2] == 'x' &&
        path[0] == '/')
      std::printf("map 0x%lx 0x%lx 0x%lx %s\n", start, end, offset, path);
  }
  std::printf("stack 0x%llx\nbytes ", static_cast<unsigned long long>(g_from));
  for (std::size_t i = 0; i < g_bytes; ++i) std::printf("%02x", g_stack[i]);
  std::printf("\n");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    for (unsigned i = 0; i < kScenarioCount; ++i) std::puts(kScenarios[i].name);
    for (unsigned i = 0; i < kBlockedCount; ++i) std::puts(kBlocked[i].name);
    for (const Named& more : kMore) std::puts(more.name);
    return 0;
  }
  struct sigaction action{};
  action.sa_sigaction = on_signal;
  action.sa_flags = SA_SIGINFO | SA_RESTART;
  ::sigaction(SIGUSR1, &action, nullptr);
#if defined(__x86_64__)
  action.sa_sigaction = on_step;
  ::sigaction(SIGTRAP, &action, nullptr);
#endif
  const char* const wanted = argv[1];
  for (unsigned i = 0; i < kScenarioCount; ++i) {
    if (std::strcmp(kScenarios[i].name, wanted) != 0) continue;
    std::thread([&] {
      g_stack_end = end_of_own_stack();
      kScenarios[i].run();
    }).join();
  }
  for (unsigned i = 0; i < kBlockedCount; ++i) {
    if (std::strcmp(kBlocked[i].name, wanted) != 0) continue;
    std::thread waits([&] {
      g_stack_end = end_of_own_stack();
      kBlocked[i].run();
    });
    const timespec while_it_starts{0, 50'000'000};
    ::nanosleep(&while_it_starts, nullptr);
    ::pthread_kill(waits.native_handle(), SIGUSR1);
    while (!g_taken) ::nanosleep(&while_it_starts, nullptr);
    stop_blocking();
    waits.join();
  }
  for (const Named& more : kMore) {
    if (std::strcmp(more.name, wanted) != 0) continue;
    g_stack_end = end_of_own_stack();
    more.run();
  }
  if (!g_taken) return 1;
  print(wanted);
  return 0;
}
