#include "server/net/listener.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <cerrno>

namespace fanlight::server::net {

Result<Listener> listen_on(const std::string& address, std::uint16_t port) {
  const bool v6 = address.find(':') != std::string::npos;
  const std::string where = "listen on " + (v6 ? "[" + address + "]" : address) + ":" + std::to_string(port);
  sockaddr_storage place{};
  socklen_t size = 0;
  bool good = false;
  if (v6) {
    auto& in6 = reinterpret_cast<sockaddr_in6&>(place);
    in6.sin6_family = AF_INET6;
    in6.sin6_port = htons(port);
    good = ::inet_pton(AF_INET6, address.c_str(), &in6.sin6_addr) == 1;
    size = sizeof in6;
  } else {
    auto& in = reinterpret_cast<sockaddr_in&>(place);
    in.sin_family = AF_INET;
    in.sin_port = htons(port);
    good = ::inet_pton(AF_INET, address.c_str(), &in.sin_addr) == 1;
    size = sizeof in;
  }
  if (!good) return fail(0, where + ": not an IP address", "write it like 127.0.0.1:8080 or [::1]:8080");

  Listener listener{.socket = Fd(::socket(place.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0))};
  const int yes = 1;
  const int fd = listener.socket.get();
  socklen_t got = sizeof place;
  if (fd < 0 || ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) != 0 ||
      ::bind(fd, reinterpret_cast<const sockaddr*>(&place), size) != 0 || ::listen(fd, SOMAXCONN) != 0 ||
      ::getsockname(fd, reinterpret_cast<sockaddr*>(&place), &got) != 0) {
    const int error = errno;
    return fail(error, where,
                error == EADDRINUSE
                    ? "choose another with --listen 127.0.0.1:0 (any free port), or see who has it: ss -ltnp"
                    : "--listen takes an address of this machine; ports below 1024 need privilege");
  }
  listener.port = ntohs(v6 ? reinterpret_cast<const sockaddr_in6&>(place).sin6_port
                           : reinterpret_cast<const sockaddr_in&>(place).sin_port);
  return listener;
}

Fd accept_one(int listener, sockaddr_storage& peer) {
  socklen_t size = sizeof peer;
  Fd socket(::accept4(listener, reinterpret_cast<sockaddr*>(&peer), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (socket) {
    // A flush is one send of everything queued: there is nothing for Nagle to wait for.
    const int yes = 1;
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  }
  return socket;
}

}  // namespace fanlight::server::net
