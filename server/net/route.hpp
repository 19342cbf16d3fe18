// What a request asks for. In: its method and target. Out: one of the server's endpoints, or the reason why not.
#pragma once

#include <cstdint>
#include <string_view>

namespace fanlight::server::net {

enum class Endpoint : std::uint8_t {
  subscribe_sse,        // GET /sse/{topic}
  subscribe_websocket,  // GET /ws/{topic}
  converse,             // GET /ws: several topics by command
  echo,                 // GET /echo, with --echo
  publish,              // POST /topics/{topic}
  presence,             // GET /topics/{topic}
  snapshot,             // GET /topics/{topic}/snapshot
  metrics,              // GET, HEAD /metrics
  healthz,              // GET, HEAD /healthz
  admin,                // GET, HEAD /admin
  page,                 // GET, HEAD /
  preflight,            // OPTIONS of a path that takes POST
  not_found,
  wrong_method,
  bad_topic,
};

struct Route {
  Endpoint endpoint = Endpoint::not_found;
  std::string_view topic;    // subscribe, publish, presence: valid; a view of the target
  std::string_view allowed;  // wrong_method: what the Allow header says
};

/// The query is ignored; a target in absolute form ("http://host/path") counts by its path. Threads: any. Cost:
/// O(target).
Route route_of(std::string_view method, std::string_view target);

}  // namespace fanlight::server::net
