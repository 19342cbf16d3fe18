// One subscriber's way to its stream. In: what the server answers. Out: a stream, or why there is none.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <string_view>

#include "load/approach.hpp"
#include "load/http_response.hpp"

namespace fanlight::load {

/// How a stream's body is delimited.
enum class Body : std::uint8_t { raw, chunked, counted };

/// Made for a connect and gone when the stream stands, so that a stream costs nothing of it. Threads: one at a time.
class Opening {
 public:
  enum class Step : std::uint8_t { more, streaming, failed };

  /// `last_id` not empty: an SSE request asks for what followed it.
  Opening(const Approach& approach, std::string_view last_id, std::minstd_rand& random);

  /// What is still to be sent; `dribble` gives one byte at a time, half-open ends early.
  std::string_view to_send() const;
  void sent(std::size_t bytes) { sent_ += bytes; }
  bool all_sent() const { return to_send().empty(); }

  /// Takes the answer off the front of `bytes`; what is left then belongs to the stream.
  Step take(std::string_view& bytes);
  const std::string& cause() const { return cause_; }  // of having failed
  Body body() const { return body_; }
  std::uint64_t length() const { return length_; }  // of a counted body

  std::uint64_t tls_from_ns = 0;
  std::uint64_t sent_ns = 0;  // when the request's last byte went out

 private:
  Step fail_with(std::string cause);
  Step take_http(std::string_view& bytes);
  Step take_redis(std::string_view& bytes);
  Step take_nats(std::string_view& bytes);

  const Approach& approach_;
  std::string out_;
  std::size_t sent_ = 0;
  std::string accept_;  // what the WebSocket handshake has to answer
  ResponseReader http_;
  std::string cause_;
  Body body_ = Body::raw;
  std::uint64_t length_ = 0;
};

}  // namespace fanlight::load
