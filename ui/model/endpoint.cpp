#include "ui/model/endpoint.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace fanlight::ui {

Result<Endpoint> parse_endpoint(std::string_view text) {
  const auto refuse = [text](const char* why) {
    return fail(0, "'" + std::string(text) + "' " + why, "write HOST:PORT, for instance 127.0.0.1:9180");
  };
  constexpr std::size_t kLongest = 255 + 2 + 6;  // a DNS name, brackets, port
  if (text.empty() || text.size() > kLongest) return refuse("is not an address");
  Endpoint endpoint;
  std::string_view host, port = text;
  if (const std::size_t colon = text.rfind(':'); colon != std::string_view::npos) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
  }
  if (host.starts_with('[') && host.ends_with(']'))
    host = host.substr(1, host.size() - 2);
  else if (host.find(':') != std::string_view::npos)
    return refuse("needs brackets around an IPv6 address");
  const auto allowed = [](unsigned char c) { return std::isalnum(c) || c == '.' || c == '-' || c == '_' || c == ':'; };
  if (!std::all_of(host.begin(), host.end(), allowed)) return refuse("holds a character that no host name has");
  unsigned number = 0;
  const auto [end, ec] = std::from_chars(port.data(), port.data() + port.size(), number);
  if (ec != std::errc{} || end != port.data() + port.size() || number == 0 || number > 65535)
    return refuse("has no port between 1 and 65535");
  if (!host.empty()) endpoint.host = host;
  endpoint.port = std::to_string(number);
  return endpoint;
}

}  // namespace fanlight::ui
