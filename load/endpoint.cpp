#include "load/endpoint.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>

namespace fanlight::load {
namespace {

struct FreeAddresses {
  void operator()(addrinfo* list) const noexcept { ::freeaddrinfo(list); }
};

}  // namespace

Result<Url> parse_url(std::string_view text) {
  const auto bad = [&](const char* why) {
    return fail(0, "URL '" + std::string(text) + "': " + why, "for example http://127.0.0.1:8080");
  };
  constexpr std::string_view kScheme = "http://";
  if (!text.starts_with(kScheme)) return bad("only http:// is spoken");
  std::string_view rest = text.substr(kScheme.size());
  if (rest.ends_with('/')) rest.remove_suffix(1);
  if (rest.find_first_of("/?#") != std::string_view::npos) return bad("a path is not taken, see --topic");
  if (rest.find('@') != std::string_view::npos) return bad("a user is not taken");
  Url url;
  std::string_view port;
  if (rest.starts_with('[')) {
    const std::size_t end = rest.find(']');
    if (end == std::string_view::npos) return bad("the bracket is not closed");
    url.host = rest.substr(1, end - 1);
    rest.remove_prefix(end + 1);
    if (!rest.empty() && rest.front() != ':') return bad("a port begins with ':'");
    port = rest;
  } else {
    const std::size_t colon = rest.find(':');
    url.host = rest.substr(0, colon);
    port = colon == std::string_view::npos ? std::string_view() : rest.substr(colon);
  }
  if (url.host.empty()) return bad("the host is missing");
  for (const char c : url.host)
    if (c <= ' ' || c >= 127) return bad("the host has odd characters");
  if (!port.empty()) {
    port.remove_prefix(1);
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), url.port);
    if (error != std::errc() || end != port.data() + port.size() || url.port == 0) return bad("ports are 1 to 65535");
  }
  const bool v6 = url.host.find(':') != std::string::npos;
  url.authority = (v6 ? "[" + url.host + "]" : url.host) + ":" + std::to_string(url.port);
  return url;
}

Result<Endpoint> resolve(Url url) {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(url.host.c_str(), std::to_string(url.port).c_str(), &wanted, &found);
  const std::unique_ptr<addrinfo, FreeAddresses> list(found);
  if (error != 0) return fail(0, "resolve " + url.host + ": " + ::gai_strerror(error), "check the host in --url");
  Endpoint endpoint{std::move(url), {}, 0};
  std::memcpy(&endpoint.address, list->ai_addr, list->ai_addrlen);
  endpoint.address_size = list->ai_addrlen;
  return endpoint;
}

Result<Fd> begin_connect(const Endpoint& endpoint) {
  Fd socket(::socket(endpoint.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return fail(errno, "socket");
  const int on = 1;
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&endpoint.address), endpoint.address_size) != 0 &&
      errno != EINPROGRESS)
    return fail(errno, "connect");
  return socket;
}

}  // namespace fanlight::load
