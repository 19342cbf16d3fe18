// Where connections come in. In: an address. Out: a socket that listens, and connections taken from it.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>

#include "core/error.hpp"
#include "core/fd.hpp"

namespace fanlight::server::net {

struct Listener {
  Fd socket;
  std::uint16_t port = 0;
};

/// Errors: not an IP address, taken, not of this machine.
Result<Listener> listen_on(const std::string& address, std::uint16_t port);

/// Takes one connection that waits; non-blocking, Nagle off. Empty: none does, or `errno` says why not.
Fd accept_one(int listener, sockaddr_storage& peer);

}  // namespace fanlight::server::net
