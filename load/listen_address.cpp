#include "load/listen_address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <array>
#include <charconv>
#include <cstdint>
#include <cstring>

namespace fanlight::load {

Result<ListenAddress> parse_listen(std::string_view option, std::string_view text) {
  const auto bad = [&] {
    return fail(0, std::string(option) + " " + std::string(text) + ": not an address and port",
                "write it like 127.0.0.1:9190, or :0 behind the address for any free port");
  };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon + 1 == text.size()) return bad();
  std::uint16_t port = 0;
  const char* const end = text.data() + text.size();
  if (const auto [stop, error] = std::from_chars(text.data() + colon + 1, end, port);
      error != std::errc() || stop != end)
    return bad();
  std::string host(text.substr(0, colon));
  ListenAddress listen;
  if (host.starts_with('[') && host.ends_with(']')) {
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    if (::inet_pton(AF_INET6, host.substr(1, host.size() - 2).c_str(), &v6.sin6_addr) != 1) return bad();
    std::memcpy(&listen.address, &v6, sizeof v6);
    listen.size = sizeof v6;
    listen.loopback = IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
  } else {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    if (::inet_pton(AF_INET, host.c_str(), &v4.sin_addr) != 1) return bad();
    std::memcpy(&listen.address, &v4, sizeof v4);
    listen.size = sizeof v4;
    listen.loopback = (ntohl(v4.sin_addr.s_addr) >> 24) == 127;
  }
  return listen;
}

std::string words_of(const sockaddr_storage& address) {
  std::array<char, INET6_ADDRSTRLEN> words{};
  if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    ::inet_ntop(AF_INET6, &v6.sin6_addr, words.data(), words.size());
    return "[" + std::string(words.data()) + "]:" + std::to_string(ntohs(v6.sin6_port));
  }
  const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
  ::inet_ntop(AF_INET, &v4.sin_addr, words.data(), words.size());
  return std::string(words.data()) + ":" + std::to_string(ntohs(v4.sin_port));
}

}  // namespace fanlight::load
