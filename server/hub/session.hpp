// One connection in its worker's table. In: what its worker does with it. Out: nothing; a row.
#pragma once

#include <openssl/ssl.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "server/codec/client_frames.hpp"
#include "server/codec/frame.hpp"
#include "server/hub/outbox.hpp"
#include "server/hub/reading.hpp"
#include "server/hub/subscriber.hpp"
#include "server/hub/topic.hpp"
#include "server/memory/ring.hpp"

namespace fanlight::server::hub {

struct SslFree {
  void operator()(SSL* ssl) const noexcept { ::SSL_free(ssl); }
};
using SslPtr = std::unique_ptr<SSL, SslFree>;

/// What the HTTP side keeps for a connection whose request is not whole yet.
struct Exchange {
  virtual ~Exchange() = default;
};

/// What a subscriber needs beyond one topic: WebSocket's state, several topics, a group.
struct Conversation {
  explicit Conversation(codec::ClientFramesOptions options) : frames(options) {}
  codec::ClientFrames frames;
  std::vector<TopicPtr> more;   // subscribed over this connection, beside `Session::topic`
  std::string group;            // member of it in `Session::topic`; empty: none
  std::uint32_t pong_tick = 0;  // when the answer to our ping is overdue; 0: none is awaited
  codec::PayloadCodec commands = codec::PayloadCodec::raw;  // raw: takes none
  bool echo = false;                                        // sends back what it gets, for conformance tests
  std::string token;                                        // that came with the request; each command is judged by it
};

/// Kept small: a subscriber that only listens costs this and its registration. Touched by its worker's thread only.
/// What a delivery touches lies on the first cache line.
struct alignas(memory::kCacheLine) Session {
  enum class Stage : std::uint8_t {
    free,
    tls,        // shakes hands
    http,       // sends requests and gets answers
    live,       // subscribed
    closing,    // unsubscribed; what is queued leaves, then the connection ends
    lingering,  // all sent; waits for the peer to close, so that a reset does not destroy what it has not read
  };

  Outbox outbox{};
  SessionRef ref;
  int fd = -1;
  std::uint32_t sent_tick = 0;  // when bytes last left
  Stage stage = Stage::free;
  bool flush_queued : 1 = false;
  bool awaits_writable : 1 = false;
  bool watches_writes : 1 = false;  // registered for EPOLLOUT
  bool evicting : 1 = false;
  bool subscriber : 1 = false;   // counted as one
  bool answered : 1 = false;     // http: a request before
  bool plain : 1 = true;         // `tls` is null
  std::uint16_t unmeasured = 0;  // replayed events whose age is not a delay of ours

  std::uint32_t deadline_tick = 0;             // http, closing, lingering: when patience ends; 0: never
  End end = End::client;                       // closing, lingering: why
  SslPtr tls;                                  // null: plain
  std::unique_ptr<Exchange> exchange;          // http only
  std::unique_ptr<Conversation> conversation;  // null: an event stream of one topic
  TopicPtr topic;
  Ticket ticket;
  void* address = nullptr;  // limits::Address, released at the end

  /// Whether a frame may go to the socket without passing the outbox.
  bool idle_and_plain() const {
    return stage == Stage::live && outbox.empty() && plain && !awaits_writable && !evicting && unmeasured == 0;
  }
  codec::Wire wire() const { return ref.wire; }
};
static_assert(sizeof(Session) == 2 * memory::kCacheLine);

}  // namespace fanlight::server::hub
