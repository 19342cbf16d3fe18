#include "load/subscriber.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>
#include <system_error>

#include "core/clock.hpp"

namespace fanlight::load {
namespace {

// Pings answered but never read by the server would pile up here.
constexpr std::size_t kMaxOut = 64u << 10;

std::string words_of(int error) { return std::generic_category().message(error); }

bool has_token(std::string_view list, std::string_view lower_case_token) {
  std::string lower(list);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  for (std::size_t at = 0; at <= lower.size();) {
    const std::size_t end = std::min(lower.find(',', at), lower.size());
    std::string_view token = std::string_view(lower).substr(at, end - at);
    while (token.starts_with(' ')) token.remove_prefix(1);
    while (token.ends_with(' ')) token.remove_suffix(1);
    if (token == lower_case_token) return true;
    at = end + 1;
  }
  return false;
}

}  // namespace

Subscriber::Subscriber(Protocol protocol, const Endpoint& endpoint, const std::string& topic, unsigned publishers,
                       std::minstd_rand& random)
    : protocol_(protocol), random_(random), inbox_(publishers) {
  const std::string host = " HTTP/1.1\r\nHost: " + endpoint.url.authority + "\r\nUser-Agent: fanlight-load\r\n";
  if (protocol == Protocol::sse) {
    out_ = "GET /sse/" + topic + host + "Accept: text/event-stream\r\nCache-Control: no-cache\r\n\r\n";
    return;
  }
  std::array<unsigned char, 16> bytes;
  for (unsigned char& byte : bytes) byte = static_cast<unsigned char>(random() >> 8);
  const std::string key = websocket_key(bytes);
  accept_ = websocket_accept(key);
  out_ = "GET /ws/" + topic + host + "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
         "Sec-WebSocket-Key: " + key + "\r\n\r\n";
}

Result<> Subscriber::connect(const Endpoint& endpoint, std::uint64_t now_ns) {
  began_ns_ = now_ns;
  auto socket = begin_connect(endpoint);
  if (!socket) {
    close(socket.error().what);
    return std::unexpected(std::move(socket.error()));
  }
  fd_ = std::move(*socket);
  phase_ = Phase::connecting;
  return {};
}

void Subscriber::close(std::string cause) {
  fd_.reset();
  phase_ = Phase::closed;
  cause_ = std::move(cause);
}

bool Subscriber::on_writable() {
  if (phase_ == Phase::connecting) {
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
    if (error != 0) {
      close("connect: " + words_of(error));
      return false;
    }
    phase_ = Phase::handshake;
  }
  if (out_.empty()) return false;
  const ssize_t sent = ::send(fd_.get(), out_.data(), out_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent < 0) {
    if (errno == EAGAIN || errno == EINTR) return true;
    close("send: " + words_of(errno));
    return false;
  }
  out_.erase(0, static_cast<std::size_t>(sent));
  return !out_.empty();
}

void Subscriber::on_readable(std::span<char> buffer, const Booking& booking) {
  const ssize_t got = ::recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (got < 0) {
    if (errno != EAGAIN && errno != EINTR) close("receive: " + words_of(errno));
    return;
  }
  if (got == 0) {
    close("closed by the server");
    return;
  }
  take({buffer.data(), static_cast<std::size_t>(got)}, monotonic_ns(), booking);
}

bool Subscriber::accept_head() {
  const ResponseHead& head = http_.head();
  const unsigned wanted = protocol_ == Protocol::sse ? 200 : 101;
  if (head.status != wanted) {
    close("answered " + std::to_string(head.status));
    return false;
  }
  if (protocol_ == Protocol::sse && !head.field("content-type").starts_with("text/event-stream")) {
    close("not an event stream");
    return false;
  }
  if (protocol_ == Protocol::websocket &&
      (head.field("sec-websocket-accept") != accept_ || !has_token(head.field("upgrade"), "websocket") ||
       !has_token(head.field("connection"), "upgrade"))) {
    close("wrong WebSocket handshake");
    return false;
  }
  phase_ = Phase::streaming;
  return true;
}

void Subscriber::take(std::string_view bytes, std::uint64_t now_ns, const Booking& booking) {
  if (protocol_ == Protocol::websocket && phase_ == Phase::streaming) return take_websocket(bytes, now_ns, booking);
  while (phase_ != Phase::closed) {
    std::string_view piece;
    switch (http_.next(bytes, piece)) {
      case ResponseReader::Event::nothing: return;
      case ResponseReader::Event::head:
        if (!accept_head()) return;
        if (protocol_ == Protocol::websocket) return take_websocket(bytes, now_ns, booking);
        break;
      case ResponseReader::Event::body: take_sse(piece, now_ns, booking); break;
      case ResponseReader::Event::complete: close("stream ended by the server"); return;
      case ResponseReader::Event::error: close("malformed HTTP"); return;
    }
  }
}

void Subscriber::take_sse(std::string_view bytes, std::uint64_t now_ns, const Booking& booking) {
  for (SseEvent event;;) {
    switch (sse_.next(bytes, event)) {
      case Found::nothing: return;
      case Found::error: close("malformed event stream"); return;
      case Found::item:
        inbox_.receive(event.data, now_ns, booking.measure_from_ns, booking.expectation, booking.tally);
        break;
    }
  }
}

void Subscriber::take_websocket(std::string_view bytes, std::uint64_t now_ns, const Booking& booking) {
  for (WsMessage message;;) {
    switch (websocket_.next(bytes, message)) {
      case Found::nothing: return;
      case Found::error: close("malformed WebSocket frame"); return;
      case Found::item: break;
    }
    switch (message.kind) {
      case WsKind::text:
      case WsKind::binary:
        inbox_.receive(message.payload, now_ns, booking.measure_from_ns, booking.expectation, booking.tally);
        break;
      case WsKind::ping:
        if (out_.size() > kMaxOut) return close("pings without end");
        out_ += client_frame(WsKind::pong, message.payload, static_cast<std::uint32_t>(random_()));
        break;
      case WsKind::close: close("closed by the server"); return;
      case WsKind::pong:
      case WsKind::continuation: break;
    }
  }
}

}  // namespace fanlight::load
