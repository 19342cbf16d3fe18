#include "collector/unwind/linkage.hpp"

#include <algorithm>

namespace fanlight::unwind {
namespace {

constexpr std::array<std::uint8_t, 4> kEndbr64{0xf3, 0x0f, 0x1e, 0xfa};
constexpr std::array<std::uint8_t, 2> kNumberToR11{0x41, 0xbb};
constexpr std::array<std::uint8_t, 1> kBound{0xf2};
constexpr std::array<std::uint8_t, 2> kJumpThroughMemory{0xff, 0x25};
constexpr std::array<std::uint8_t, 2> kPushR11{0x41, 0x53};
constexpr std::array<std::uint8_t, 2> kPushMemory{0xff, 0x35};
constexpr std::size_t kThroughMemoryBytes = 6;
constexpr std::uint8_t kPush = 0x68;
constexpr std::int8_t kPushBytes = 5;
constexpr unsigned kStackPointer = 7;

/// Instructions one after the other.
struct Code {
  std::span<const std::uint8_t> bytes;
  std::size_t at = 0;

  bool take(std::span<const std::uint8_t> instruction, std::size_t length) {
    if (bytes.size() - at < length || !std::ranges::equal(bytes.subspan(at, instruction.size()), instruction))
      return false;
    at += length;
    return true;
  }
};

/// The caller's return address lies so far above the stack pointer, less a word.
Rule pushed(std::int32_t offset) { return {.offset = offset, .kind = FANLIGHT_UNWIND_REGISTER, .base = kStackPointer}; }

}  // namespace

std::optional<Rule> linkage_rule(std::span<const std::uint8_t, kLinkageEntry> entry) {
  Code code{entry};
  code.take(kEndbr64, kEndbr64.size());
  code.take(kNumberToR11, kNumberToR11.size() + 4);
  code.take(kBound, kBound.size());
  if (!code.take(kJumpThroughMemory, kThroughMemoryBytes)) return std::nullopt;
  if (code.at == kThroughMemoryBytes && entry[code.at] == kPush)
    return Rule{
        .offset = 8, .after = kThroughMemoryBytes + kPushBytes, .kind = FANLIGHT_UNWIND_PLT, .base = kStackPointer};
  return pushed(8);
}

std::optional<LinkageHead> linkage_head(std::span<const std::uint8_t> bytes) {
  Code code{bytes};
  LinkageHead head;
  const auto step = [&](std::int32_t offset) {
    head.steps[head.count++] = {static_cast<std::uint8_t>(code.at), pushed(offset)};
  };
  const bool branch = code.take(kEndbr64, kEndbr64.size());
  code.at = 0;
  Code behind{bytes, branch ? kEndbr64.size() : 0};
  if (behind.take(kPushR11, kPushR11.size())) {
    step(8);
    code.at = behind.at;
  } else if (branch) {
    return std::nullopt;
  }
  // Where the number comes in no register, the entry has pushed it.
  step(16);
  if (!code.take(kPushMemory, kThroughMemoryBytes)) return std::nullopt;
  step(24);
  code.take(kBound, kBound.size());
  if (!code.take(kJumpThroughMemory, kThroughMemoryBytes)) return std::nullopt;
  head.bytes = (code.at + kLinkageEntry - 1) / kLinkageEntry * kLinkageEntry;
  return head;
}

}  // namespace fanlight::unwind
