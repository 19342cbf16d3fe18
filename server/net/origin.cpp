#include "server/net/origin.hpp"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <memory>

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "core/fd.hpp"

namespace fanlight::server::net {
namespace {

namespace http = boost::beast::http;
using Clock = std::chrono::steady_clock;

struct AddressesFree {
  void operator()(addrinfo* list) const noexcept { ::freeaddrinfo(list); }
};
using AddressesPtr = std::unique_ptr<addrinfo, AddressesFree>;

/// False when the time is over.
bool await(int fd, short events, Clock::time_point deadline) {
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return false;
    pollfd waiting{.fd = fd, .events = events, .revents = 0};
    const int ready = ::poll(&waiting, 1, static_cast<int>(left));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
}

std::unexpected<Error> late() { return fail(ETIMEDOUT, "ask the origin"); }

Result<Fd> connect_to(const Origin& origin, Clock::time_point deadline) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(origin.host.c_str(), origin.port.c_str(), &hints, &found) != 0)
    return fail(0, "the origin " + origin.host + " has no address", "--origin takes http://HOST:PORT/PATH");
  const AddressesPtr list(found);
  int error = 0;
  for (const addrinfo* each = list.get(); each != nullptr; each = each->ai_next) {
    Fd fd(::socket(each->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) return fail(errno, "ask the origin: socket");
    if (::connect(fd.get(), each->ai_addr, each->ai_addrlen) == 0) return fd;
    error = errno;
    if (error != EINPROGRESS) continue;
    if (!await(fd.get(), POLLOUT, deadline)) return late();
    socklen_t size = sizeof error;
    ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error == 0) return fd;
  }
  return fail(error, "connect to the origin", "is it running at the address that --origin names?");
}

Result<> send_all(int fd, std::string_view bytes, Clock::time_point deadline) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      if (!await(fd, POLLOUT, deadline)) return late();
    } else if (errno != EINTR) {
      return fail(errno, "ask the origin");
    }
  }
  return {};
}

}  // namespace

Result<Origin> parse_origin(std::string_view url) {
  constexpr std::string_view kScheme = "http://";
  const auto wrong = [&] {
    return fail(0, "'" + std::string(url) + "' is not http://HOST[:PORT][/PATH]",
                "such as http://127.0.0.1:9000/state/");
  };
  if (!url.starts_with(kScheme)) return wrong();
  const std::string_view rest = url.substr(kScheme.size());
  const std::size_t slash = rest.find('/');
  std::string_view authority = rest.substr(0, slash);
  Origin origin;
  if (slash != std::string_view::npos) origin.path = rest.substr(slash);
  const auto printable = [](char c) { return c > ' ' && c < 0x7F; };
  if (!std::ranges::all_of(url, printable)) return wrong();
  const std::size_t colon = authority.rfind(':');
  if (colon != std::string_view::npos && authority.find(']', colon) == std::string_view::npos) {
    const std::string_view digits = authority.substr(colon + 1);
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (error != std::errc() || end != digits.data() + digits.size() || port == 0) return wrong();
    origin.port = digits;
    authority = authority.substr(0, colon);
  }
  if (authority.starts_with('[') && authority.ends_with(']')) authority = authority.substr(1, authority.size() - 2);
  if (authority.empty()) return wrong();
  origin.host = authority;
  return origin;
}

Result<std::optional<std::string>> fetch_state(const Origin& origin, const std::string& topic) {
  const Clock::time_point deadline = Clock::now() + origin.timeout;
  const auto fd = connect_to(origin, deadline);
  if (!fd) return std::unexpected(fd.error());
  const bool v6 = origin.host.find(':') != std::string::npos;
  const std::string host = v6 ? "[" + origin.host + "]" : origin.host;
  const std::string request = "GET " + origin.path + topic + " HTTP/1.1\r\nHost: " + host + ":" + origin.port +
                              "\r\nAccept: */*\r\nConnection: close\r\n\r\n";
  if (auto sent = send_all(fd->get(), request, deadline); !sent) return std::unexpected(sent.error());
  http::response_parser<http::string_body> parser;
  parser.eager(true);
  parser.body_limit(origin.max_bytes);
  std::array<char, 16 * 1024> room;
  std::string unread;
  while (!parser.is_done()) {
    if (!await(fd->get(), POLLIN, deadline)) return late();
    const ssize_t got = ::recv(fd->get(), room.data(), room.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (got < 0) return fail(errno, "read the origin's answer");
    boost::beast::error_code error;
    if (got == 0) {
      parser.put_eof(error);
      if (error || !parser.is_done()) return fail(0, "the origin's answer is cut short");
      break;
    }
    unread.append(room.data(), static_cast<std::size_t>(got));
    unread.erase(0, parser.put(boost::asio::buffer(unread), error));
    if (error && error != http::error::need_more) return fail(0, "read the origin's answer: " + error.message());
  }
  const unsigned status = parser.get().result_int();
  if (status == 404 || status == 410) return std::optional<std::string>();
  if (status != 200) return fail(0, "the origin answers " + std::to_string(status));
  return std::optional<std::string>(std::move(parser.get().body()));
}

}  // namespace fanlight::server::net
