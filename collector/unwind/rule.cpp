#include "collector/unwind/rule.hpp"

#include <limits>
#include <optional>

#include "collector/unwind/bytes.hpp"

namespace fanlight::unwind {
namespace {

// Source: DWARF 5, 7.7.1.
constexpr std::uint8_t kDereference = 0x06;
constexpr std::uint8_t kAnd = 0x1a;
constexpr std::uint8_t kPlus = 0x22;
constexpr std::uint8_t kPlusConstant = 0x23;
constexpr std::uint8_t kShiftLeft = 0x24;
constexpr std::uint8_t kGreaterEqual = 0x2a;
constexpr std::uint8_t kLiteral0 = 0x30;
constexpr std::uint8_t kRegister0 = 0x70;
constexpr std::uint8_t kRegister31 = 0x8f;

constexpr std::uint64_t kRbp = 6;
constexpr std::uint64_t kRsp = 7;
constexpr std::uint64_t kReturnAddress = 16;
constexpr std::uint64_t kGeneralRegisters = 16;

// Where the kernel keeps registers in a signal's frame: r8 is the first of struct sigcontext, behind five words of
// struct ucontext; rsp is the sixteenth of them.
constexpr std::int64_t kSignalRegisters = 40;
constexpr std::int64_t kSignalStackPointer = 160;

struct Base {
  std::uint64_t number = 0;
  std::int64_t offset = 0;
};

std::optional<Base> read_base(Bytes& bytes) {
  const std::uint8_t operation = bytes.byte();
  if (!bytes.ok() || operation < kRegister0 || operation > kRegister31) return std::nullopt;
  const Base base{static_cast<std::uint64_t>(operation - kRegister0), bytes.sleb()};
  if (!bytes.ok()) return std::nullopt;
  return base;
}

template <class To>
bool fits(std::int64_t value) {
  return value >= std::numeric_limits<To>::min() && value <= std::numeric_limits<To>::max();
}

Rule unsupported() { return {.kind = FANLIGHT_UNWIND_UNSUPPORTED}; }

/// "rsp + 8 + ((rip & 15) >= N) * 8": what linkers write for the procedure linkage table.
std::optional<std::uint8_t> plt_threshold(std::span<const std::uint8_t> expression, const Base& base) {
  Bytes bytes(expression);
  read_base(bytes);
  const auto address = read_base(bytes);
  if (base.number != kRsp || !address || address->number != kReturnAddress || address->offset != 0) return std::nullopt;
  const auto rest = bytes.take(expression.size() - bytes.position());
  if (rest.size() != 7 || rest[0] != kLiteral0 + 15 || rest[1] != kAnd || rest[2] < kLiteral0 ||
      rest[2] > kLiteral0 + 15 || rest[3] != kGreaterEqual || rest[4] != kLiteral0 + 3 || rest[5] != kShiftLeft ||
      rest[6] != kPlus)
    return std::nullopt;
  return static_cast<std::uint8_t>(rest[2] - kLiteral0);
}

/// CFA part of a rule whose CFA is an expression.
Rule expression_rule(std::span<const std::uint8_t> expression, bool signal) {
  Bytes bytes(expression);
  const auto base = read_base(bytes);
  if (!base || !fits<std::int32_t>(base->offset)) return unsupported();
  Rule rule{.offset = static_cast<std::int32_t>(base->offset)};
  if (const auto threshold = plt_threshold(expression, *base)) {
    rule.kind = FANLIGHT_UNWIND_PLT;
    rule.base = kRsp;
    rule.after = *threshold;
    return rule;
  }
  if (base->number >= kGeneralRegisters || bytes.byte() != kDereference) return unsupported();
  if (bytes.empty() && signal && base->number == kRsp && base->offset == kSignalStackPointer) {
    rule.kind = FANLIGHT_UNWIND_SIGNAL;
    rule.base = kRsp;
    rule.offset = kSignalRegisters;
    return rule;
  }
  rule.kind = FANLIGHT_UNWIND_DEREFERENCE;
  rule.base = static_cast<std::uint8_t>(base->number);
  if (!bytes.empty()) {
    const bool plus = bytes.byte() == kPlusConstant;
    const std::uint64_t after = bytes.uleb();
    if (!plus || !bytes.ok() || !bytes.empty() || after > 1u << 30) return unsupported();
    rule.after = static_cast<std::int32_t>(after);
  }
  return rule;
}

/// False: the location is one that the rule cannot say.
bool place(const Location& location, std::int16_t& where, std::uint8_t& flags, std::uint8_t saved) {
  switch (location.kind) {
    case Location::Kind::from_rbp: flags |= FANLIGHT_UNWIND_FROM_RBP; [[fallthrough]];
    case Location::Kind::at_cfa:
      if (!fits<std::int16_t>(location.value)) return false;
      where = static_cast<std::int16_t>(location.value);
      flags |= saved;
      return true;
    default:
      // In another register, undefined, or a computed value: what the callee has in it is the best guess, and it only
      // matters if an outer frame goes by it.
      return true;
  }
}

}  // namespace

Location location_of_expression(std::span<const std::uint8_t> expression) {
  Bytes bytes(expression);
  const auto base = read_base(bytes);
  if (!base || !bytes.empty() || base->number != kRbp) return {Location::Kind::other, 0};
  return {Location::Kind::from_rbp, base->offset};
}

namespace {

constexpr std::uint64_t kArm64Registers = 32;
// Where the kernel keeps x0 in a signal's frame: behind struct siginfo (128), the head of struct ucontext (176 with its
// padding) and the fault's address.
constexpr std::int32_t kArm64SignalRegisters = 312;
constexpr std::uint8_t kArm64StackPointer = 31;

/// See bpf/unwind_arm64.h for what the fields mean.
Rule arm64_rule(const CfiRow& row, bool signal) {
  if (signal) return {.offset = kArm64SignalRegisters, .kind = FANLIGHT_UNWIND_SIGNAL, .base = kArm64StackPointer};
  if (row.cfa_is_expression || row.cfa_register >= kArm64Registers || !fits<std::int32_t>(row.cfa_offset))
    return unsupported();
  Rule rule{.offset = static_cast<std::int32_t>(row.cfa_offset),
            .kind = FANLIGHT_UNWIND_REGISTER,
            .base = static_cast<std::uint8_t>(row.cfa_register)};
  if (row.rbp.kind == Location::Kind::at_cfa && !place(row.rbp, rule.rbp, rule.flags, FANLIGHT_UNWIND_RBP_SAVED))
    return unsupported();
  const Location& back = row.return_address;
  if (back.kind == Location::Kind::same) return rule;
  if (back.kind != Location::Kind::at_cfa || !place(back, rule.rbx, rule.flags, FANLIGHT_UNWIND_RBX_SAVED))
    return unsupported();
  return rule;
}

}  // namespace

Rule rule_of(const CfiRow& row, bool signal, Machine machine) {
  if (row.return_address.kind == Location::Kind::undefined) return {.kind = FANLIGHT_UNWIND_END};
  if (machine == Machine::arm64) return arm64_rule(row, signal);
  Rule rule;
  if (row.cfa_is_expression) {
    rule = expression_rule(row.cfa_expression, signal);
    if (rule.kind == FANLIGHT_UNWIND_UNSUPPORTED || rule.kind == FANLIGHT_UNWIND_SIGNAL) return rule;
  } else {
    if (row.cfa_register >= kGeneralRegisters || !fits<std::int32_t>(row.cfa_offset)) return unsupported();
    rule = {.offset = static_cast<std::int32_t>(row.cfa_offset),
            .kind = FANLIGHT_UNWIND_REGISTER,
            .base = static_cast<std::uint8_t>(row.cfa_register)};
  }
  const Location& back = row.return_address;
  if (back.kind == Location::Kind::in_register && back.value >= 0 && back.value < 16)
    rule.return_register = static_cast<std::uint8_t>(back.value + 1);
  else if (back.kind != Location::Kind::at_cfa || back.value != -8)
    return unsupported();
  std::uint8_t rbp_flags = 0, rbx_flags = 0;
  if (!place(row.rbp, rule.rbp, rbp_flags, FANLIGHT_UNWIND_RBP_SAVED) ||
      !place(row.rbx, rule.rbx, rbx_flags, FANLIGHT_UNWIND_RBX_SAVED))
    return unsupported();
  // One flag tells for both what they count from.
  const bool mixed = ((rbp_flags ^ rbx_flags) & FANLIGHT_UNWIND_FROM_RBP) != 0;
  if (mixed && rbp_flags != 0 && rbx_flags != 0) {
    rbx_flags = 0;
    rule.rbx = 0;
  }
  rule.flags = rbp_flags | rbx_flags;
  return rule;
}

}  // namespace fanlight::unwind
