#include "load/payload.hpp"

#include <algorithm>
#include <array>

namespace fanlight::load {
namespace {

constexpr std::string_view kMark = "fl1 ";

struct Field {
  std::size_t at;
  std::size_t digits;
};
constexpr Field kRun{4, 8}, kPublisher{13, 4}, kSequence{18, 12}, kDue{31, 16};
static_assert(kDue.at + kDue.digits + 1 == kMinPayload);

void put(std::span<char> out, Field field, std::uint64_t value) {
  for (std::size_t i = field.digits; i-- > 0; value >>= 4) out[field.at + i] = "0123456789abcdef"[value & 15];
  out[field.at + field.digits] = ' ';
}

constexpr std::array<std::int8_t, 256> kDigits = [] {
  std::array<std::int8_t, 256> digits{};
  digits.fill(-1);
  for (int i = 0; i < 10; ++i) digits[static_cast<std::size_t>('0' + i)] = static_cast<std::int8_t>(i);
  for (int i = 0; i < 6; ++i) digits[static_cast<std::size_t>('a' + i)] = static_cast<std::int8_t>(10 + i);
  return digits;
}();

bool get(std::string_view text, Field field, std::uint64_t& value) {
  value = 0;
  for (std::size_t i = 0; i < field.digits; ++i) {
    const std::int8_t digit = kDigits[static_cast<unsigned char>(text[field.at + i])];
    if (digit < 0) return false;
    value = value << 4 | static_cast<std::uint64_t>(digit);
  }
  return text[field.at + field.digits] == ' ';
}

}  // namespace

void encode(const Payload& payload, std::span<char> out) {
  std::copy(kMark.begin(), kMark.end(), out.begin());
  put(out, kRun, payload.run);
  put(out, kPublisher, payload.publisher);
  put(out, kSequence, payload.sequence);
  put(out, kDue, payload.due_ns);
  std::fill(out.begin() + kMinPayload, out.end(), '.');
}

std::optional<Payload> decode(std::string_view text) {
  if (text.size() < kMinPayload || !text.starts_with(kMark)) return std::nullopt;
  std::uint64_t run = 0, publisher = 0;
  Payload payload;
  if (!get(text, kRun, run) || !get(text, kPublisher, publisher) || !get(text, kSequence, payload.sequence) ||
      !get(text, kDue, payload.due_ns))
    return std::nullopt;
  payload.run = static_cast<std::uint32_t>(run);
  payload.publisher = static_cast<std::uint16_t>(publisher);
  return payload;
}

}  // namespace fanlight::load
