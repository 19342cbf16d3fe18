// What one run is to do. In: the command line, a scenario file. Out: plain values, checked.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "load/phase.hpp"
#include "load/profile.hpp"
#include "load/protocol.hpp"

namespace fanlight::load {

/// Subscribers that are alike, and are accounted for together.
struct Group {
  Protocol protocol = Protocol::sse;
  unsigned count = 0;
  Profile profile;

  bool operator==(const Group&) const = default;
};

/// Where things are, "{topic}" standing for the topic. Empty: what the adapter makes of `Plan::url`.
struct Urls {
  std::string sse;
  std::string ws;
  std::string redis;
  std::string nats;
  std::string publish;

  const std::string& of(Protocol protocol) const {
    switch (protocol) {
      case Protocol::sse: return sse;
      case Protocol::websocket: return ws;
      case Protocol::redis: return redis;
      case Protocol::nats: break;
    }
    return nats;
  }
};

struct Security {
  std::string ca_file;    // PEM; empty: the system's
  bool insecure = false;  // certificates are not looked at
};

struct Plan {
  std::string url = "http://127.0.0.1:8080";
  std::string adapter = "fanlight";  // which names the paths: fanlight, nchan, redis, nats
  Urls urls;
  std::string topic = "load";
  std::vector<Group> groups;
  std::vector<Phase> phases{Phase{}};
  std::size_t size = 128;  // bytes of each message
  std::chrono::nanoseconds warmup{std::chrono::seconds(1)};
  std::chrono::nanoseconds drain{std::chrono::seconds(2)};  // how long stragglers are waited for
  std::chrono::nanoseconds connect_timeout{std::chrono::seconds(10)};
  double connect_rate = 2000;  // connections per second; 0: as fast as it goes
  unsigned publishers = 4;     // connections; 0: somebody else publishes
  unsigned threads = 1;        // that read subscribers, per process; one more publishes
  unsigned workers = 0;        // processes that hold the subscribers; 0: this one does
  bool closed_loop = false;    // a publisher's next message waits for the answer to its last
  bool reconnect = false;      // cut streams come back, SSE with Last-Event-ID
  bool fit = false;            // fewer subscribers where descriptors do not suffice
  std::vector<std::pair<std::string, std::string>> headers;  // of every request
  std::string token;                 // HTTP: Authorization: Bearer; Redis: AUTH; NATS: auth_token
  std::string subprotocol;           // WebSocket
  std::vector<std::string> sources;  // addresses to connect from, in turn
  Security security;
  std::string coordinator;  // where other hosts join, which then hold the subscribers; empty: nobody does
  unsigned hosts = 1;       // that are waited for
  std::string secret;       // that they have to know; empty: none
  std::string listen;       // where metrics and policy are served while it runs; empty: nowhere
  pid_t server_pid = 0;     // whose CPU time and memory are read; 0: nobody's

  unsigned subscribers() const {
    unsigned sum = 0;
    for (const Group& group : groups) sum += group.count;
    return sum;
  }
  std::chrono::nanoseconds duration() const {
    std::chrono::nanoseconds sum{0};
    for (const Phase& phase : phases) sum += phase.duration;
    return sum;
  }
};

}  // namespace fanlight::load
