#include "server/net/route.hpp"

#include "server/hub/topic.hpp"

namespace fanlight::server::net {
namespace {

std::string_view path_of(std::string_view target) {
  constexpr std::string_view kScheme = "http://";
  if (target.starts_with(kScheme)) {
    const std::size_t slash = target.find('/', kScheme.size());
    target = slash == std::string_view::npos ? std::string_view("/") : target.substr(slash);
  }
  return target.substr(0, target.find_first_of("?#"));
}

Route of_topic(Endpoint endpoint, std::string_view topic) {
  if (!hub::is_topic(topic)) return {.endpoint = Endpoint::bad_topic};
  return {.endpoint = endpoint, .topic = topic};
}

struct Page {
  std::string_view path;
  Endpoint endpoint;
};
constexpr Page kPages[] = {{"/metrics", Endpoint::metrics},
                           {"/healthz", Endpoint::healthz},
                           {"/admin", Endpoint::admin},
                           {"/", Endpoint::page}};

}  // namespace

Route route_of(std::string_view method, std::string_view target) {
  const std::string_view path = path_of(target);
  const bool get = method == "GET";
  const auto only = [](std::string_view allowed) {
    return Route{.endpoint = Endpoint::wrong_method, .topic = {}, .allowed = allowed};
  };
  if (path.starts_with("/sse/")) return get ? of_topic(Endpoint::subscribe_sse, path.substr(5)) : only("GET");
  if (path.starts_with("/ws/")) return get ? of_topic(Endpoint::subscribe_websocket, path.substr(4)) : only("GET");
  if (path == "/ws") return get ? Route{.endpoint = Endpoint::converse} : only("GET");
  if (path == "/echo") return get ? Route{.endpoint = Endpoint::echo} : only("GET");
  if (path.starts_with("/topics/")) {
    if (method == "POST") return of_topic(Endpoint::publish, path.substr(8));
    constexpr std::string_view kSnapshot = "/snapshot";
    if (get && path.ends_with(kSnapshot) && path.size() > 8 + kSnapshot.size())
      return of_topic(Endpoint::snapshot, path.substr(8, path.size() - 8 - kSnapshot.size()));
    if (get) return of_topic(Endpoint::presence, path.substr(8));
    if (method == "OPTIONS") return {.endpoint = Endpoint::preflight};
    return only("GET, POST");
  }
  for (const Page& page : kPages) {
    if (path != page.path) continue;
    return get || method == "HEAD" ? Route{.endpoint = page.endpoint} : only("GET, HEAD");
  }
  return {};
}

}  // namespace fanlight::server::net
