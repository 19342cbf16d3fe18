#include "server/codec/msgpack.hpp"

#include <cstddef>

namespace fanlight::server::codec::msgpack {
namespace {

constexpr int kMaxDepth = 32;

void append_big_endian(std::string& out, std::uint64_t value, int bytes) {
  for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) out += static_cast<char>((value >> shift) & 0xFF);
}

void append_coded(std::string& out, unsigned code, std::uint64_t value, int bytes) {
  out += static_cast<char>(code);
  append_big_endian(out, value, bytes);
}

}  // namespace

void append_map(std::string& out, std::uint32_t fields) {
  if (fields < 16) {
    out += static_cast<char>(0x80u | fields);
  } else {
    append_coded(out, 0xDF, fields, 4);
  }
}

void append_array(std::string& out, std::uint32_t items) {
  if (items < 16) {
    out += static_cast<char>(0x90u | items);
  } else {
    append_coded(out, 0xDD, items, 4);
  }
}

void append_string(std::string& out, std::string_view text) {
  if (text.size() < 32) {
    out += static_cast<char>(0xA0u | text.size());
  } else if (text.size() <= 0xFF) {
    append_coded(out, 0xD9, text.size(), 1);
  } else if (text.size() <= 0xFFFF) {
    append_coded(out, 0xDA, text.size(), 2);
  } else {
    append_coded(out, 0xDB, text.size(), 4);
  }
  out += text;
}

void append_binary(std::string& out, std::string_view bytes) {
  if (bytes.size() <= 0xFF) {
    append_coded(out, 0xC4, bytes.size(), 1);
  } else if (bytes.size() <= 0xFFFF) {
    append_coded(out, 0xC5, bytes.size(), 2);
  } else {
    append_coded(out, 0xC6, bytes.size(), 4);
  }
  out += bytes;
}

void append_number(std::string& out, std::uint64_t number) {
  if (number < 0x80) {
    out += static_cast<char>(number);
  } else if (number <= 0xFF) {
    append_coded(out, 0xCC, number, 1);
  } else if (number <= 0xFFFF) {
    append_coded(out, 0xCD, number, 2);
  } else if (number <= 0xFFFFFFFF) {
    append_coded(out, 0xCE, number, 4);
  } else {
    append_coded(out, 0xCF, number, 8);
  }
}

std::optional<std::uint64_t> Reader::big_endian(std::size_t from, std::size_t bytes) const {
  if (rest_.size() < from + bytes) return std::nullopt;
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes; ++i) value = value << 8 | static_cast<unsigned char>(rest_[from + i]);
  return value;
}

std::optional<std::uint32_t> Reader::container(unsigned fix, unsigned fix_mask, unsigned short_code) {
  if (rest_.empty()) return std::nullopt;
  const auto code = static_cast<unsigned char>(rest_[0]);
  std::uint64_t count = code & ~fix_mask;
  std::size_t head = 1;
  if ((code & fix_mask) != fix) {
    if (code != short_code && code != short_code + 1) return std::nullopt;
    const std::size_t bytes = code == short_code ? 2 : 4;
    const auto size = big_endian(1, bytes);
    if (!size) return std::nullopt;
    count = *size;
    head += bytes;
  }
  if (count > rest_.size()) return std::nullopt;  // every item takes a byte at least
  rest_.remove_prefix(head);
  return static_cast<std::uint32_t>(count);
}

std::optional<std::uint32_t> Reader::map() { return container(0x80, 0xF0, 0xDE); }
std::optional<std::uint32_t> Reader::array() { return container(0x90, 0xF0, 0xDC); }

std::optional<std::string_view> Reader::text() {
  if (rest_.empty()) return std::nullopt;
  const auto code = static_cast<unsigned char>(rest_[0]);
  std::size_t bytes = 0;
  std::uint64_t size = code & 0x1Fu;
  if ((code & 0xE0u) != 0xA0u) {
    if (code >= 0xD9 && code <= 0xDB) {
      bytes = std::size_t{1} << (code - 0xD9);
    } else if (code >= 0xC4 && code <= 0xC6) {
      bytes = std::size_t{1} << (code - 0xC4);
    } else {
      return std::nullopt;
    }
    const auto read = big_endian(1, bytes);
    if (!read) return std::nullopt;
    size = *read;
  }
  if (size > rest_.size() - 1 - bytes) return std::nullopt;
  const std::string_view text = rest_.substr(1 + bytes, size);
  rest_.remove_prefix(1 + bytes + size);
  return text;
}

std::optional<std::uint64_t> Reader::number() {
  if (rest_.empty()) return std::nullopt;
  const auto code = static_cast<unsigned char>(rest_[0]);
  if (code < 0x80) {
    rest_.remove_prefix(1);
    return code;
  }
  if (code < 0xCC || code > 0xCF) return std::nullopt;
  const std::size_t bytes = std::size_t{1} << (code - 0xCC);
  const auto value = big_endian(1, bytes);
  if (value) rest_.remove_prefix(1 + bytes);
  return value;
}

bool Reader::skip(int depth) {
  if (depth > kMaxDepth || rest_.empty()) return false;
  if (const auto fields = map()) {
    for (std::uint64_t i = 0; i < 2 * std::uint64_t{*fields}; ++i) {
      if (!skip(depth + 1)) return false;
    }
    return true;
  }
  if (const auto items = array()) {
    for (std::uint32_t i = 0; i < *items; ++i) {
      if (!skip(depth + 1)) return false;
    }
    return true;
  }
  if (text() || number()) return true;
  const auto code = static_cast<unsigned char>(rest_[0]);
  std::size_t size = 0;
  switch (code) {
    case 0xC0:
    case 0xC2:
    case 0xC3: size = 1; break;
    case 0xCA: size = 5; break;
    case 0xCB: size = 9; break;
    case 0xD0:
    case 0xD1:
    case 0xD2:
    case 0xD3: size = 1 + (std::size_t{1} << (code - 0xD0)); break;
    case 0xD4:
    case 0xD5:
    case 0xD6:
    case 0xD7:
    case 0xD8: size = 2 + (std::size_t{1} << (code - 0xD4)); break;
    case 0xC7:
    case 0xC8:
    case 0xC9: {
      const std::size_t bytes = std::size_t{1} << (code - 0xC7);
      const auto length = big_endian(1, bytes);
      if (!length) return false;
      size = 2 + bytes + *length;
      break;
    }
    default:
      if (code < 0xE0) return false;
      size = 1;
  }
  if (size > rest_.size()) return false;
  rest_.remove_prefix(size);
  return true;
}

}  // namespace fanlight::server::codec::msgpack
