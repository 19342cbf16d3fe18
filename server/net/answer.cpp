#include "server/net/answer.hpp"

#include <utility>

#include <boost/beast/http/status.hpp>

#include "server/codec/envelope.hpp"

namespace fanlight::server::net {

Answer problem(Refusal cause, unsigned status, std::string_view error, std::string_view hint) {
  std::string body = "{\"error\":";
  codec::append_json_string(body, error);
  body += ",\"hint\":";
  codec::append_json_string(body, hint);
  return {.status = status, .body = std::move(body) + "}\n", .refusal = cause};
}

std::string text_of(const Answer& answer, bool keep, bool head_only) {
  const auto reason = boost::beast::http::obsolete_reason(boost::beast::http::int_to_status(answer.status));
  std::string text;
  text.reserve(256 + answer.body.size());
  text.append("HTTP/1.1 ").append(std::to_string(answer.status)).append(" ").append(reason.data(), reason.size());
  text.append("\r\nServer: fanlight-server\r\nContent-Type: ").append(answer.type);
  text.append("\r\nCache-Control: no-store\r\n").append(answer.headers);
  text.append("Content-Length: ").append(std::to_string(answer.body.size())).append("\r\n");
  if (!keep) text += "Connection: close\r\n";
  text += "\r\n";
  if (!head_only) text += answer.body;
  return text;
}

}  // namespace fanlight::server::net
