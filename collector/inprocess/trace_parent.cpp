#include <cstddef>
#include <cstdint>
#include <cstring>

#include "fanlight/labels.h"

namespace {

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;  // W3C Trace Context allows lower case alone
}

/// Two digits a byte. Returns false at anything else.
bool read_hex(const char* text, std::size_t bytes, std::uint8_t* into) {
  for (std::size_t i = 0; i < bytes; ++i) {
    const int high = digit(text[2 * i]);
    const int low = digit(text[2 * i + 1]);
    if (high < 0 || low < 0) return false;
    into[i] = static_cast<std::uint8_t>(high << 4 | low);
  }
  return true;
}

bool zero(const std::uint8_t* id, std::size_t bytes) {
  for (std::size_t i = 0; i < bytes; ++i)
    if (id[i] != 0) return false;
  return true;
}

}  // namespace

int fanlight_trace_parse(const char* text, size_t bytes, struct fanlight_trace* trace) {
  // version-traceid-parentid-flags; what a later version adds comes behind a fourth '-'.
  constexpr std::size_t kBytes = 2 + 1 + 32 + 1 + 16 + 1 + 2;
  std::uint8_t version = 0;
  *trace = {};
  fanlight_trace read{};
  const bool whole = bytes >= kBytes && text[2] == '-' && text[35] == '-' && text[52] == '-' &&
                     read_hex(text, 1, &version) && version != 0xff && (bytes == kBytes || text[kBytes] == '-') &&
                     (version != 0 || bytes == kBytes) && read_hex(text + 3, 16, read.trace_id) &&
                     read_hex(text + 36, 8, read.span_id) && read_hex(text + 53, 1, &read.flags);
  if (!whole || zero(read.trace_id, 16) || zero(read.span_id, 8)) return 0;
  *trace = read;
  return 1;
}
