// Stacks of the signal handler, of code without frame pointers and through libc: whole, as elfutils' tables have them.
#include "collector/inprocess/own_tables.hpp"

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <ucontext.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <random>
#include <string_view>
#include <thread>
#include <vector>

#include "collector/inprocess/own_modules.hpp"
#include "collector/inprocess/table_builder.hpp"
#include "collector/unwind/target_tables.hpp"
#include "collector/unwind/walk.hpp"
#include "tests/collector/unwind/capture.hpp"
#include "tests/collector/unwind/scenarios.hpp"

namespace fanlight::inprocess {
namespace {

using unwind::testing::Captured;

struct Taken {
  Captured captured;
  std::array<__u64, 512> addresses{};
  OwnWalk walk;
};
constexpr std::size_t kMost = 1000;
std::vector<Taken> g_taken(kMost);
std::atomic<std::size_t> g_count = 0;
thread_local std::uint64_t t_stack_begin = 0, t_stack_end = 0;

void bounds_of_own_stack() {
  pthread_attr_t attributes;
  void* base = nullptr;
  std::size_t bytes = 0;
  ::pthread_getattr_np(::pthread_self(), &attributes);
  ::pthread_attr_getstack(&attributes, &base, &bytes);
  ::pthread_attr_destroy(&attributes);
  t_stack_begin = reinterpret_cast<std::uint64_t>(base);
  t_stack_end = t_stack_begin + bytes;
}

void on_signal(int, siginfo_t*, void* context) {
  const std::size_t index = g_count.load();
  if (index >= kMost || t_stack_end == 0) return;
  Taken& taken = g_taken[index];
  unwind::testing::capture(*static_cast<const ucontext_t*>(context), t_stack_end, taken.captured);
  taken.walk = walk_by_own_tables(*static_cast<const ucontext_t*>(context), t_stack_begin, t_stack_end,
                                  taken.addresses.data(), static_cast<unsigned>(taken.addresses.size()));
  g_count.store(index + 1);
}

class OwnTables : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    struct sigaction action{};
    action.sa_sigaction = on_signal;
    action.sa_flags = SA_SIGINFO | SA_RESTART;
    ::sigaction(SIGUSR1, &action, nullptr);
    update_own_tables();
  }
  void SetUp() override {
    g_count = 0;
    for (Taken& taken : g_taken) taken.captured.stack.reserve(16 << 10);
    g_taken[0].captured.stack.reserve(256 << 10);
  }

  /// The tables that the collector makes of this process out of its files.
  struct Collectors {
    Collectors() : tables(::getpid(), unwind::Cache(symbols::DiskCache())) {
      EXPECT_TRUE(tables.prepare());
      const unwind::Capacity need = tables.capacity();
      chunks.resize(need.chunks);
      pages.resize(need.pages);
      rules.resize(FANLIGHT_UNWIND_RULES);
      lists.resize(2);
      tables.publish(arrays());
    }
    unwind::Arrays arrays() { return {chunks, pages, rules, lists}; }
    std::vector<std::uint64_t> walk(const Captured& captured) {
      std::vector<std::uint64_t> all;
      const auto walked = unwind::walk(
          arrays(), tables.list(), captured.registers,
          [&](void* into, std::size_t bytes, std::uint64_t address) { return captured.read(into, bytes, address); });
      for (const auto& frame : walked.frames) all.push_back(frame.address);
      return all;
    }
    unwind::TargetTables tables;
    std::vector<fanlight_unwind_chunk> chunks;
    std::vector<fanlight_unwind_page> pages;
    std::vector<fanlight_unwind_rule> rules;
    std::vector<fanlight_unwind_mappings> lists;
  };

  static std::vector<std::uint64_t> addresses(const Taken& taken) {
    std::vector<std::uint64_t> all;
    for (unsigned i = 0; i < taken.walk.frames; ++i)
      all.push_back(taken.addresses[i] & ((std::uint64_t{1} << FANLIGHT_FOUND_SHIFT) - 1));
    return all;
  }
};

TEST_F(OwnTables, WalkWhatTheCollectorsTablesWalk) {
  Collectors collectors;
  for (unsigned i = 0; i < unwind::testing::kScenarioCount; ++i) {
    SCOPED_TRACE(unwind::testing::kScenarios[i].name);
    g_count = 0;
    std::thread([&] {
      bounds_of_own_stack();
      unwind::testing::kScenarios[i].run();
    }).join();
    ASSERT_GE(g_count.load(), 1u);
    EXPECT_EQ(g_taken[0].walk.stop, FANLIGHT_STOP_ENTRY);
    EXPECT_EQ(addresses(g_taken[0]), collectors.walk(g_taken[0].captured));
    EXPECT_GT(g_taken[0].walk.frames, 4u);
    EXPECT_EQ(g_taken[0].addresses[1] >> FANLIGHT_FOUND_SHIFT, std::uint64_t{FANLIGHT_FOUND_EH_FRAME});
  }
}

TEST_F(OwnTables, WalkFromAnyInstruction) {
  volatile bool stop = false;
  std::atomic<bool> ready = false;
  std::thread worker([&] {
    bounds_of_own_stack();
    ready = true;
    unwind::testing::mixed_work(stop);
  });
  while (!ready) std::this_thread::yield();
  while (g_count < kMost) {
    ::pthread_kill(worker.native_handle(), SIGUSR1);
    std::this_thread::sleep_for(std::chrono::microseconds(50 + g_count % 97));
  }
  stop = true;
  worker.join();
  Collectors collectors;
  std::size_t whole = 0, differ = 0;
  for (const Taken& taken : g_taken) {
    whole += taken.walk.stop == FANLIGHT_STOP_ENTRY;
    differ += taken.walk.stop == FANLIGHT_STOP_ENTRY && addresses(taken) != collectors.walk(taken.captured);
  }
  EXPECT_EQ(differ, 0u);
  EXPECT_GE(whole, kMost - 2);
}

TEST_F(OwnTables, TakeInWhatIsLoadedAndForgetWhatIsUnloaded) {
  const std::size_t before = own_table_bytes();
  void* library = nullptr;
  // A stack that was taken within the library, or the last one that was not.
  const auto look_in_library = [&]() -> const Taken& {
    const auto work = reinterpret_cast<void (*)(long)>(::dlsym(library, "late_work"));
    Dl_info info{};
    ::dladdr(reinterpret_cast<void*>(work), &info);
    const auto start = reinterpret_cast<std::uint64_t>(info.dli_fbase);
    std::atomic<bool> ready = false, done = false;
    std::thread worker([&] {
      bounds_of_own_stack();
      ready = true;
      while (!done) work(5);
    });
    while (!ready) std::this_thread::yield();
    const auto inside = [&] { return g_taken[0].captured.registers.ip - start < 0x10000; };
    for (int attempt = 0; attempt < 500; ++attempt) {
      g_count = 0;
      ::pthread_kill(worker.native_handle(), SIGUSR1);
      while (g_count == 0) std::this_thread::yield();
      if (inside()) break;
    }
    done = true;
    worker.join();
    EXPECT_TRUE(inside());
    return g_taken[0];
  };
  for (int round = 0; round < 3; ++round) {
    SCOPED_TRACE(round);
    library = ::dlopen(UNWIND_LATE, RTLD_NOW);
    ASSERT_NE(library, nullptr) << ::dlerror();
    update_own_tables();
    const Taken& taken = look_in_library();
    EXPECT_EQ(taken.walk.stop, FANLIGHT_STOP_ENTRY);
    EXPECT_GT(taken.walk.frames, 4u);
    EXPECT_GT(own_table_bytes(), before);
    if (round == 0) {
      EXPECT_LT(own_table_bytes(), before + 65536);
    }
    const std::size_t with = own_table_bytes();
    ::dlclose(library);
    update_own_tables();
    EXPECT_EQ(own_table_bytes(), with) << "its rows wait for it to come back";
  }
  library = ::dlopen(UNWIND_LATE, RTLD_NOW);
  const Taken& unknown = look_in_library();
  const bool by_rule =
      unknown.walk.frames > 1 && unknown.addresses[1] >> FANLIGHT_FOUND_SHIFT == FANLIGHT_FOUND_EH_FRAME;
  EXPECT_FALSE(by_rule) << "not taken in yet";
  ::dlclose(library);
}

// What a target may hold in memory is not under our control: an index that leads astray must lead nowhere.
TEST(TableBuilder, SurvivesDamagedModules) {
  std::optional<OwnModule> real;
  void* const library = ::dlopen(UNWIND_LATE, RTLD_NOW);
  ASSERT_NE(library, nullptr);
  ::dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* into) {
        if (std::string_view(info->dlpi_name) == UNWIND_LATE)
          *static_cast<std::optional<OwnModule>*>(into) = own_module(*info);
        return 0;
      },
      &real);
  ASSERT_TRUE(real);
  const std::vector<std::uint8_t> section(real->section.begin(), real->section.end());
  std::minstd_rand random(23);
  auto memory = std::make_unique<TableMemory>();
  std::size_t described = 0;
  for (int round = 0; round < 4000; ++round) {
    std::vector<std::uint8_t> bytes = section;
    for (unsigned flips = random() % 20; flips > 0; --flips) {
      const std::size_t at = random() % 2 ? real->header + random() % real->header_bytes : random() % bytes.size();
      bytes[at] = static_cast<std::uint8_t>(random());
    }
    OwnModule module = *real;
    module.section = bytes;
    TableBuilder builder(*memory);
    builder.add(module);
    builder.publish();
    const auto& list = memory->mappings[memory->list & 1];
    for (std::uint32_t i = 0; i < list.count; ++i) {
      described += list.at[i].pages > 0;
      ASSERT_LE(list.at[i].page + list.at[i].pages, memory->used_pages);
      for (std::uint32_t page = list.at[i].page; page < list.at[i].page + list.at[i].pages; ++page)
        ASSERT_LE(memory->pages[page].first % FANLIGHT_UNWIND_CHUNK_ROWS + memory->pages[page].rows,
                  FANLIGHT_UNWIND_CHUNK_ROWS);
    }
    // Most rounds are modules of their own; begin anew before there is no room for more.
    if (memory->used_modules >= FANLIGHT_UNWIND_MAPPINGS - 1) memory = std::make_unique<TableMemory>();
  }
  EXPECT_GT(described, 1000u);
  ::dlclose(library);
}

}  // namespace
}  // namespace fanlight::inprocess
