#include "collector/inprocess/linkage.hpp"

#include <algorithm>
#include <array>

namespace fanlight::inprocess {
namespace {

constexpr std::array<std::uint8_t, 4> kEndbr64{0xf3, 0x0f, 0x1e, 0xfa};
constexpr std::array<std::uint8_t, 2> kNumberToR11{0x41, 0xbb};
constexpr std::array<std::uint8_t, 1> kBound{0xf2};
constexpr std::array<std::uint8_t, 2> kJumpThroughMemory{0xff, 0x25};
constexpr std::size_t kJumpBytes = 6;
constexpr std::uint8_t kPush = 0x68;
constexpr std::int8_t kPushBytes = 5;
constexpr unsigned kRsp = 7;

}  // namespace

std::optional<unwind::Rule> linkage_rule(std::span<const std::uint8_t, kLinkageEntry> entry) {
  std::size_t at = 0;
  const auto take = [&](std::span<const std::uint8_t> instruction, std::size_t bytes) {
    if (!std::ranges::equal(entry.subspan(at, instruction.size()), instruction)) return false;
    at += bytes;
    return true;
  };
  take(kEndbr64, kEndbr64.size());
  take(kNumberToR11, kNumberToR11.size() + 4);
  take(kBound, kBound.size());
  if (!take(kJumpThroughMemory, kJumpBytes)) return std::nullopt;
  if (at == kJumpBytes && entry[at] == kPush)
    return unwind::Rule{.offset = 8, .after = kJumpBytes + kPushBytes, .kind = FANLIGHT_UNWIND_PLT, .base = kRsp};
  return unwind::Rule{.offset = 8, .kind = FANLIGHT_UNWIND_REGISTER, .base = kRsp};
}

}  // namespace fanlight::inprocess
