// Where a server is. In: a URL. Out: an address to connect to and what to call it.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "core/fd.hpp"

namespace fanlight::load {

struct Url {
  std::string scheme;  // http https ws wss redis rediss nats tls
  std::string host;    // without brackets
  std::uint16_t port = 80;
  std::string authority;  // as the Host field wants it
  std::string path;       // with the query; "/" at least

  bool tls() const { return scheme == "https" || scheme == "wss" || scheme == "rediss" || scheme == "tls"; }
  /// "tls" is what NATS's own clients call it.
  bool nats() const { return scheme == "nats" || scheme == "tls"; }
};

/// "scheme://host[:port][/path]". Errors: another scheme, a user, a fragment, no host, a port out of range, spaces.
Result<Url> parse_url(std::string_view text);

/// `text` with "{topic}" replaced.
std::string expand(std::string_view text, std::string_view topic);

struct Endpoint {
  Url url;
  sockaddr_storage address{};
  socklen_t address_size = 0;
};

/// Of several addresses the first that takes a connection, else the first. Errors: the name does not resolve. Blocks
/// while it is asked for.
Result<Endpoint> resolve(Url url);

/// Addresses to connect from. Text: "127.0.0.2-127.0.0.9", one address, or a number n: 127.0.0.2 and the n - 1 after
/// it. Errors: not IPv4, the wrong way round, more than 65536.
Result<std::vector<std::string>> parse_sources(std::string_view text);

/// An address to bind to before connecting; the port is left to the kernel until it knows the destination.
struct Source {
  sockaddr_storage address{};
  socklen_t size = 0;
};
Result<std::vector<Source>> sources_of(const std::vector<std::string>& addresses);

/// What a socket is told before it connects.
struct SocketWishes {
  const Source* source = nullptr;  // null: the kernel chooses
  int receive_buffer = 0;          // 0: the kernel chooses
  bool sends_pieces = true;        // TCP_NODELAY; a request alone leaves at once without, and 6 % sooner
};

/// A non-blocking socket on its way to the endpoint: writable when it got there or failed. Errors: out of descriptors
/// or ports, refused at once.
Result<Fd> begin_connect(const Endpoint& endpoint, const SocketWishes& wishes = {});

}  // namespace fanlight::load
