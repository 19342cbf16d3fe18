#include "collector/unwind/walk.hpp"

#include <algorithm>
#include <iterator>

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

namespace fanlight::unwind {
namespace {

long read_for_walk(void* context, void* into, __u32 bytes, __u64 address) {
  const auto& read = *static_cast<const ReadMemory*>(context);
  return read(into, bytes, address) ? 0 : -1;
}

}  // namespace

Walked walk(const Arrays& arrays, std::uint32_t list, const Registers& registers, const ReadMemory& read,
            std::size_t room) {
  Walked walked;
  fanlight_unwind state{};
  std::ranges::copy(registers.general, std::begin(state.registers));
  state.ip = registers.ip;
  state.exact = 1;
  auto* context = const_cast<ReadMemory*>(&read);
  const fanlight_unwind_mappings& mappings = arrays.mappings[list & 1];
  while (walked.frames.size() < room) {
    walked.frames.push_back({state.ip, static_cast<fanlight_found>(state.found)});
    const std::uint32_t stop = fanlight_unwind_step(read_for_walk, context, &arrays, &mappings, &state);
    if (stop != FANLIGHT_STOP_NOT) {
      walked.stop = static_cast<fanlight_unwind_stop>(stop);
      return walked;
    }
  }
  walked.stop = FANLIGHT_STOP_ROOM;
  return walked;
}

}  // namespace fanlight::unwind
