#include "tests/collector/unwind/golden/replay.hpp"

#include <elfutils/libdwfl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "collector/unwind/published.hpp"
#include "collector/unwind/table.hpp"
#include "collector/unwind/walk_arm64.hpp"
#include "core/fd.hpp"

namespace fanlight::unwind::testing {
namespace {

Walked walk_by_machine(const GoldenStack& stack, const Arrays& arrays, std::uint32_t list) {
  const ReadMemory read = [&](void* into, std::size_t bytes, std::uint64_t address) {
    return stack.read(into, bytes, address);
  };
  if (stack.machine == "aarch64") {
    Arm64Registers registers{.pc = stack.ip};
    for (const auto& [number, value] : stack.registers)
      if (number < std::size(registers.general)) registers.general[number] = value;
    return walk(arrays, list, registers, read);
  }
  Registers registers{.ip = stack.ip};
  for (const auto& [number, value] : stack.registers)
    if (number < std::size(registers.general)) registers.general[number] = value;
  return walk(arrays, list, registers, read);
}

}  // namespace

Walked walk_golden(const GoldenStack& stack) {
  const Machine machine = stack.machine == "aarch64" ? Machine::arm64 : Machine::x86_64;
  std::vector<Table> tables;
  for (const GoldenModule& module : stack.modules) {
    const std::string file = small_elf(module, stack.machine);
    auto table = build_table(std::as_bytes(std::span(file.data(), file.size())), machine);
    if (!table) return {};
    tables.push_back(std::move(*table));
  }
  std::vector<const Table*> pointers;
  for (const Table& table : tables) pointers.push_back(&table);
  const Capacity need = capacity_for(pointers);
  std::vector<fanlight_unwind_chunk> chunks(need.chunks);
  std::vector<fanlight_unwind_page> pages(need.pages);
  std::vector<fanlight_unwind_rule> rules(std::max<std::size_t>(need.rules, 1));
  std::vector<fanlight_unwind_mappings> lists(2);
  const Arrays arrays{chunks, pages, rules, lists};
  Published published(arrays);
  std::vector<Placed> placed(tables.size());
  std::vector<MappedTable> mapped;
  for (std::size_t i = 0; i < tables.size(); ++i) {
    placed[i] = published.place(tables[i]);
    const GoldenModule& module = stack.modules[i];
    mapped.push_back({.start = module.start, .end = module.end, .bias = module.bias, .table = &placed[i]});
  }
  std::ranges::sort(mapped, {}, &MappedTable::start);
  published.map(mapped);
  return walk_by_machine(stack, arrays, published.list());
}

std::vector<std::uint64_t> reference_golden(const GoldenStack& stack) {
  static const Dwfl_Callbacks kCallbacks = {
      .find_elf = nullptr,
      .find_debuginfo = [](Dwfl_Module*, void**, const char*, Dwarf_Addr, const char*, const char*, GElf_Word,
                           char**) -> int { return -1; },
      .section_address = nullptr,
      .debuginfo_path = nullptr};
  struct EndDwfl {
    void operator()(Dwfl* dwfl) const { ::dwfl_end(dwfl); }
  };
  const std::unique_ptr<Dwfl, EndDwfl> dwfl(::dwfl_begin(&kCallbacks));
  ::dwfl_report_begin(dwfl.get());
  Elf* first = nullptr;
  for (const GoldenModule& module : stack.modules) {
    const std::string bytes = small_elf(module, stack.machine);
    const int file = ::memfd_create("golden", 0);
    if (::write(file, bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size())) return {};
    // Takes the descriptor over.
    Dwfl_Module* const reported =
        ::dwfl_report_elf(dwfl.get(), module.name.c_str(), module.name.c_str(), file, module.bias, true);
    GElf_Addr bias = 0;
    if (reported != nullptr && first == nullptr) first = ::dwfl_module_getelf(reported, &bias);
  }
  ::dwfl_report_end(dwfl.get(), nullptr, nullptr);
  struct Walk {
    const GoldenStack& stack;
    std::vector<std::uint64_t> frames;
  } walk{stack, {}};
  static const Dwfl_Thread_Callbacks kThreads = {
      .next_thread = [](Dwfl*, void*, void**) -> pid_t { return 0; },
      .get_thread = [](Dwfl*, pid_t, void* argument, void** thread) -> bool {
        *thread = argument;
        return true;
      },
      .memory_read = [](Dwfl*, Dwarf_Addr address, Dwarf_Word* result, void* argument) -> bool {
        return static_cast<Walk*>(argument)->stack.read(result, sizeof *result, address);
      },
      .set_initial_registers = [](Dwfl_Thread* thread, void* argument) -> bool {
        const GoldenStack& golden = static_cast<Walk*>(argument)->stack;
        for (const auto& [number, value] : golden.registers)
          if (!::dwfl_thread_state_registers(thread, static_cast<int>(number), 1, &value)) return false;
        if (golden.machine != "aarch64") return ::dwfl_thread_state_registers(thread, 16, 1, &golden.ip);
        ::dwfl_thread_state_register_pc(thread, golden.ip);
        return true;
      },
      .detach = nullptr,
      .thread_detach = nullptr};
  if (!::dwfl_attach_state(dwfl.get(), first, 1, &kThreads, &walk)) return {};
  ::dwfl_getthread_frames(
      dwfl.get(), 1,
      [](Dwfl_Frame* frame, void* argument) -> int {
        auto& walked = *static_cast<Walk*>(argument);
        Dwarf_Addr pc = 0;
        bool activation = false;
        if (!::dwfl_frame_pc(frame, &pc, &activation)) return DWARF_CB_ABORT;
        walked.frames.push_back(pc);
        return walked.frames.size() < 600 ? DWARF_CB_OK : DWARF_CB_ABORT;
      },
      &walk);
  return walk.frames;
}

}  // namespace fanlight::unwind::testing
