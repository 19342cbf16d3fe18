// What a request asks for. In: its method and target. Out: one of the server's endpoints, or the reason why not.
#pragma once

#include <cstdint>
#include <ostream>  // verb.hpp does not bring what it uses
#include <string_view>

#include <boost/beast/http/verb.hpp>

namespace fanlight::server::net {

enum class Endpoint : std::uint8_t {
  subscribe_sse,        // GET /sse/{topic}
  subscribe_websocket,  // GET /ws/{topic}
  publish,              // POST /topics/{topic}
  metrics,              // GET, HEAD /metrics
  healthz,              // GET, HEAD /healthz
  not_found,
  wrong_method,
  bad_topic,
};

struct Route {
  Endpoint endpoint = Endpoint::not_found;
  std::string_view topic;    // subscribe, publish: valid; a view of the target
  std::string_view allowed;  // wrong_method: what the Allow header says
};

/// The query is ignored; a target in absolute form ("http://host/path") counts by its path. Threads: any. Cost:
/// O(target).
Route route_of(boost::beast::http::verb method, std::string_view target);

}  // namespace fanlight::server::net
