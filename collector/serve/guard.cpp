#include "collector/serve/guard.hpp"

#include <algorithm>
#include <cctype>

namespace fanlight::serve {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return std::tolower(c); });
  return out;
}

bool names_us(std::string_view authority, std::string_view address, std::uint16_t port) {
  const std::string asked = lower(authority);
  const std::string suffix = ":" + std::to_string(port);
  for (const std::string_view name :
       {std::string_view("127.0.0.1"), std::string_view("localhost"), std::string_view("[::1]"), address}) {
    const std::string ours = lower(name);
    if (asked == ours + suffix) return true;
    if (asked == "[" + ours + "]" + suffix) return true;
  }
  return false;
}

}  // namespace

bool may_ask(std::string_view host, std::string_view origin, std::string_view address, std::uint16_t port, bool tls) {
  const bool anywhere = address == "0.0.0.0" || address == "::";
  if (!anywhere && !names_us(host, address, port)) return false;
  if (origin.empty()) return true;
  const std::string_view scheme = tls ? "https://" : "http://";
  if (!origin.starts_with(scheme)) return false;
  const std::string_view site = origin.substr(scheme.size());
  return anywhere ? lower(site) == lower(host) : names_us(site, address, port);
}

}  // namespace fanlight::serve
