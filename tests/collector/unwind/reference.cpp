#include "tests/collector/unwind/reference.hpp"

#include <elfutils/libdwfl.h>
#include <unistd.h>

#include <cstdlib>

namespace fanlight::unwind::testing {

struct Reference::State {
  Dwfl* dwfl = nullptr;
  const Captured* captured = nullptr;
  std::vector<std::uint64_t>* frames = nullptr;
  std::size_t most = 0;
  bool given = false;
};

namespace {

char* no_debug_files = const_cast<char*>("");
const Dwfl_Callbacks kCallbacks = {.find_elf = dwfl_linux_proc_find_elf,
                                   .find_debuginfo = dwfl_standard_find_debuginfo,
                                   .section_address = nullptr,
                                   .debuginfo_path = &no_debug_files};

}  // namespace

Reference::Reference() : state_(std::make_unique<State>()) {
  ::unsetenv("DEBUGINFOD_URLS");
  State& state = *state_;
  state.dwfl = ::dwfl_begin(&kCallbacks);
  ::dwfl_linux_proc_report(state.dwfl, ::getpid());
  ::dwfl_report_end(state.dwfl, nullptr, nullptr);
  static const Dwfl_Thread_Callbacks threads = {
      .next_thread = [](Dwfl*, void*, void**) -> pid_t { return 0; },
      .get_thread = [](Dwfl*, pid_t, void* argument, void** thread) -> bool {
        *thread = argument;
        return true;
      },
      .memory_read = [](Dwfl*, Dwarf_Addr address, Dwarf_Word* result, void* argument) -> bool {
        return static_cast<State*>(argument)->captured->read(result, sizeof *result, address);
      },
      .set_initial_registers = [](Dwfl_Thread* thread, void* argument) -> bool {
        const Registers& registers = static_cast<State*>(argument)->captured->registers;
        Dwarf_Word words[17];
        for (int i = 0; i < 16; ++i) words[i] = registers.general[i];
        words[16] = registers.ip;
        return ::dwfl_thread_state_registers(thread, 0, 17, words);
      },
      .detach = nullptr,
      .thread_detach = nullptr};
  ::dwfl_attach_state(state.dwfl, nullptr, ::getpid(), &threads, &state);
}

Reference::~Reference() { ::dwfl_end(state_->dwfl); }

std::vector<std::uint64_t> Reference::walk(const Captured& captured, std::size_t most) {
  std::vector<std::uint64_t> frames;
  state_->captured = &captured;
  state_->frames = &frames;
  state_->most = most;
  ::dwfl_getthread_frames(
      state_->dwfl, ::getpid(),
      [](Dwfl_Frame* frame, void* argument) -> int {
        auto& state = *static_cast<State*>(argument);
        Dwarf_Addr pc = 0;
        bool activation = false;
        if (!::dwfl_frame_pc(frame, &pc, &activation)) return DWARF_CB_ABORT;
        state.frames->push_back(pc);
        return state.frames->size() < state.most ? DWARF_CB_OK : DWARF_CB_ABORT;
      },
      state_.get());
  return frames;
}

}  // namespace fanlight::unwind::testing
