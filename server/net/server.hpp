// The broadcaster as a whole. In: options. Out: a listening server that stops gracefully.
#pragma once

#include <cstdint>
#include <memory>

#include "core/error.hpp"
#include "server/net/metrics.hpp"
#include "server/net/options.hpp"

namespace fanlight::server::net {

/// One thread per worker; the first one accepts as well and hands connections out. Threads: one at a time.
class Server {
 public:
  /// Listens and serves from here on. Errors: the address cannot be parsed, the port is taken, a certificate cannot be
  /// read, no thread can be started.
  static Result<Server> start(const Options& options);
  Server(Server&&) noexcept;
  Server& operator=(Server&&) noexcept;
  /// Stops with no patience.
  ~Server();

  std::uint16_t port() const;

  /// From the next request on. Connections that are there stay, also those of slots that get another worker.
  void set_limits(const Limits& limits);

  /// Stops accepting, lets what is queued leave, advises streams when to come back, sends WebSocket clients a close
  /// frame 1001, ends event streams and requests; after `Options::drain` it ends what is left. Returns the final
  /// account. Call once.
  Reading stop();
  /// Counts so far. Waits for one loop turn of each worker. After `stop`: the final account.
  Reading reading();

 private:
  struct State;
  explicit Server(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace fanlight::server::net
