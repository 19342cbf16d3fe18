// One row of call-frame information as the walker follows it. In: where CFA and registers are, as DWARF says. Out: a
// rule of 16 bytes.
#pragma once

#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <string_view>
#include <type_traits>

#include "bpf/unwind_tables.h"

// Beside the type, where templates look for it.
inline bool operator==(const fanlight_unwind_rule& a, const fanlight_unwind_rule& b) {
  return std::memcmp(&a, &b, sizeof a) == 0;
}

namespace fanlight::unwind {

using Rule = fanlight_unwind_rule;
static_assert(std::has_unique_object_representations_v<Rule>);

struct RuleHash {
  std::size_t operator()(const Rule& rule) const {
    return std::hash<std::string_view>{}({reinterpret_cast<const char*>(&rule), sizeof rule});
  }
};

enum class Machine : std::uint8_t { x86_64, arm64 };

/// Registers by DWARF number. `saved` is the one beside the frame pointer that frames are found by.
struct MachineRegisters {
  std::uint64_t frame = 6;  // rbp
  std::uint64_t saved = 3;  // rbx; none on arm64
};
constexpr MachineRegisters registers_of(Machine machine) {
  return machine == Machine::arm64 ? MachineRegisters{.frame = 29, .saved = ~std::uint64_t{0}} : MachineRegisters{};
}

/// Source: DWARF 5, 6.4.1. Only what can matter for walking: the CFA, rbp, rbx and the return address.
struct Location {
  enum class Kind : std::uint8_t { same, at_cfa, in_register, undefined, from_rbp, other } kind = Kind::same;
  std::int64_t value = 0;  // at_cfa, from_rbp: bytes; in_register: its number
};

struct CfiRow {
  bool cfa_is_expression = false;
  std::uint64_t cfa_register = 0;
  std::int64_t cfa_offset = 0;
  std::span<const std::uint8_t> cfa_expression;
  Location rbp, rbx;  // or what stands for them, see MachineRegisters
  Location return_address{Location::Kind::at_cfa, -8};
};

/// A function's first row, before any instruction.
constexpr CfiRow first_row(Machine machine) {
  CfiRow row;
  // A call on arm64 leaves the return address in a register.
  if (machine == Machine::arm64) row.return_address = {};
  return row;
}

/// `signal`: its augmentation says that the frame is one that the kernel made. What cannot be followed becomes
/// FANLIGHT_UNWIND_UNSUPPORTED. Threads: any. Cost: ns.
Rule rule_of(const CfiRow& row, bool signal, Machine machine = Machine::x86_64);

/// "DW_OP_breg6 -48" -> -48 from rbp. Anything else: Kind::other.
Location location_of_expression(std::span<const std::uint8_t> expression);

}  // namespace fanlight::unwind
