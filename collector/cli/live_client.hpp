// A running collector, asked from here. In: its address. Out: profiles of the range that is asked for.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "collector/profile/profile.hpp"
#include "core/error.hpp"

namespace fanlight::cli {

/// One WebSocket to /live of `fanlight attach`. Threads: one at a time. Every step has a deadline; messages are bounded
/// by `wire::kMaxBytes`.
class LiveClient {
 public:
  /// `where`: "127.0.0.1:9180". Errors: nobody listens, not a collector; with a hint.
  static Result<LiveClient> connect(const std::string& where, std::chrono::milliseconds patience);
  LiveClient(LiveClient&&) noexcept;
  LiveClient& operator=(LiveClient&&) noexcept;
  ~LiveClient();

  /// CLOCK_MONOTONIC, [from_ns, to_ns). Errors: the connection is gone or the reply is none.
  Result<profile::Profile> ask(std::uint64_t from_ns, std::uint64_t to_ns);

 private:
  struct State;
  explicit LiveClient(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace fanlight::cli
