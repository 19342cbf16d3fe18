// From a request to a subscriber: event streams and WebSocket handshakes.
#include <chrono>
#include <utility>

#include "core/clock.hpp"
#include "server/codec/deflate.hpp"
#include "server/codec/sse.hpp"
#include "server/net/desk.hpp"
#include "server/net/target.hpp"

namespace fanlight::server::net {
namespace {

using codec::Header;
using codec::RequestHead;
using hub::Session;

// No length and no chunks: the stream lasts as long as the connection.
constexpr std::string_view kStreamHead =
    "HTTP/1.1 200 OK\r\n"
    "Server: fanlight-server\r\n"
    "Content-Type: text/event-stream\r\n"
    "Cache-Control: no-cache\r\n"
    "X-Accel-Buffering: no\r\n"
    "Connection: close\r\n";

constexpr std::string_view kWebsocketHint =
    "connect with a WebSocket client (RFC 6455: GET, Connection: Upgrade, Upgrade: websocket, Sec-WebSocket-Version: "
    "13, "
    "a Sec-WebSocket-Key of 16 bytes in base64), or GET /sse/{topic}";

std::int64_t unix_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

/// What the handshake lacks; empty: nothing.
std::optional<Answer> handshake_flaw(const RequestHead& head) {
  const bool upgrade = codec::has_token(head[Header::upgrade], "websocket") &&
                       codec::has_token(head[Header::connection], "upgrade") && head.minor_version == 1;
  if (!upgrade) {
    Answer said = problem(Refusal::not_websocket, 426, "this path speaks WebSocket", kWebsocketHint);
    said.headers = "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
    return said;
  }
  if (head[Header::sec_websocket_version] != "13") {
    Answer said = problem(Refusal::not_websocket, 426, "this is not version 13 of WebSocket", kWebsocketHint);
    said.headers = "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n";
    return said;
  }
  if (!codec::is_websocket_key(head[Header::sec_websocket_key]))
    return problem(Refusal::not_websocket, 400, "the Sec-WebSocket-Key is missing or not 16 bytes in base64",
                   kWebsocketHint);
  return std::nullopt;
}

struct Subprotocol {
  std::string_view name;
  codec::Wire wire;
  codec::PayloadCodec codec;
};
constexpr Subprotocol kSubprotocols[] = {
    {"fanlight.json", codec::Wire::json, codec::PayloadCodec::json},
    {"fanlight.msgpack", codec::Wire::msgpack, codec::PayloadCodec::msgpack},
    {"fanlight.protobuf", codec::Wire::protobuf, codec::PayloadCodec::protobuf},
};

/// What `?group=` and `?assign=` ask for; why not, when they cannot be had.
std::optional<Answer> read_group(std::string_view target, std::string& group, hub::Assignment& how) {
  group = query_value(target, "group").value_or("");
  if (group.empty()) return std::nullopt;
  if (!hub::is_topic(group))
    return problem(Refusal::bad_group, 400, "not a group's name", "a group is named like a topic");
  const auto asked = query_value(target, "assign");
  const auto known = hub::assignment(asked.value_or("round-robin"));
  if (!known) return problem(Refusal::bad_group, 400, "no such assignment", "assign=round-robin, range or sticky");
  how = *known;
  return std::nullopt;
}

std::optional<std::uint64_t> last_event_id(const RequestHead& head) {
  if (const auto id = parse_id(head[Header::last_event_id])) return id;
  for (const std::string_view name : {"last-event-id", "lastEventId"}) {
    if (const auto text = query_value(head.target, name)) return parse_id(*text);
  }
  return std::nullopt;
}

bool wants_snapshot(std::string_view target) {
  const auto asked = query_value(target, "snapshot");
  return asked && *asked != "0";
}

std::string allow_origin(const RequestHead& head) {
  if (!head.has(Header::origin)) return {};
  return "Access-Control-Allow-Origin: " + std::string(head[Header::origin]) + "\r\nVary: Origin\r\n";
}

}  // namespace

std::string bearer_of(const RequestHead& head) {
  constexpr std::string_view kBearer = "Bearer ";
  const std::string_view authorization = head[Header::authorization];
  if (authorization.starts_with(kBearer)) return std::string(authorization.substr(kBearer.size()));
  return query_value(head.target, "token").value_or("");
}

std::optional<Answer> Desk::objection(const Asked& asked, limits::Right right, std::string_view topic) {
  if (!limits::origin_allowed(limits_.access, asked.head[Header::origin], asked.head[Header::host])) {
    return problem(Refusal::origin, 403, "pages of this origin may not connect",
                   "start the server with --allow-origin for it");
  }
  if (right == limits::Right::subscribe && office_.stopping.load())
    return problem(Refusal::stopping, 503, "the server is stopping", "try another server");
  if (topic.empty()) return std::nullopt;
  auto allowed = limits::check_access(limits_.access, right, bearer_of(asked.head), topic, unix_seconds());
  if (allowed) return std::nullopt;
  Answer said = problem(Refusal::denied, 401, allowed.error().what, allowed.error().hint);
  said.headers = "WWW-Authenticate: Bearer\r\n";
  return said;
}

/// Why the topic or its group cannot be joined; looked at before anything is promised.
std::optional<Answer> Desk::no_room(const hub::Order& order) {
  const auto room = hub_.topics().obtain(order.topic, true);
  if (!room) return problem(Refusal::too_many_topics, 503, room.error().what, room.error().hint);
  const auto fits = worker_.fits(**room, order);
  if (!fits) return problem(Refusal::group_shares_so, 409, fits.error().what, fits.error().hint);
  return std::nullopt;
}

void Desk::become_stream(Session& session, const Asked& asked) {
  if (auto refusal = objection(asked, limits::Right::subscribe, asked.route.topic))
    return answer(session, std::move(*refusal), false);
  hub::Order order{.topic = asked.route.topic, .after = last_event_id(asked.head)};
  std::string group;
  if (auto refusal = read_group(asked.head.target, group, order.how))
    return answer(session, std::move(*refusal), false);
  order.group = group;
  const bool gzip = office_.options.compress && codec::has_token(asked.head[Header::accept_encoding], "gzip");
  order.wire = gzip ? codec::Wire::sse_gzip : codec::Wire::sse;

  std::unique_ptr<hub::Conversation> conversation;
  if (!group.empty()) conversation = std::make_unique<hub::Conversation>(codec::ClientFramesOptions{});
  std::string head(kStreamHead);
  head += allow_origin(asked.head);
  if (gzip) head += "Content-Encoding: gzip\r\nVary: Accept-Encoding\r\n";
  head += "\r\n";
  std::string first;
  if (office_.options.retry_advice) codec::append_sse_retry(first, retry.next(monotonic_ns(), false));
  if (gzip) {
    head += codec::gzip_head();
    std::string squeezed;
    codec::append_deflated(squeezed, first);
    first = std::move(squeezed);
  }
  if (auto refusal = no_room(order)) return answer(session, std::move(*refusal), false);
  worker_.go_live(session, order.wire, std::move(conversation));
  worker_.send(session, codec::control_frame(head + first));
  ++counts.answers[200];
  if (const auto subscribed = worker_.subscribe(session, order); !subscribed)
    return worker_.end(session, hub::End::handshake);
  if (wants_snapshot(asked.head.target)) begin_with_snapshot(session, order.topic);
}

void Desk::become_websocket(Session& session, const Asked& asked) {
  if (auto flaw = handshake_flaw(asked.head)) return answer(session, std::move(*flaw), false);
  if (auto refusal = objection(asked, limits::Right::subscribe, asked.route.topic))
    return answer(session, std::move(*refusal), false);
  const bool one_topic = asked.route.endpoint == Endpoint::subscribe_websocket;
  const bool echo = asked.route.endpoint == Endpoint::echo;
  hub::Order order{.topic = asked.route.topic, .wire = codec::Wire::websocket, .after = last_event_id(asked.head)};
  std::string group;
  if (auto refusal = read_group(asked.head.target, group, order.how))
    return answer(session, std::move(*refusal), false);
  order.group = group;

  std::string head =
      "HTTP/1.1 101 Switching Protocols\r\nServer: fanlight-server\r\nUpgrade: websocket\r\n"
      "Connection: Upgrade\r\nSec-WebSocket-Accept: " +
      codec::websocket_accept(asked.head[Header::sec_websocket_key]) + "\r\n";
  codec::PayloadCodec commands = codec::PayloadCodec::raw;
  if (!one_topic && !echo) {
    order.wire = codec::Wire::json;
    commands = codec::PayloadCodec::json;
  }
  for (const Subprotocol& known : kSubprotocols) {
    if (echo || !codec::has_token(asked.head[Header::sec_websocket_protocol], known.name)) continue;
    head.append("Sec-WebSocket-Protocol: ").append(known.name).append("\r\n");
    order.wire = known.wire;
    commands = known.codec;
    break;
  }
  const codec::DeflateOffer deflate = office_.options.compress
                                          ? codec::negotiate_deflate(asked.head[Header::sec_websocket_extensions])
                                          : codec::DeflateOffer{};
  if (deflate.accepted) {
    head.append("Sec-WebSocket-Extensions: ").append(deflate.answer).append("\r\n");
    order.wire = codec::deflated(order.wire);
  }
  head += "\r\n";
  if (one_topic) {
    if (auto refusal = no_room(order)) return answer(session, std::move(*refusal), false);
  }
  auto conversation = std::make_unique<hub::Conversation>(
      codec::ClientFramesOptions{.max_message_bytes = echo ? 16u << 20 : office_.options.max_message_bytes,
                                 .keep = commands != codec::PayloadCodec::raw || echo,
                                 .deflate = deflate.accepted});
  conversation->commands = commands;
  conversation->echo = echo;
  conversation->token = bearer_of(asked.head);
  worker_.go_live(session, order.wire, std::move(conversation));
  worker_.send(session, codec::control_frame(std::move(head)));
  ++counts.answers[101];
  if (!one_topic) return;
  if (const auto subscribed = worker_.subscribe(session, order); !subscribed)
    return worker_.end(session, hub::End::handshake);
  if (wants_snapshot(asked.head.target)) begin_with_snapshot(session, order.topic);
}

}  // namespace fanlight::server::net
