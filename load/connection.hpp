// One subscriber. In: what its pool does with it. Out: the few bytes that a stream costs.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "load/dechunk.hpp"
#include "load/opening.hpp"
#include "load/sequence_window.hpp"
#include "load/shared.hpp"
#include "load/sse_parser.hpp"
#include "load/websocket.hpp"
#include "load/wire.hpp"

namespace fanlight::load {

/// What most streams do without: allocated when it is first needed.
struct Extras {
  std::string out;  // waits to be sent: pongs, what a profile sends
  std::size_t out_sent = 0;
  std::string text_id;       // the last SSE id, where it is no number
  std::uint64_t cut_ns = 0;  // when the stream was cut that is to come back
};

/// Passive; its pool and receiver keep what holds between the members. About 200 bytes and 16 per publisher.
struct Connection {
  enum class Phase : std::uint8_t { waiting, connecting, securing, opening, streaming, gone };

  Wire wire;
  std::unique_ptr<Opening> opening;  // while there is no stream
  std::unique_ptr<Extras> extras;
  std::unique_ptr<char[]> rest;  // the beginning of an item that is not whole yet
  std::uint32_t rest_size = 0;
  std::uint32_t received = 0;        // measured messages
  std::uint32_t retry_ms = 1000;     // as the stream asked for
  std::uint64_t latency_sum_ns = 0;  // of those
  std::uint64_t began_ns = 0;        // the connect of the latest attempt
  std::uint64_t stream_ns = 0;       // when the latest stream stood
  std::uint64_t last_number = 0;     // the last SSE id, where it is a number
  std::uint64_t body_left = 0;       // of a counted body
  WsState websocket;
  Dechunker dechunk;
  SseState sse;
  std::uint8_t group = 0;
  Body body = Body::raw;
  Phase phase = Phase::waiting;
  ClientState state = ClientState::idle;
  std::uint8_t watched = 0;     // what epoll was told: 1 to read, 2 to write, 4 that it exists
  std::uint8_t gap_age = 0;     // messages since the latest gap, up to kReorderWindow
  bool has_number : 1 = false;  // last_number holds
  bool faulty : 1 = false;      // its profile: kept out of the live figures
  bool ever_streamed : 1 = false;
  bool ever_cut : 1 = false;
  bool ever_received : 1 = false;
  bool told_to_leave : 1 = false;
  bool joined_late : 1 = false;  // publishing had begun when it first had a stream
  bool settled : 1 = false;      // its first attempt has ended, well or badly
  bool catching_up : 1 = false;  // after a reconnect
  bool paused : 1 = false;       // not watched for reading

  Extras& more() {
    if (!extras) extras = std::make_unique<Extras>();
    return *extras;
  }
};

}  // namespace fanlight::load
