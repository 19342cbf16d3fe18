// One subscriber, from its connect to its last message. In: readiness of its socket. Out: messages.
#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <string_view>

#include "core/fd.hpp"
#include "load/endpoint.hpp"
#include "load/http_response.hpp"
#include "load/sse_parser.hpp"
#include "load/tally.hpp"
#include "load/websocket.hpp"

namespace fanlight::load {

enum class Protocol : std::uint8_t { sse, websocket };

/// Where what a subscriber receives is booked.
struct Booking {
  const Expectation& expectation;
  std::uint64_t measure_from_ns;
  Tally& tally;
};

/// Threads: one at a time. About 1 KiB each.
class Subscriber {
 public:
  enum class Phase : std::uint8_t { connecting, handshake, streaming, closed };

  /// `random` makes the WebSocket key and masks.
  Subscriber(Protocol protocol, const Endpoint& endpoint, const std::string& topic, unsigned publishers,
             std::minstd_rand& random);

  /// Begins to connect. Errors: no socket, no port; the subscriber is closed then.
  Result<> connect(const Endpoint& endpoint, std::uint64_t now_ns);
  /// The socket can be written. True while it wants to be told again.
  bool on_writable();
  /// The socket can be read: one recv into `buffer`, everything in it booked.
  void on_readable(std::span<char> buffer, const Booking& booking);
  /// Gives up, for a cause that the tally is to show.
  void close(std::string cause);

  int fd() const { return fd_.get(); }
  Protocol protocol() const { return protocol_; }
  Phase phase() const { return phase_; }
  std::uint64_t began_ns() const { return began_ns_; }
  const std::string& cause() const { return cause_; }  // of having closed
  bool wants_to_write() const { return !out_.empty() || phase_ == Phase::connecting; }

 private:
  void take(std::string_view bytes, std::uint64_t now_ns, const Booking& booking);
  void take_sse(std::string_view bytes, std::uint64_t now_ns, const Booking& booking);
  void take_websocket(std::string_view bytes, std::uint64_t now_ns, const Booking& booking);
  bool accept_head();

  Fd fd_;
  Protocol protocol_;
  Phase phase_ = Phase::closed;
  std::uint64_t began_ns_ = 0;
  std::minstd_rand& random_;
  std::string out_;     // waits to be sent
  std::string accept_;  // what the WebSocket handshake has to answer
  std::string cause_;
  ResponseReader http_;
  SseParser sse_;
  WsParser websocket_;
  Inbox inbox_;
};

}  // namespace fanlight::load
