// What a worker hands to the HTTP side, which it does not know. In: bytes of connections that have not subscribed.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace fanlight::server::hub {

struct Session;
class Worker;

/// Implemented by server/net, one per worker; called on that worker's thread.
class Reception {
 public:
  virtual ~Reception() = default;
  /// Bytes of a connection in stage http. May end the session or make it a subscriber.
  virtual void on_bytes(Session& session, std::span<const std::byte> bytes) = 0;
  /// The answers of a connection in stage http have left; the next request may be read.
  virtual void on_sent(Session& session) = 0;
  /// Its patience ended: `deadline_tick` of a connection in stage http or tls.
  virtual void on_overdue(Session& session) = 0;
  /// A connection ends, of any stage; its descriptor closes after this.
  virtual void on_gone(Session& session) = 0;
  /// A WebSocket client sent a whole message. May close the session.
  virtual void on_message(Session& session, std::string payload, bool text) = 0;
};

}  // namespace fanlight::server::hub
