// Many sends by one system call. In: sockets and bytes. Out: what each send came to.
#pragma once

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "core/error.hpp"

struct io_uring;

namespace fanlight::server::hub {

/// How bytes leave.
enum class SendMode : std::uint8_t {
  copy,    // `send` of one piece, gathered once for neighbours with the same queue
  gather,  // `sendmsg` of the frames where they lie
  uring,   // as `copy`, for `SendRing::kMost` connections by one call
};

/// An io_uring that only sends, and never waits: what a socket does not take at once is left to the caller. Threads:
/// one, that which made it. Source: io_uring(7), io_uring_prep_send(3).
class SendRing {
 public:
  /// More would save nothing worth having, and what the first connection is sent would be late by what the others take.
  static constexpr unsigned kMost = 64;

  /// Errors: the kernel has no io_uring, or it is forbidden here, as in most containers.
  static Result<SendRing> make();
  /// Whether `make` would succeed. Threads: any; on one of its own, since a ring that goes interrupts the thread that
  /// made it in whatever it waits for.
  static Result<> try_out();
  SendRing(SendRing&&) noexcept;
  SendRing& operator=(SendRing&&) noexcept;
  ~SendRing();

  bool empty() const { return queued_ == 0; }
  bool full() const { return queued_ == kMost; }
  /// Queues one, when not full; the bytes stay where they are until `submit`.
  void add(int fd, std::string_view bytes);
  /// Sends all that is queued, and calls `sent(N, result)` for the Nth that was added: bytes, or an errno value below
  /// 0.
  template <class Sent>
  void submit(Sent&& sent) {
    const unsigned count = run();
    for (unsigned i = 0; i < count; ++i) sent(i, results_[i]);
  }

 private:
  explicit SendRing(std::unique_ptr<io_uring> ring);
  unsigned run();

  std::unique_ptr<io_uring> ring_;
  unsigned queued_ = 0;
  int results_[kMost] = {};
};

}  // namespace fanlight::server::hub
