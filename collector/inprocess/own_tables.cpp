#include "collector/inprocess/own_tables.hpp"

#include <link.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <cstring>

#include "collector/inprocess/own_modules.hpp"
#include "collector/inprocess/table_builder.hpp"

namespace {

const fanlight::inprocess::TableMemory& memory_of(const void* tables) {
  return *static_cast<const fanlight::inprocess::TableMemory*>(tables);
}

const fanlight_unwind_page* fanlight_unwind_page_at(const void* tables, __u32 index) {
  return index < memory_of(tables).used_pages ? &memory_of(tables).pages[index] : nullptr;
}
const fanlight_unwind_chunk* fanlight_unwind_chunk_at(const void* tables, __u32 index) {
  return index < FANLIGHT_INPROCESS_CHUNKS ? &memory_of(tables).chunks[index] : nullptr;
}
const fanlight_unwind_rule* fanlight_unwind_rule_at(const void* tables, __u32 id) {
  return id < FANLIGHT_UNWIND_RULES ? &memory_of(tables).rules[id] : nullptr;
}

}  // namespace

#include "bpf/unwind.h"

namespace fanlight::inprocess {
namespace {

constinit TableMemory* g_tables = nullptr;
constinit std::size_t g_bytes = 0;
constinit ModuleChanges g_seen{};
constinit int g_updating = 0;

/// The modules of one pass over the linker's list; the lock is held between none of them.
struct Pass {
  std::size_t next = 0;  // module to take in
  std::size_t at = 0;
  bool found = false;
  TableBuilder* builder = nullptr;
};

int take_one(dl_phdr_info* info, std::size_t, void* argument) {
  auto& pass = *static_cast<Pass*>(argument);
  if (pass.at++ != pass.next) return 0;
  pass.found = true;
  if (const auto module = own_module(*info)) pass.builder->add(*module);
  return 1;
}

TableMemory* map_memory() {
  void* const memory =
      ::mmap(nullptr, sizeof(TableMemory), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return memory == MAP_FAILED ? nullptr : static_cast<TableMemory*>(memory);
}

/// Sanitizers must not look: what is read here are other functions' frames.
[[gnu::no_sanitize("address", "thread", "undefined")]]
long read_words(void* context, void* into, __u32 bytes, __u64 address) {
  const auto* const span = static_cast<const StackSpan*>(context);
  if (address < span->sp || address > span->end || bytes > span->end - address || address % 8 != 0) return -1;
  const auto* const from = reinterpret_cast<const volatile __u64*>(address);
  auto* const to = static_cast<__u64*>(into);
  for (__u32 i = 0; i < bytes / 8; ++i) to[i] = from[i];
  return 0;
}

void start_walk(const ucontext_t& context, fanlight_unwind& walk) {
  // The kernel's order of registers is that of REG_*; the walker's is DWARF's.
  static constexpr int kOrder[16] = {REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI, REG_RBP, REG_RSP,
                                     REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
  for (int i = 0; i < 16; ++i) walk.registers[i] = static_cast<__u64>(context.uc_mcontext.gregs[kOrder[i]]);
  walk.ip = static_cast<__u64>(context.uc_mcontext.gregs[REG_RIP]);
  walk.rbp_at = walk.rbx_at = 0;
  walk.exact = 1;
  walk.mapping = 0;
  walk.found = FANLIGHT_FOUND_REGISTERS;
  walk.stop = FANLIGHT_STOP_NOT;
}

}  // namespace

void update_own_tables() {
  // Whoever comes second finds what the first one made, a little later.
  if (__atomic_exchange_n(&g_updating, 1, __ATOMIC_ACQUIRE) != 0) return;
  const ModuleChanges now = module_changes();
  if (g_tables == nullptr || now != g_seen) {
    g_seen = now;
    TableMemory* const memory = g_tables != nullptr ? g_tables : map_memory();
    if (memory != nullptr) {
      TableBuilder builder(*memory);
      Pass pass{.builder = &builder};
      for (;; ++pass.next) {
        pass.at = 0;
        pass.found = false;
        ::dl_iterate_phdr(take_one, &pass);
        if (!pass.found) break;
      }
      builder.publish();
      g_bytes = builder.bytes();
      __atomic_store_n(&g_tables, memory, __ATOMIC_RELEASE);
    }
  }
  __atomic_store_n(&g_updating, 0, __ATOMIC_RELEASE);
}

std::size_t own_table_bytes() { return __atomic_load_n(&g_bytes, __ATOMIC_RELAXED); }

OwnWalk walk_by_own_tables(const ucontext_t& context, std::uint64_t stack_begin, std::uint64_t stack_end,
                           __u64* addresses, unsigned room) {
  const TableMemory* const tables = __atomic_load_n(&g_tables, __ATOMIC_ACQUIRE);
  fanlight_unwind walk;
  start_walk(context, walk);
  const std::uint64_t sp = walk.registers[FANLIGHT_RSP];
  if (tables == nullptr || room == 0 || sp < stack_begin || sp >= stack_end) return {};
  StackSpan span{.sp = sp, .end = stack_end};
  const __u32 list = __atomic_load_n(&tables->list, __ATOMIC_ACQUIRE);
  const fanlight_unwind_mappings& mappings = tables->mappings[list & 1];
  OwnWalk result;
  while (result.frames < room) {
    addresses[result.frames++] = walk.ip | static_cast<__u64>(walk.found) << FANLIGHT_FOUND_SHIFT;
    const __u32 stop = fanlight_unwind_step(read_words, &span, tables, &mappings, &walk);
    if (stop == FANLIGHT_STOP_NOT) continue;
    result.stop = static_cast<fanlight_unwind_stop>(stop);
    break;
  }
  if (result.stop == FANLIGHT_STOP_NOT) result.stop = FANLIGHT_STOP_ROOM;
  // Once another list is in use, the one walked by may be written again at any moment.
  if (__atomic_load_n(&tables->list, __ATOMIC_ACQUIRE) != list) return {};
  return result;
}

}  // namespace fanlight::inprocess
