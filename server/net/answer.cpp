#include "server/net/answer.hpp"

#include <utility>

namespace fanlight::server::net {

namespace http = boost::beast::http;

Response answer(http::status status, std::string_view type, std::string body) {
  Response response{status, 11};
  response.set(http::field::server, boost::beast::string_view(kServerName.data(), kServerName.size()));
  response.set(http::field::content_type, boost::beast::string_view(type.data(), type.size()));
  response.set(http::field::cache_control, "no-store");
  response.content_length(body.size());
  response.body() = std::move(body);
  return response;
}

Response problem(http::status status, std::string_view error, std::string_view hint) {
  std::string body = "{\"error\":\"";
  body.append(error).append("\",\"hint\":\"").append(hint).append("\"}\n");
  return answer(status, kJson, std::move(body));
}

}  // namespace fanlight::server::net
