#include "load/endpoint.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>

namespace fanlight::load {
namespace {

constexpr std::size_t kMaxSources = 65536;

struct FreeAddresses {
  void operator()(addrinfo* list) const noexcept { ::freeaddrinfo(list); }
};

/// Where a name has several addresses, as localhost has ::1 and 127.0.0.1, servers often listen on one of them.
const addrinfo* first_that_answers(const addrinfo* list) {
  constexpr int kPatienceMs = 1000;
  for (const addrinfo* one = list; list->ai_next != nullptr && one != nullptr; one = one->ai_next) {
    Fd socket(::socket(one->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket) continue;
    if (::connect(socket.get(), one->ai_addr, one->ai_addrlen) == 0) return one;
    pollfd polled{socket.get(), POLLOUT, 0};
    if (errno != EINPROGRESS || ::poll(&polled, 1, kPatienceMs) != 1) continue;
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0) return one;
  }
  return list;
}

struct Scheme {
  std::string_view name;
  std::uint16_t port;
};
constexpr std::array<Scheme, 8> kSchemes{{{"http", 80},
                                          {"https", 443},
                                          {"ws", 80},
                                          {"wss", 443},
                                          {"redis", 6379},
                                          {"rediss", 6379},
                                          {"nats", 4222},
                                          {"tls", 4222}}};

}  // namespace

Result<Url> parse_url(std::string_view text) {
  const auto bad = [&](const char* why) {
    return fail(0, "URL '" + std::string(text) + "': " + why, "for example http://127.0.0.1:8080");
  };
  const std::size_t colon_slashes = text.find("://");
  const Scheme* scheme = nullptr;
  for (const Scheme& known : kSchemes)
    if (colon_slashes != std::string_view::npos && known.name == text.substr(0, colon_slashes)) scheme = &known;
  if (scheme == nullptr) return bad("spoken are http, https, ws, wss, redis, rediss, nats and tls (NATS)");
  for (const char c : text)
    if (c <= ' ' || c >= 127) return bad("spaces and odd characters are written %20");
  std::string_view rest = text.substr(colon_slashes + 3);
  Url url;
  url.scheme = scheme->name;
  url.port = scheme->port;
  const std::size_t slash = rest.find_first_of("/?#");
  url.path = slash == std::string_view::npos ? "" : rest.substr(slash);
  if (!url.path.starts_with('/')) url.path.insert(0, "/");
  if (url.path.find('#') != std::string::npos) return bad("a fragment is not sent to servers");
  rest = rest.substr(0, slash);
  if (rest.find('@') != std::string_view::npos) return bad("a user is not taken, see --token");
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
  if (!port.empty()) {
    port.remove_prefix(1);
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), url.port);
    if (error != std::errc() || end != port.data() + port.size() || url.port == 0) return bad("ports are 1 to 65535");
  }
  const bool v6 = url.host.find(':') != std::string::npos;
  url.authority = (v6 ? "[" + url.host + "]" : url.host) + ":" + std::to_string(url.port);
  return url;
}

std::string expand(std::string_view text, std::string_view topic) {
  constexpr std::string_view kTopic = "{topic}";
  std::string out;
  for (std::size_t at = text.find(kTopic); at != std::string_view::npos; at = text.find(kTopic)) {
    out.append(text.substr(0, at)).append(topic);
    text.remove_prefix(at + kTopic.size());
  }
  return out.append(text);
}

Result<Endpoint> resolve(Url url) {
  addrinfo wanted{};
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const int error = ::getaddrinfo(url.host.c_str(), std::to_string(url.port).c_str(), &wanted, &found);
  const std::unique_ptr<addrinfo, FreeAddresses> list(found);
  if (error != 0) return fail(0, "resolve " + url.host + ": " + ::gai_strerror(error), "check the host in the URL");
  Endpoint endpoint{std::move(url), {}, 0};
  const addrinfo* chosen = first_that_answers(list.get());
  std::memcpy(&endpoint.address, chosen->ai_addr, chosen->ai_addrlen);
  endpoint.address_size = chosen->ai_addrlen;
  return endpoint;
}

Result<std::vector<std::string>> parse_sources(std::string_view text) {
  const auto bad = [&] {
    return fail(0, "'" + std::string(text) + "' names no source addresses",
                "for example 127.0.0.2-127.0.0.21, or 20 for the same");
  };
  const auto address = [](std::string_view word) -> std::uint32_t {
    in_addr parsed{};
    return ::inet_pton(AF_INET, std::string(word).c_str(), &parsed) == 1 ? ntohl(parsed.s_addr) : 0;
  };
  std::uint32_t first = 0x7F000002, count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || end != text.data() + text.size()) {
    const std::size_t dash = text.find('-');
    first = address(text.substr(0, dash));
    const std::uint32_t last = dash == std::string_view::npos ? first : address(text.substr(dash + 1));
    if (first == 0 || last < first || last - first >= kMaxSources) return bad();
    count = last - first + 1;
  }
  if (count == 0 || count > kMaxSources) return bad();
  std::vector<std::string> addresses;
  for (std::uint32_t i = 0; i < count; ++i) {
    const in_addr binary{htonl(first + i)};
    std::array<char, INET_ADDRSTRLEN> words{};
    addresses.emplace_back(::inet_ntop(AF_INET, &binary, words.data(), words.size()));
  }
  return addresses;
}

Result<std::vector<Source>> sources_of(const std::vector<std::string>& addresses) {
  std::vector<Source> sources;
  for (const std::string& text : addresses) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    if (::inet_pton(AF_INET, text.c_str(), &address.sin_addr) != 1) return fail(0, "source address '" + text + "'");
    Source& source = sources.emplace_back();
    std::memcpy(&source.address, &address, sizeof address);
    source.size = sizeof address;
  }
  return sources;
}

Result<Fd> begin_connect(const Endpoint& endpoint, const SocketWishes& wishes) {
  Fd socket(::socket(endpoint.address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket) return fail(errno, "socket");
  const int on = 1;
  if (wishes.sends_pieces) ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  // Before connecting: the window that is offered to the server follows from it.
  if (const int bytes = wishes.receive_buffer; bytes > 0)
    ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof bytes);
  if (const Source* source = wishes.source; source != nullptr) {
    ::setsockopt(socket.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&source->address), source->size) != 0)
      return fail(errno, "bind");
  }
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&endpoint.address), endpoint.address_size) != 0 &&
      errno != EINPROGRESS)
    return fail(errno, "connect");
  return socket;
}

}  // namespace fanlight::load
