// What goes on the wire. In: a message's bytes. Out: frames, encoded once per wire form and shared by all who get them.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <boost/smart_ptr/intrusive_ptr.hpp>

#include "fanlight/labels.h"
#include "server/memory/pool.hpp"

namespace fanlight::server::codec {

/// The forms a message can take. The first four carry the payload as `--codec` says; the others, for connections that
/// subscribe to several topics, wrap it in an envelope that names the topic.
enum class Wire : std::uint8_t {
  sse = 0,
  websocket,
  sse_gzip,
  websocket_deflate,
  json,
  msgpack,
  protobuf,
  json_deflate,
  msgpack_deflate,
  protobuf_deflate,
};
inline constexpr std::size_t kWires = 10;
inline constexpr std::array<Wire, kWires> kAllWires = {
    Wire::sse,     Wire::websocket, Wire::sse_gzip,     Wire::websocket_deflate, Wire::json,
    Wire::msgpack, Wire::protobuf,  Wire::json_deflate, Wire::msgpack_deflate,   Wire::protobuf_deflate};
inline constexpr std::array<std::string_view, kWires> kWireNames = {
    "sse",     "websocket", "sse-gzip",     "websocket-deflate", "json",
    "msgpack", "protobuf",  "json-deflate", "msgpack-deflate",   "protobuf-deflate"};

constexpr std::size_t index_of(Wire wire) { return static_cast<std::size_t>(wire); }
constexpr std::string_view name_of(Wire wire) { return kWireNames[index_of(wire)]; }
constexpr bool is_stream(Wire wire) { return wire == Wire::sse || wire == Wire::sse_gzip; }
constexpr bool is_envelope(Wire wire) { return wire >= Wire::json; }
constexpr bool is_deflated(Wire wire) {
  return wire == Wire::sse_gzip || wire == Wire::websocket_deflate || wire >= Wire::json_deflate;
}
/// The same form, deflated. `wire` is sse, websocket or an envelope.
constexpr Wire deflated(Wire wire) { return static_cast<Wire>(index_of(wire) + (is_envelope(wire) ? 3 : 2)); }

/// Bytes ready to send, and what the accounts need to know about them. Comes from a pool and returns there.
struct Encoded {
  /// An event is counted, and a full outbox may drop it; control (heads, heartbeats, pongs, close) is neither.
  enum class Kind : std::uint8_t { event, control };

  std::string storage;
  std::uint64_t published_ns = 0;  // CLOCK_MONOTONIC, when the publisher's request had been read; control: 0
  std::uint32_t begin = 0;         // where the frame starts in `storage`; before it lies room that an id did not need
  std::uint32_t key = 0;           // of what a newer event replaces; 0: nothing
  Kind kind = Kind::event;
  fanlight_trace trace{};  // of the message; all zero: none
  mutable std::atomic<std::uint32_t> references = 0;

  std::string_view bytes() const { return std::string_view(storage).substr(begin); }
};

memory::PoolReading frame_pool();
void release(const Encoded& frame);

inline void intrusive_ptr_add_ref(const Encoded* frame) { frame->references.fetch_add(1, std::memory_order_relaxed); }
inline void intrusive_ptr_release(const Encoded* frame) {
  if (frame->references.fetch_sub(1, std::memory_order_acq_rel) == 1) release(*frame);
}

/// Shared and constant; `NewFrame` while it is being made.
using Frame = boost::intrusive_ptr<const Encoded>;
using NewFrame = boost::intrusive_ptr<Encoded>;

/// An empty event from the pool, with the memory of an earlier one. Threads: any.
NewFrame new_frame(std::uint64_t published_ns = 0);
/// A frame that no account counts.
Frame control_frame(std::string bytes);
/// An event of these bytes.
Frame event_frame(std::string bytes, std::uint64_t published_ns = 0, std::uint32_t key = 0);

}  // namespace fanlight::server::codec
