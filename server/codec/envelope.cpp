#include "server/codec/envelope.hpp"

#include <charconv>
#include <iterator>

#include "server/codec/base64.hpp"
#include "server/codec/envelope.pb.h"
#include "server/codec/msgpack.hpp"
#include "server/codec/utf8.hpp"

namespace fanlight::server::codec {
namespace {

constexpr std::string_view kNames[] = {"raw", "json", "msgpack", "protobuf"};

/// Also when it is empty.
bool has_data(const Envelope& envelope) {
  return envelope.type == "event" || (envelope.type == "snapshot" && envelope.error.empty());
}

void append_number(std::string& out, std::uint64_t number) {
  char digits[20];
  const auto [end, error] = std::to_chars(std::begin(digits), std::end(digits), number);
  out.append(digits, end);
}

void append_json(std::string& out, const Envelope& envelope) {
  const auto text = [&](std::string_view name, std::string_view value) {
    if (value.empty()) return;
    out.append(",\"").append(name).append("\":");
    append_json_string(out, value);
  };
  const auto number = [&](std::string_view name, std::uint64_t value) {
    out.append(",\"").append(name).append("\":");
    append_number(out, value);
  };
  out += "{\"type\":";
  append_json_string(out, envelope.type);
  text("topic", envelope.topic);
  if (envelope.id > 0) number("id", envelope.id);
  text("event", envelope.event);
  text("key", envelope.key);
  if (has_data(envelope)) {
    const bool utf8 = is_utf8(envelope.data);
    out += utf8 ? ",\"data\":" : ",\"base64\":";
    append_json_string(out, utf8 ? envelope.data : std::string_view(to_base64(envelope.data)));
  }
  if (envelope.subscribers) number("subscribers", *envelope.subscribers);
  if (envelope.lost > 0) number("lost", envelope.lost);
  text("error", envelope.error);
  text("hint", envelope.hint);
  out += '}';
}

void append_msgpack(std::string& out, const Envelope& envelope) {
  const std::string_view texts[][2] = {{"topic", envelope.topic},
                                       {"event", envelope.event},
                                       {"key", envelope.key},
                                       {"error", envelope.error},
                                       {"hint", envelope.hint}};
  std::uint32_t fields = 1;
  for (const auto& [name, value] : texts) fields += value.empty() ? 0 : 1;
  fields += (envelope.id > 0) + (envelope.lost > 0) + has_data(envelope) + envelope.subscribers.has_value();
  msgpack::append_map(out, fields);
  msgpack::append_string(out, "type");
  msgpack::append_string(out, envelope.type);
  for (const auto& [name, value] : texts) {
    if (value.empty()) continue;
    msgpack::append_string(out, name);
    msgpack::append_string(out, value);
  }
  const auto number = [&](std::string_view name, std::uint64_t value) {
    msgpack::append_string(out, name);
    msgpack::append_number(out, value);
  };
  if (envelope.id > 0) number("id", envelope.id);
  if (has_data(envelope)) {
    msgpack::append_string(out, "data");
    msgpack::append_binary(out, envelope.data);
  }
  if (envelope.subscribers) number("subscribers", *envelope.subscribers);
  if (envelope.lost > 0) number("lost", envelope.lost);
}

void append_protobuf(std::string& out, const Envelope& envelope) {
  // Kept: its strings keep the memory they have grown.
  thread_local wire::Envelope message;
  message.Clear();
  const auto set = [](std::string* field, std::string_view value) { field->assign(value.data(), value.size()); };
  set(message.mutable_type(), envelope.type);
  if (!envelope.topic.empty()) set(message.mutable_topic(), envelope.topic);
  message.set_id(envelope.id);
  if (!envelope.data.empty()) set(message.mutable_data(), envelope.data);
  if (!envelope.event.empty()) set(message.mutable_event(), envelope.event);
  if (!envelope.key.empty()) set(message.mutable_key(), envelope.key);
  message.set_subscribers(envelope.subscribers.value_or(0));
  message.set_lost(envelope.lost);
  if (!envelope.error.empty()) set(message.mutable_error(), envelope.error);
  if (!envelope.hint.empty()) set(message.mutable_hint(), envelope.hint);
  const std::size_t before = out.size();
  out.resize(before + message.ByteSizeLong());
  message.SerializeWithCachedSizesToArray(reinterpret_cast<std::uint8_t*>(out.data() + before));
}

}  // namespace

std::optional<PayloadCodec> payload_codec(std::string_view name) {
  for (std::size_t i = 0; i < std::size(kNames); ++i) {
    if (kNames[i] == name) return static_cast<PayloadCodec>(i);
  }
  return std::nullopt;
}

std::string_view name_of(PayloadCodec codec) { return kNames[static_cast<std::size_t>(codec)]; }

void append_json_string(std::string& out, std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  std::size_t plain = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out.append(text.substr(plain, i - plain));
    plain = i + 1;
    if (c == '"' || c == '\\') {
      out.append({'\\', static_cast<char>(c)});
    } else if (c == '\n') {
      out += "\\n";
    } else {
      out.append("\\u00").append({kHex[c >> 4], kHex[c & 15]});
    }
  }
  out.append(text.substr(plain)) += '"';
}

void append_envelope(std::string& out, PayloadCodec codec, const Envelope& envelope) {
  switch (codec) {
    case PayloadCodec::raw: out += envelope.data; return;
    case PayloadCodec::json: return append_json(out, envelope);
    case PayloadCodec::msgpack: return append_msgpack(out, envelope);
    case PayloadCodec::protobuf: return append_protobuf(out, envelope);
  }
}

}  // namespace fanlight::server::codec
