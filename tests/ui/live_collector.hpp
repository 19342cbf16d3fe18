// A collector that works, without a target. In: a window. Out: /live on a free port of 127.0.0.1.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "collector/profile/window.hpp"

namespace fanlight::ui::testing {

/// Answers requests from `window`; with `grow`, one slice more is visible every 200 ms. Threads: one of its own.
class LiveCollector {
 public:
  enum class Manner : std::uint8_t {
    proper,
    garbage,    // answers with bytes that are no reply
    refusing,   // answers with an error in words
    silent,     // accepts and never answers
    plain,      // answers the handshake with 404
    truncated,  // ends the connection in the middle of a reply
    absurd,     // announces a message of a terabyte
    trickle,    // sends a reply a byte every 20 ms, for ever
    aged,       // speaks version 99
    nested,     // lists of numbers that point nowhere
    insane,     // well-formed, with times and weights that cannot be
  };
  explicit LiveCollector(profile::Window window, Manner manner = Manner::proper, std::uint16_t port = 0,
                         bool grow = false);
  ~LiveCollector();

  std::uint16_t port() const;
  std::uint64_t requests() const;
  std::string host_header() const;  // of the last handshake

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace fanlight::ui::testing
