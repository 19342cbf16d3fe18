#include "load/payload.hpp"

#include <algorithm>
#include <array>
#include <cstring>

namespace fanlight::load {
namespace {

constexpr std::string_view kMark = "fl2 ";

struct Field {
  std::size_t at;
  std::size_t digits;
};
constexpr Field kRun{4, 8}, kPublisher{13, 2}, kSequence{16, 8}, kNumber{25, 8}, kDue{34, 14};
static_assert(kDue.at + kDue.digits == kMinPayload);

void put(std::span<char> out, Field field, std::uint64_t value) {
  for (std::size_t i = field.digits; i-- > 0; value >>= 4) out[field.at + i] = "0123456789abcdef"[value & 15];
}

// 0 to 15, or 0x80 for what is no digit: the marks are gathered and looked at once.
constexpr std::array<std::uint8_t, 256> kDigits = [] {
  std::array<std::uint8_t, 256> digits{};
  digits.fill(0x80);
  for (unsigned i = 0; i < 10; ++i) digits['0' + i] = static_cast<std::uint8_t>(i);
  for (unsigned i = 0; i < 6; ++i) digits['a' + i] = static_cast<std::uint8_t>(10 + i);
  return digits;
}();

template <Field field>
std::uint64_t get(const char* text, std::uint8_t& bad) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < field.digits; ++i) {
    const std::uint8_t digit = kDigits[static_cast<unsigned char>(text[field.at + i])];
    bad |= digit;
    value = value << 4 | (digit & 15u);
  }
  return value;
}

}  // namespace

void encode(const Payload& payload, std::span<char> out) {
  std::fill(out.begin(), out.begin() + kMinPayload, ' ');
  std::copy(kMark.begin(), kMark.end(), out.begin());
  put(out, kRun, payload.run);
  put(out, kPublisher, payload.publisher);
  put(out, kSequence, payload.sequence);
  put(out, kNumber, payload.number);
  put(out, kDue, payload.due_ns);
  std::fill(out.begin() + kMinPayload, out.end(), '.');
}

bool padding_is_whole(std::string_view text) {
  const std::string_view padding = text.substr(kMinPayload);
  // All equal the one before them, and the first is a dot.
  return padding.empty() ||
         (padding.front() == '.' && std::memcmp(padding.data(), padding.data() + 1, padding.size() - 1) == 0);
}

std::optional<Payload> decode(std::string_view text) {
  if (text.size() < kMinPayload || !text.starts_with(kMark)) return std::nullopt;
  const char* at = text.data();
  std::uint8_t bad = 0;
  Payload payload;
  payload.run = static_cast<std::uint32_t>(get<kRun>(at, bad));
  payload.publisher = static_cast<std::uint8_t>(get<kPublisher>(at, bad));
  payload.sequence = static_cast<std::uint32_t>(get<kSequence>(at, bad));
  payload.number = static_cast<std::uint32_t>(get<kNumber>(at, bad));
  payload.due_ns = get<kDue>(at, bad);
  const bool spaced = at[kPublisher.at - 1] == ' ' && at[kSequence.at - 1] == ' ' && at[kNumber.at - 1] == ' ' &&
                      at[kDue.at - 1] == ' ';
  if ((bad & 0x80) != 0 || !spaced) return std::nullopt;
  return payload;
}

}  // namespace fanlight::load
