#include "server/net/route.hpp"

#include <initializer_list>

#include "server/hub/topic.hpp"

namespace fanlight::server::net {
namespace {

using boost::beast::http::verb;

std::string_view path_of(std::string_view target) {
  constexpr std::string_view kScheme = "http://";
  if (target.starts_with(kScheme)) {
    const std::size_t slash = target.find('/', kScheme.size());
    target = slash == std::string_view::npos ? std::string_view("/") : target.substr(slash);
  }
  return target.substr(0, target.find_first_of("?#"));
}

struct TopicPath {
  std::string_view prefix;
  verb method;
  std::string_view allowed;
  Endpoint endpoint;
};

constexpr TopicPath kTopicPaths[] = {
    {"/sse/", verb::get, "GET", Endpoint::subscribe_sse},
    {"/ws/", verb::get, "GET", Endpoint::subscribe_websocket},
    {"/topics/", verb::post, "POST", Endpoint::publish},
};

}  // namespace

Route route_of(verb method, std::string_view target) {
  const std::string_view path = path_of(target);
  for (const TopicPath& known : kTopicPaths) {
    if (!path.starts_with(known.prefix)) continue;
    if (method != known.method) return {.endpoint = Endpoint::wrong_method, .allowed = known.allowed};
    const std::string_view topic = path.substr(known.prefix.size());
    if (!hub::is_topic(topic)) return {.endpoint = Endpoint::bad_topic};
    return {.endpoint = known.endpoint, .topic = topic};
  }
  if (path != "/metrics" && path != "/healthz") return {};
  if (method != verb::get && method != verb::head) return {.endpoint = Endpoint::wrong_method, .allowed = "GET, HEAD"};
  return {.endpoint = path == "/metrics" ? Endpoint::metrics : Endpoint::healthz};
}

}  // namespace fanlight::server::net
