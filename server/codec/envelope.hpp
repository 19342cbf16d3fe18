// A message with its name on it. In: what happened. Out: bytes as JSON, MessagePack or Protobuf.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fanlight::server::codec {

/// How a payload is written: as it came, or in an envelope.
enum class PayloadCodec : std::uint8_t { raw, json, msgpack, protobuf };
std::optional<PayloadCodec> payload_codec(std::string_view name);
std::string_view name_of(PayloadCodec codec);
/// Whether what it writes is text: JSON is, raw may be anything.
constexpr bool is_text(PayloadCodec codec) { return codec == PayloadCodec::json; }

/// Everything the server says in an envelope; empty strings and zeros are left out of JSON and MessagePack.
struct Envelope {
  std::string_view type = "event";  // event, snapshot, subscribed, unsubscribed, loss, published, error
  std::string_view topic;
  std::uint64_t id = 0;
  std::string_view data;
  std::string_view event;
  std::string_view key;
  std::optional<std::uint64_t> subscribers;
  std::uint64_t lost = 0;
  std::string_view error;
  std::string_view hint;
};

/// Appends the envelope; `raw` appends `data` alone. In JSON, data that is not UTF-8 is base64 in "base64" instead of
/// "data". Allocates only when `out` has to grow. Threads: any. Source: RFC 8259; msgpack.org/spec; envelope.proto.
void append_envelope(std::string& out, PayloadCodec codec, const Envelope& envelope);

/// Appends `text`, which is UTF-8, as a JSON string with its quotes.
void append_json_string(std::string& out, std::string_view text);

}  // namespace fanlight::server::codec
