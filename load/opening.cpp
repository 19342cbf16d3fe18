#include "load/opening.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include "load/nats.hpp"
#include "load/redis.hpp"
#include "load/websocket.hpp"

namespace fanlight::load {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

bool has_token(std::string_view list, std::string_view lower_case_token) {
  const std::string all = lower(list);
  for (std::size_t at = 0; at <= all.size();) {
    const std::size_t end = std::min(all.find(',', at), all.size());
    std::string_view token = std::string_view(all).substr(at, end - at);
    while (token.starts_with(' ')) token.remove_prefix(1);
    while (token.ends_with(' ')) token.remove_suffix(1);
    if (token == lower_case_token) return true;
    at = end + 1;
  }
  return false;
}

/// What a server says, short enough and clean enough to be a cause.
std::string quoted(std::string_view text) {
  std::string out(text.substr(0, 60));
  for (char& c : out)
    if (c < ' ' || c > '~') c = '?';
  return out;
}

}  // namespace

Opening::Opening(const Approach& approach, std::string_view last_id, std::minstd_rand& random) : approach_(approach) {
  out_ = approach.request;
  if (approach.protocol == Protocol::redis || approach.protocol == Protocol::nats) return;
  if (approach.protocol == Protocol::websocket) {
    std::array<unsigned char, 16> bytes;
    for (unsigned char& byte : bytes) byte = static_cast<unsigned char>(random() >> 8);
    const std::string key = websocket_key(bytes);
    accept_ = websocket_accept(key);
    out_ += "Sec-WebSocket-Key: " + key + "\r\n";
  } else if (!last_id.empty()) {
    out_.append("Last-Event-ID: ").append(last_id).append("\r\n");
  }
  out_ += "\r\n";
  if (approach.profile.half_open) out_.resize(out_.size() / 2);
}

std::string_view Opening::to_send() const {
  const std::string_view rest = std::string_view(out_).substr(sent_);
  return approach_.profile.headers == Headers::dribble ? rest.substr(0, 1) : rest;
}

Opening::Step Opening::fail_with(std::string cause) {
  cause_ = std::move(cause);
  return Step::failed;
}

Opening::Step Opening::take(std::string_view& bytes) {
  switch (approach_.protocol) {
    case Protocol::redis: return take_redis(bytes);
    case Protocol::nats: return take_nats(bytes);
    default: return take_http(bytes);
  }
}

Opening::Step Opening::take_http(std::string_view& bytes) {
  std::string_view piece;
  const ResponseReader::Event event = http_.next(bytes, piece, ResponseReader::Until::head);
  if (event == ResponseReader::Event::nothing) return Step::more;
  if (event != ResponseReader::Event::head) return fail_with("malformed HTTP");
  const ResponseHead& head = http_.head();
  const bool sse = approach_.protocol == Protocol::sse;
  if (head.status != (sse ? 200u : 101u)) return fail_with("answered " + std::to_string(head.status));
  if (sse) {
    if (!lower(head.field("content-type")).starts_with("text/event-stream")) {
      const std::string type = quoted(head.field("content-type"));
      return fail_with("not an event stream but " + (type.empty() ? std::string("without a type") : type));
    }
    if (const std::string coding = lower(head.field("content-encoding")); !coding.empty() && coding != "identity")
      return fail_with("content coding '" + quoted(std::string_view(coding)) + "', which is not read here");
    if (!head.field("transfer-encoding").empty()) {
      if (lower(head.field("transfer-encoding")) != "chunked") return fail_with("unknown transfer coding");
      body_ = Body::chunked;
    } else if (const std::string_view length = head.field("content-length"); !length.empty()) {
      const auto [end, error] = std::from_chars(length.data(), length.data() + length.size(), length_);
      if (error != std::errc() || end != length.data() + length.size()) return fail_with("malformed HTTP");
      body_ = Body::counted;
    }
    return Step::streaming;
  }
  if (head.field("sec-websocket-accept") != accept_ || !has_token(head.field("upgrade"), "websocket") ||
      !has_token(head.field("connection"), "upgrade"))
    return fail_with("wrong WebSocket handshake");
  if (head.field("sec-websocket-protocol") != approach_.subprotocol)
    return fail_with("subprotocol '" + approach_.subprotocol + "' not agreed");
  return Step::streaming;
}

Opening::Step Opening::take_redis(std::string_view& bytes) {
  for (RedisReply reply;;) {
    switch (next_redis(bytes, reply)) {
      case Found::nothing: return Step::more;
      case Found::error: return fail_with("malformed Redis reply");
      case Found::item: break;
    }
    if (reply.type == '-') return fail_with("answered " + quoted(reply.text.substr(0, reply.text.find(' '))));
    if (reply.type == '*' && reply.count == 3 && reply.parts[0] == "subscribe") return Step::streaming;
    if (reply.type != '+') return fail_with("unexpected Redis reply");
  }
}

Opening::Step Opening::take_nats(std::string_view& bytes) {
  for (NatsItem item;;) {
    switch (next_nats(bytes, item)) {
      case Found::nothing: return Step::more;
      case Found::error: return fail_with("malformed NATS line");
      case Found::item: break;
    }
    if (item.kind == NatsKind::error) return fail_with("answered " + quoted(item.text));
    if (item.kind == NatsKind::pong) return Step::streaming;
  }
}

}  // namespace fanlight::load
