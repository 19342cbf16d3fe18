// Where to listen. In: "127.0.0.1:9190". Out: an address to bind to.
#pragma once

#include <sys/socket.h>

#include <string>
#include <string_view>

#include "core/error.hpp"

namespace fanlight::load {

struct ListenAddress {
  sockaddr_storage address{};
  socklen_t size = 0;
  bool loopback = false;  // nobody else can reach it
};

/// "127.0.0.1:9190", "[::1]:0"; port 0: any that is free. Errors, which name `option`: a name instead of an address, no
/// port.
Result<ListenAddress> parse_listen(std::string_view option, std::string_view text);

/// As `parse_listen` reads it.
std::string words_of(const sockaddr_storage& address);

}  // namespace fanlight::load
