// Answers of one piece. In: a status and a body. Out: a response as Beast sends it.
#pragma once

#include <string>
#include <string_view>

#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

namespace fanlight::server::net {

using Response = boost::beast::http::response<boost::beast::http::string_body>;

inline constexpr std::string_view kServerName = "fanlight-server";
inline constexpr std::string_view kJson = "application/json";

/// HTTP/1.1; the caller decides whether the connection is kept.
Response answer(boost::beast::http::status status, std::string_view type, std::string body);

/// {"error":"...","hint":"..."}: both texts are ours and hold nothing that JSON would need escaped.
Response problem(boost::beast::http::status status, std::string_view error, std::string_view hint);

}  // namespace fanlight::server::net
