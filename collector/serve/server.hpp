// The attached collector over HTTP. In: a way to ask for a range. Out: /metrics, /healthz, /debug/pprof/*, /flamegraph,
// /api/..., /live.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "collector/profile/profile.hpp"
#include "core/error.hpp"

namespace fanlight::serve {

/// The one range query, CLOCK_MONOTONIC [from_ns, to_ns). Called from the server's thread; must be safe to call there.
using Query = std::function<profile::Profile(std::uint64_t from_ns, std::uint64_t to_ns)>;

/// What the process counted since attach, without stacks: monotonic, for /metrics. Called as `Query` is.
using Totals = std::function<profile::Profile()>;

struct Source {
  Query query;
  Totals since_attach;
};

struct Options {
  std::string address = "127.0.0.1";
  std::uint16_t port = 9180;          // 0: the system chooses
  std::string token;                  // asked for as "Authorization: Bearer TOKEN"; empty: not asked for
  std::filesystem::path certificate;  // PEM; with `key`: TLS
  std::filesystem::path key;
};

/// An address that is not loopback is refused unless there are both a token and a certificate.
/// Serves from a thread of its own until it is destroyed. A request whose Host is not the address it listens on, or
/// whose Origin is another site, is refused with 403: stacks and labels are secrets, and a web page must not read them.
/// Bounds: 8 KiB of header, no request bodies, 64 connections, 10 s for a request to arrive, profiles of 1 to 300
/// seconds.
class Server {
 public:
  /// Errors: the address cannot be parsed, the port is taken, the address is open to others without token and TLS, a
  /// bad certificate.
  static Result<Server> start(const Options& options, Source source);
  Server(Server&&) noexcept;
  Server& operator=(Server&&) noexcept;
  ~Server();

  std::uint16_t port() const;

 private:
  struct State;
  explicit Server(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace fanlight::serve
