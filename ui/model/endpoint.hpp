// Where a collector listens. In: "127.0.0.1:9180". Out: host and port.
#pragma once

#include <string>
#include <string_view>

#include "core/error.hpp"

namespace fanlight::ui {

struct Endpoint {
  std::string host = "127.0.0.1";
  std::string port = "9180";
  /// As the Host header wants it; IPv6 in brackets.
  std::string text() const { return (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + port; }
  bool operator==(const Endpoint&) const = default;
};

/// "host:port", "[::1]:port", ":port" or "port"; what is missing keeps its default. Errors: empty, no port number in
/// 1..65535, characters that no host name has.
Result<Endpoint> parse_endpoint(std::string_view text);

}  // namespace fanlight::ui
