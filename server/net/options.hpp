// What the server is told at its start. In: the command line. Out: values with their defaults.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

namespace fanlight::server::net {

struct Options {
  std::string address = "127.0.0.1";
  std::uint16_t port = 8080;                 // 0: the system chooses
  unsigned workers = 0;                      // 0: one per CPU
  std::size_t outbox_frames = 256;           // per subscriber, three at least
  std::size_t max_connections = 10'000;      // of all kinds
  std::size_t max_topics = 65'536;           // with subscribers, at one time
  std::size_t max_body_bytes = 1u << 20;     // of a published message
  std::chrono::seconds heartbeat{15};        // silence before a comment or a ping
  std::chrono::seconds request_deadline{5};  // for a request to arrive, and for its answer to leave
  std::chrono::seconds idle_deadline{60};    // between the requests of a kept connection
  std::chrono::milliseconds drain{5000};     // for what is queued to leave when the server stops
};

}  // namespace fanlight::server::net
