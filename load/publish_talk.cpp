#include "load/publish_talk.hpp"

#include <array>

#include "load/approach.hpp"
#include "load/nats.hpp"
#include "load/redis.hpp"

namespace fanlight::load {
namespace {

std::string quoted(std::string_view text) {
  std::string out(text.substr(0, 60));
  for (char& c : out)
    if (c < ' ' || c > '~') c = '?';
  return out;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

Heard broken(std::string& cause, std::string words) {
  cause = std::move(words);
  return Heard::broken;
}

}  // namespace

HttpTalk::HttpTalk(const Plan& plan, const Url& url)
    : head_("POST " + url.path + " HTTP/1.1\r\nHost: " + url.authority +
            "\r\nUser-Agent: fanlight-load\r\nContent-Type: text/plain\r\nContent-Length: " +
            std::to_string(plan.size) + "\r\n" + extra_fields(plan) + "\r\n") {}

Heard HttpTalk::outcome(std::string& cause) {
  const unsigned status = reader_.head().status;
  const std::string connection = lower(reader_.head().field("connection"));
  closes_ = connection == "close" || (reader_.head().old && connection != "keep-alive");
  reader_.reset();
  if (status >= 200 && status < 300) return Heard::accepted;
  cause = "answered " + std::to_string(status);
  return Heard::refused;
}

Heard HttpTalk::hear_end(std::string& cause) {
  if (!reader_.ends_with_connection()) return Heard::nothing;
  const Heard heard = outcome(cause);
  closes_ = true;
  return heard;
}

Heard HttpTalk::hear(std::string_view& bytes, std::string&, std::string& cause) {
  for (std::string_view piece;;) {
    switch (reader_.next(bytes, piece)) {
      case ResponseReader::Event::nothing: return Heard::nothing;
      case ResponseReader::Event::head:
      case ResponseReader::Event::body: break;
      case ResponseReader::Event::error: return broken(cause, "malformed HTTP");
      case ResponseReader::Event::complete: return outcome(cause);
    }
  }
}

std::string RedisTalk::greeting() { return token_.empty() ? std::string() : redis_command({"AUTH", token_}); }

void RedisTalk::request(std::string_view message, std::string& out) const {
  out += redis_command({"PUBLISH", topic_, message});
}

Heard RedisTalk::hear(std::string_view& bytes, std::string&, std::string& cause) {
  RedisReply reply;
  switch (next_redis(bytes, reply)) {
    case Found::nothing: return Heard::nothing;
    case Found::error: return broken(cause, "malformed Redis reply");
    case Found::item: break;
  }
  const bool greeting = !token_.empty() && !greeted_;
  if (reply.type == '-') {
    cause = "answered " + quoted(reply.text.substr(0, reply.text.find(' ')));
    return greeting ? Heard::broken : Heard::refused;
  }
  if (greeting) {
    greeted_ = true;
    return Heard::ready;
  }
  return reply.type == ':' ? Heard::accepted : broken(cause, "unexpected Redis reply");
}

std::string NatsTalk::greeting() { return nats_connect(token_, true, tls_); }

void NatsTalk::request(std::string_view message, std::string& out) const {
  out.append("PUB ").append(topic_).append(" ").append(std::to_string(message.size())).append("\r\n");
  out.append(message).append("\r\n");
}

Heard NatsTalk::hear(std::string_view& bytes, std::string& reply, std::string& cause) {
  for (NatsItem item;;) {
    switch (next_nats(bytes, item)) {
      case Found::nothing: return Heard::nothing;
      case Found::error: return broken(cause, "malformed NATS line");
      case Found::item: break;
    }
    switch (item.kind) {
      case NatsKind::ping: reply += "PONG\r\n"; break;
      case NatsKind::ok:
        if (greeted_) return Heard::accepted;
        greeted_ = true;
        return Heard::ready;
      case NatsKind::error: cause = "answered " + quoted(item.text); return greeted_ ? Heard::refused : Heard::broken;
      case NatsKind::info:
      case NatsKind::message:
      case NatsKind::pong: break;
    }
  }
}

WsTalk::WsTalk(const Plan& plan, const Url& url, std::uint32_t seed) : random_(seed) {
  std::array<unsigned char, 16> bytes;
  for (unsigned char& byte : bytes) byte = static_cast<unsigned char>(random_() >> 8);
  const std::string key = websocket_key(bytes);
  accept_ = websocket_accept(key);
  head_ = "GET " + url.path + " HTTP/1.1\r\nHost: " + url.authority +
          "\r\nUser-Agent: fanlight-load\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
          "Sec-WebSocket-Key: " +
          key + "\r\n" +
          (plan.subprotocol.empty() ? std::string() : "Sec-WebSocket-Protocol: " + plan.subprotocol + "\r\n") +
          extra_fields(plan) + "\r\n";
}

std::string WsTalk::greeting() { return head_; }

void WsTalk::request(std::string_view message, std::string& out) {
  out += client_frame(WsKind::text, message, static_cast<std::uint32_t>(random_()));
}

Heard WsTalk::hear(std::string_view& bytes, std::string& reply, std::string& cause) {
  if (!greeted_) {
    std::string_view piece;
    const ResponseReader::Event event = reader_.next(bytes, piece, ResponseReader::Until::head);
    if (event == ResponseReader::Event::nothing) return Heard::nothing;
    if (event != ResponseReader::Event::head) return broken(cause, "malformed HTTP");
    if (reader_.head().status != 101) return broken(cause, "answered " + std::to_string(reader_.head().status));
    if (reader_.head().field("sec-websocket-accept") != accept_) return broken(cause, "wrong WebSocket handshake");
    greeted_ = true;
    return Heard::ready;
  }
  for (WsMessage message;;) {
    switch (next_ws(bytes, state_, message)) {
      case Found::nothing: return Heard::nothing;
      case Found::error: return broken(cause, "malformed WebSocket frame");
      case Found::item: break;
    }
    // Messages are our own, sent to everybody: subscribers count them.
    if (message.kind == WsKind::ping)
      reply += client_frame(WsKind::pong, message.payload, static_cast<std::uint32_t>(random_()));
    if (message.kind == WsKind::close) return broken(cause, "closed by the server");
  }
}

PublishTalk make_talk(const Plan& plan, const Url& url, std::uint32_t seed) {
  if (url.scheme == "redis" || url.scheme == "rediss") return RedisTalk(plan);
  if (url.nats()) return NatsTalk(plan, url.tls());
  if (url.scheme == "ws" || url.scheme == "wss") return WsTalk(plan, url, seed);
  return HttpTalk(plan, url);
}

}  // namespace fanlight::load
