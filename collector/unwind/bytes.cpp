#include "collector/unwind/bytes.hpp"

namespace fanlight::unwind {
namespace {

constexpr std::uint8_t kFormat = 0x0f;
constexpr std::uint8_t kCountedFrom = 0x70;
constexpr std::uint8_t kFromHere = 0x10;
constexpr std::uint8_t kIndirect = 0x80;

std::uint64_t widen(std::int64_t value) { return static_cast<std::uint64_t>(value); }

}  // namespace

std::optional<std::uint64_t> read_length(Bytes& bytes, Encoding encoding) {
  std::uint64_t value = 0;
  switch (encoding.value & kFormat) {
    case 0x00:
    case 0x04: value = bytes.number<std::uint64_t>(); break;
    case 0x01: value = bytes.uleb(); break;
    case 0x02: value = bytes.number<std::uint16_t>(); break;
    case 0x03: value = bytes.number<std::uint32_t>(); break;
    case 0x09: value = widen(bytes.sleb()); break;
    case 0x0a: value = widen(bytes.number<std::int16_t>()); break;
    case 0x0b: value = widen(bytes.number<std::int32_t>()); break;
    case 0x0c: value = widen(bytes.number<std::int64_t>()); break;
    default: return std::nullopt;
  }
  if (!bytes.ok()) return std::nullopt;
  return value;
}

std::optional<std::uint64_t> read_pointer(Bytes& bytes, Encoding encoding, std::uint64_t here) {
  if (encoding.skipped() || (encoding.value & kIndirect) != 0) return std::nullopt;
  const std::uint64_t base = here + bytes.position();
  const auto value = read_length(bytes, encoding);
  if (!value) return std::nullopt;
  switch (encoding.value & kCountedFrom) {
    case 0: return *value;
    case kFromHere: return base + *value;
    default: return std::nullopt;
  }
}

}  // namespace fanlight::unwind
