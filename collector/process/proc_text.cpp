#include "collector/process/proc_text.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "core/fd.hpp"

namespace fanlight::process {
namespace {

/// Bytes of the well-formed UTF-8 sequence at the start of `text`; 0 when there is none.
/// Source: Unicode 15, table 3-7 (well-formed UTF-8 byte sequences).
std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const auto tail = [&](std::size_t i) { return byte(i) >= 0x80 && byte(i) <= 0xBF; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return tail(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    const unsigned low = first == 0xE0 ? 0xA0 : 0x80, high = first == 0xED ? 0x9F : 0xBF;
    return byte(1) >= low && byte(1) <= high && tail(2) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const unsigned low = first == 0xF0 ? 0x90 : 0x80, high = first == 0xF4 ? 0x8F : 0xBF;
    return byte(1) >= low && byte(1) <= high && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

}  // namespace

Result<std::string> read_text(const std::filesystem::path& file, std::size_t max_bytes) {
  const Fd fd{::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (!fd) return fail(errno, file.string());
  std::string text;
  std::array<char, 16 * 1024> chunk;
  while (true) {
    const ssize_t got = ::read(fd.get(), chunk.data(), chunk.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail(errno, file.string());
    if (got == 0) return text;
    if (text.size() + static_cast<std::size_t>(got) > max_bytes) return fail(EFBIG, file.string());
    text.append(chunk.data(), static_cast<std::size_t>(got));
  }
}

std::string printable(std::string_view text, std::size_t max_bytes) {
  std::string out;
  out.reserve(std::min(text.size(), max_bytes));
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const auto first = static_cast<unsigned char>(text.front());
    const bool control = first < 0x20 || first == 0x7F || (first == 0xC2 && length == 2 && (text[1] & 0xE0) == 0x80);
    const bool kept = length > 0 && !control;
    if (out.size() + (kept ? length : 1) > max_bytes) break;
    if (kept)
      out.append(text.substr(0, length));
    else
      out.push_back('?');
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out;
}

}  // namespace fanlight::process
