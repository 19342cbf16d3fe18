#include "server/codec/deflate.hpp"

#include <zlib.h>

#include <new>
#include <utility>

namespace fanlight::server::codec {
namespace {

constexpr std::size_t kWorthDeflating = 64;  // below, the deflated form is hardly ever smaller
constexpr std::string_view kGzipHead("\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03", 10);

struct Deflater {
  Deflater() {
    // Level 1: for 128 bytes of JSON the higher ones cost three times as much and save two bytes.
    if (::deflateInit2(&stream, 1, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK) throw std::bad_alloc();
  }
  Deflater(const Deflater&) = delete;
  ~Deflater() { ::deflateEnd(&stream); }
  z_stream stream{};
};

struct Inflater {
  Inflater() {
    if (::inflateInit2(&stream, -15) != Z_OK) throw std::bad_alloc();
  }
  Inflater(const Inflater&) = delete;
  ~Inflater() { ::inflateEnd(&stream); }
  z_stream stream{};
};

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// Takes what is before the next `separator` off `text`.
std::string_view next_part(std::string_view& text, char separator) {
  const std::size_t end = text.find(separator);
  const std::string_view part = trim(text.substr(0, end));
  text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  return part;
}

bool window_bits(std::string_view value) {
  if (value.starts_with('"') && value.ends_with('"') && value.size() >= 2) value = value.substr(1, value.size() - 2);
  return value == "8" || value == "9" || (value.size() == 2 && value[0] == '1' && value[1] >= '0' && value[1] <= '5');
}

bool acceptable(std::string_view parameters) {
  bool seen[4] = {};
  const auto once = [&](int which) { return !std::exchange(seen[which], true); };
  while (!parameters.empty()) {
    const std::string_view parameter = next_part(parameters, ';');
    const std::size_t equals = parameter.find('=');
    const std::string_view name = trim(parameter.substr(0, equals));
    const std::string_view value =
        equals == std::string_view::npos ? std::string_view() : trim(parameter.substr(equals + 1));
    if (name == "server_no_context_takeover" && value.empty() && once(0)) continue;
    if (name == "client_no_context_takeover" && value.empty() && once(1)) continue;
    if (name == "client_max_window_bits" && (equals == std::string_view::npos || window_bits(value)) && once(2))
      continue;
    // Everyone shares one compression, made with the largest window.
    if (name == "server_max_window_bits" && value == "15" && once(3)) continue;
    return false;
  }
  return true;
}

}  // namespace

void append_deflated(std::string& out, std::string_view text) {
  thread_local Deflater deflater;
  z_stream& stream = deflater.stream;
  ::deflateReset(&stream);
  const std::size_t before = out.size();
  out.resize(before + ::deflateBound(&stream, text.size()) + 16);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data() + before);
  stream.avail_out = static_cast<uInt>(out.size() - before);
  ::deflate(&stream, Z_SYNC_FLUSH);
  out.resize(out.size() - stream.avail_out);
}

void append_deflated_websocket(std::string& out, Opcode opcode, std::string_view payload) {
  thread_local std::string squeezed;
  if (payload.size() >= kWorthDeflating) {
    squeezed.clear();
    append_deflated(squeezed, payload);
    squeezed.resize(squeezed.size() - 4);  // RFC 7692, 7.2.1: the tail is understood
    if (squeezed.size() < payload.size()) return append_websocket(out, opcode, squeezed, true);
  }
  append_websocket(out, opcode, payload);
}

std::string_view gzip_head() { return kGzipHead; }

Inflated append_inflated(std::string& out, std::string_view deflated, std::size_t max_bytes) {
  thread_local Inflater inflater;
  z_stream& stream = inflater.stream;
  ::inflateReset(&stream);
  constexpr std::string_view kTail("\x00\x00\xff\xff", 4);
  const std::size_t limit = out.size() + max_bytes;
  for (const std::string_view part : {deflated, kTail}) {
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(part.data()));
    stream.avail_in = static_cast<uInt>(part.size());
    for (;;) {
      char room[4096];
      stream.next_out = reinterpret_cast<Bytef*>(room);
      stream.avail_out = sizeof room;
      const int result = ::inflate(&stream, Z_SYNC_FLUSH);
      const std::size_t got = sizeof room - stream.avail_out;
      if (out.size() + got > limit) return Inflated::too_big;
      out.append(room, got);
      if (result == Z_STREAM_END)
        return part.data() == kTail.data() || stream.avail_in == 0 ? Inflated::good : Inflated::broken;
      if (result != Z_OK && result != Z_BUF_ERROR) return Inflated::broken;
      if (stream.avail_out > 0) break;
    }
  }
  return Inflated::good;
}

DeflateOffer negotiate_deflate(std::string_view offers) {
  while (!offers.empty()) {
    std::string_view offer = next_part(offers, ',');
    if (next_part(offer, ';') != "permessage-deflate" || !acceptable(offer)) continue;
    return {.accepted = true, .answer = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"};
  }
  return {};
}

}  // namespace fanlight::server::codec
