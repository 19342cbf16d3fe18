#include "collector/unwind/walk.hpp"

#include <algorithm>
#include <iterator>

#include "collector/unwind/walk_arm64.hpp"

namespace {

template <class T>
const T* at(std::span<T> all, std::uint32_t index) {
  return index < all.size() ? &all[index] : nullptr;
}

const fanlight::unwind::Arrays& arrays_of(const void* tables) {
  return *static_cast<const fanlight::unwind::Arrays*>(tables);
}

const fanlight_unwind_page* fanlight_unwind_page_at(const void* tables, std::uint32_t index) {
  return at(arrays_of(tables).pages, index);
}
const fanlight_unwind_chunk* fanlight_unwind_chunk_at(const void* tables, std::uint32_t index) {
  return at(arrays_of(tables).chunks, index);
}
const fanlight_unwind_rule* fanlight_unwind_rule_at(const void* tables, std::uint32_t id) {
  return at(arrays_of(tables).rules, id);
}

}  // namespace

#include "bpf/unwind.h"
#include "bpf/unwind_arm64.h"

namespace fanlight::unwind {
namespace {

long read_for_walk(void* context, void* into, __u32 bytes, __u64 address) {
  const auto& read = *static_cast<const ReadMemory*>(context);
  return read(into, bytes, address) ? 0 : -1;
}

/// `step` is the machine's own; `ip` is where `state` keeps the instruction pointer.
template <class State>
Walked follow(State& state, const __u64& ip, auto step, const Arrays& arrays, std::uint32_t list,
              const ReadMemory& read, std::size_t room) {
  Walked walked;
  state.exact = 1;
  auto* context = const_cast<ReadMemory*>(&read);
  const fanlight_unwind_mappings& mappings = arrays.mappings[list & 1];
  while (walked.frames.size() < room) {
    walked.frames.push_back({ip, static_cast<fanlight_found>(state.found)});
    const std::uint32_t stop = step(read_for_walk, context, &arrays, &mappings, &state);
    if (stop != FANLIGHT_STOP_NOT) {
      walked.stop = static_cast<fanlight_unwind_stop>(stop);
      return walked;
    }
  }
  walked.stop = FANLIGHT_STOP_ROOM;
  return walked;
}

}  // namespace

Walked walk(const Arrays& arrays, std::uint32_t list, const Registers& registers, const ReadMemory& read,
            std::size_t room) {
  fanlight_unwind state{};
  std::ranges::copy(registers.general, std::begin(state.registers));
  state.ip = registers.ip;
  return follow(state, state.ip, fanlight_unwind_step, arrays, list, read, room);
}

Walked walk(const Arrays& arrays, std::uint32_t list, const Arm64Registers& registers, const ReadMemory& read,
            std::size_t room) {
  fanlight_unwind_arm64 state{};
  std::ranges::copy(registers.general, std::begin(state.registers));
  state.pc = registers.pc;
  return follow(state, state.pc, fanlight_unwind_arm64_step, arrays, list, read, room);
}

}  // namespace fanlight::unwind
