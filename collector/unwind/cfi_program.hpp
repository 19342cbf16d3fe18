// Interprets the instructions of call-frame information. In: the bytes of a CIE and an FDE, both hostile. Out: a rule
// for each stretch of code. Needs nothing but libc, so that it runs in targets as well.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "collector/unwind/bytes.hpp"
#include "collector/unwind/rule.hpp"

namespace fanlight::unwind {

/// What all functions of one CIE share.
struct Cie {
  std::uint64_t code_alignment = 1;
  std::int64_t data_alignment = -8;
  std::uint64_t return_register = 16;
  Encoding encoding;    // of addresses in its FDEs
  bool signal = false;  // the frames are the kernel's
  bool sized_augmentation = false;
  std::span<const std::uint8_t> instructions;
};

struct Range {
  std::uint64_t start = 0;  // virtual address, before relocation
  std::uint64_t end = 0;    // exclusive
};

/// One run of `interpret`.
template <class Use>
class Interpreter {
 public:
  Interpreter(const Cie& cie, Range range, Use& use, Machine machine)
      : cie_(cie), range_(range), use_(use), machine_(machine), row_(first_row(machine)), location_(range.start) {}

  bool run(std::span<const std::uint8_t> instructions) {
    if (!execute(cie_.instructions, false)) return stop();
    initial_ = row_;
    if (!execute(instructions, true)) return stop();
    emit();
    return true;
  }

 private:
  // Compilers nest once; the bound is for those who do not mean well.
  static constexpr std::size_t kMaxRemembered = 8;

  bool stop() {
    if (location_ < range_.end) use_(location_, Rule{});
    return false;
  }

  void emit() {
    if (location_ < range_.end) use_(location_, rule_of(row_, cie_.signal, machine_));
  }

  bool advance(std::uint64_t delta) {
    emit();
    const std::uint64_t left = range_.end - location_;
    // Beyond the end nothing is described any more; the instructions that follow are of no use.
    location_ = cie_.code_alignment != 0 && delta > left / cie_.code_alignment
                    ? range_.end
                    : location_ + delta * cie_.code_alignment;
    return true;
  }

  Location* place(std::uint64_t number) {
    const MachineRegisters registers = registers_of(machine_);
    if (number == registers.frame) return &row_.rbp;
    if (number == registers.saved) return &row_.rbx;
    if (number == cie_.return_register) return &row_.return_address;
    return nullptr;
  }
  void set(std::uint64_t number, Location location) {
    if (Location* where = place(number)) *where = location;
  }
  void restore(std::uint64_t number) {
    const MachineRegisters registers = registers_of(machine_);
    if (number == registers.frame) row_.rbp = initial_.rbp;
    if (number == registers.saved) row_.rbx = initial_.rbx;
    if (number == cie_.return_register) row_.return_address = initial_.return_address;
  }
  Location at_cfa(std::int64_t factored) const {
    return {Location::Kind::at_cfa, static_cast<std::int64_t>(static_cast<std::uint64_t>(factored) *
                                                              static_cast<std::uint64_t>(cie_.data_alignment))};
  }
  std::int64_t factored(std::int64_t value) const { return at_cfa(value).value; }
  void define_cfa(std::uint64_t number, std::int64_t offset) {
    row_.cfa_is_expression = false;
    row_.cfa_register = number;
    row_.cfa_offset = offset;
  }

  bool execute(std::span<const std::uint8_t> instructions, bool in_function) {
    Bytes bytes(instructions);
    while (!bytes.empty()) {
      const std::uint8_t code = bytes.byte();
      const std::uint64_t low = code & 0x3f;
      switch (code & 0xc0) {
        case 0x40:
          if (!in_function || !advance(low)) return false;
          continue;
        case 0x80: set(low, at_cfa(static_cast<std::int64_t>(bytes.uleb()))); break;
        case 0xc0: restore(low); break;
        default:
          if (!extended(code, bytes, in_function)) return false;
      }
      if (!bytes.ok()) return false;
    }
    return true;
  }

  bool extended(std::uint8_t code, Bytes& bytes, bool in_function) {
    const auto number = [&] { return bytes.uleb(); };
    const auto distance = [&] { return static_cast<std::int64_t>(bytes.uleb()); };
    switch (code) {
      case 0x00: return true;  // DW_CFA_nop
      case 0x01: {             // DW_CFA_set_loc
        const auto target = read_pointer(bytes, cie_.encoding, 0);
        // Relative to itself it would need the address of the instruction; compilers write advances instead.
        if (!target || !in_function || *target < location_ || *target > range_.end) return false;
        emit();
        location_ = *target;
        return true;
      }
      case 0x02: return in_function && advance(bytes.byte());
      case 0x03: return in_function && advance(bytes.number<std::uint16_t>());
      case 0x04: return in_function && advance(bytes.number<std::uint32_t>());
      case 0x05: {  // DW_CFA_offset_extended
        const std::uint64_t which = number();
        set(which, at_cfa(distance()));
        return true;
      }
      case 0x06: restore(number()); return true;
      case 0x07: set(number(), {Location::Kind::undefined, 0}); return true;
      case 0x08: set(number(), {Location::Kind::same, 0}); return true;
      case 0x09: {  // DW_CFA_register
        const std::uint64_t which = number();
        set(which, {Location::Kind::in_register, distance()});
        return true;
      }
      case 0x0a:  // DW_CFA_remember_state
        if (depth_ >= kMaxRemembered) return false;
        remembered_[depth_++] = row_;
        return true;
      case 0x0b:  // DW_CFA_restore_state
        if (depth_ == 0) return false;
        row_ = remembered_[--depth_];
        return true;
      case 0x0c: {  // DW_CFA_def_cfa
        const std::uint64_t which = number();
        define_cfa(which, distance());
        return true;
      }
      case 0x0d:  // DW_CFA_def_cfa_register
        if (row_.cfa_is_expression) return false;
        row_.cfa_register = number();
        return true;
      case 0x0e:  // DW_CFA_def_cfa_offset
        if (row_.cfa_is_expression) return false;
        row_.cfa_offset = distance();
        return true;
      case 0x0f:  // DW_CFA_def_cfa_expression
        row_.cfa_expression = bytes.take(number());
        row_.cfa_is_expression = true;
        return true;
      case 0x10: {  // DW_CFA_expression
        const std::uint64_t which = number();
        set(which, location_of_expression(bytes.take(number())));
        return true;
      }
      case 0x11: {  // DW_CFA_offset_extended_sf
        const std::uint64_t which = number();
        set(which, at_cfa(bytes.sleb()));
        return true;
      }
      case 0x12: {  // DW_CFA_def_cfa_sf
        const std::uint64_t which = number();
        define_cfa(which, factored(bytes.sleb()));
        return true;
      }
      case 0x13:  // DW_CFA_def_cfa_offset_sf
        if (row_.cfa_is_expression) return false;
        row_.cfa_offset = factored(bytes.sleb());
        return true;
      case 0x14:    // DW_CFA_val_offset
      case 0x15: {  // DW_CFA_val_offset_sf
        const std::uint64_t which = number();
        set(which, {Location::Kind::other, 0});
        bytes.uleb();
        return true;
      }
      case 0x16: {  // DW_CFA_val_expression
        const std::uint64_t which = number();
        bytes.take(number());
        set(which, {Location::Kind::other, 0});
        return true;
      }
      case 0x2d: return true;                // DW_CFA_GNU_window_save: no operand
      case 0x2e: bytes.uleb(); return true;  // DW_CFA_GNU_args_size
      case 0x2f: {                           // DW_CFA_GNU_negative_offset_extended
        const std::uint64_t which = number();
        Location where = at_cfa(distance());
        where.value = static_cast<std::int64_t>(0 - static_cast<std::uint64_t>(where.value));
        set(which, where);
        return true;
      }
      default: return false;
    }
  }

  const Cie& cie_;
  const Range range_;
  Use& use_;
  const Machine machine_;
  CfiRow row_;
  CfiRow initial_;
  CfiRow remembered_[kMaxRemembered];
  std::size_t depth_ = 0;
  std::uint64_t location_;
};

/// Calls `use(address, rule)` for each address of `range` from which on another rule holds, the first being its start;
/// addresses ascend. Returns false when the instructions are malformed: what came before the fault stands, and the
/// rest of the range has no rule. Cost: O(bytes), at most one call per two bytes. Source: DWARF 5, 6.4.2;
/// Linux Standard Base Core 5.0, 10.6 for what GNU adds.
template <class Use>
bool interpret(const Cie& cie, std::span<const std::uint8_t> instructions, Range range, Use&& use,
               Machine machine = Machine::x86_64) {
  return Interpreter<std::remove_reference_t<Use>>(cie, range, use, machine).run(instructions);
}

}  // namespace fanlight::unwind
