// Where the server is. In: a URL. Out: an address to connect to and what to call it.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "core/error.hpp"
#include "core/fd.hpp"

namespace fanlight::load {

struct Url {
  std::string host;  // without brackets
  std::uint16_t port = 80;
  std::string authority;  // as the Host field wants it
};

/// "http://host[:port][/]". Errors: another scheme, a path, a user, no host, a port out of range.
Result<Url> parse_url(std::string_view text);

struct Endpoint {
  Url url;
  sockaddr_storage address{};
  socklen_t address_size = 0;
};

/// Errors: the name does not resolve. Blocks while it is asked for.
Result<Endpoint> resolve(Url url);

/// A non-blocking socket on its way to the endpoint: writable when it got there or failed. Errors: out of descriptors
/// or ports, refused at once.
Result<Fd> begin_connect(const Endpoint& endpoint);

}  // namespace fanlight::load
