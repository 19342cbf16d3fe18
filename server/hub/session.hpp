// One subscriber's connection, in the steady state. In: what its worker does with it. Out: nothing; a row in a table.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <boost/asio/ip/tcp.hpp>

#include "server/codec/client_frames.hpp"
#include "server/codec/frame.hpp"
#include "server/hub/outbox.hpp"
#include "server/hub/reading.hpp"
#include "server/hub/subscriber.hpp"

namespace fanlight::server::hub {

/// Owned by its worker's table and touched by that thread only; asio handlers hold a `SessionRef`, never a pointer.
struct Session {
  enum class Stage : std::uint8_t {
    handshake,  // subscribed; frames queue up until the answer is on the wire
    live,
    closing,    // unsubscribed; what is queued leaves, then the connection ends
    lingering,  // all sent; waits for the peer to close, so that a reset does not destroy what it has not read
  };

  Session(std::size_t max_frames, codec::Wire wire_in, std::string topic_in, Ticket ticket_in)
      : outbox(max_frames), topic(std::move(topic_in)), ticket(std::move(ticket_in)), wire(wire_in) {}

  std::optional<boost::asio::ip::tcp::socket> socket;  // empty during the handshake
  Outbox outbox;
  codec::ClientFrames client_frames;  // WebSocket only
  std::string topic;
  Ticket ticket;
  SessionRef ref;
  std::uint32_t sent_tick = 0;    // when bytes last left
  std::uint32_t linger_tick = 0;  // closing, lingering: when patience ends; 0: when the server's does
  codec::Wire wire;
  Stage stage = Stage::handshake;
  End end = End::client;  // closing, lingering: why
  bool subscribed = false;
  bool flush_queued = false;
  bool awaits_writable = false;
};

}  // namespace fanlight::server::hub
