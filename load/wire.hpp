// One connection's bytes, with TLS or without. In: a socket. Out: what was received, sent, or went wrong.
#pragma once

#include <sys/types.h>

#include <cerrno>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "core/fd.hpp"
#include "load/tls.hpp"

namespace fanlight::load {

/// Non-blocking throughout. Threads: one at a time.
class Wire {
 public:
  Wire() = default;
  explicit Wire(Fd fd) : fd_(std::move(fd)) {}
  /// TLS from here on.
  void secure(TlsPtr session) { session_ = std::move(session); }

  int fd() const { return fd_.get(); }
  bool open() const { return static_cast<bool>(fd_); }
  bool is_tls() const { return session_ != nullptr; }

  /// recv's and send's results: -1 with errno EAGAIN when the other side is not ready, any other errno when it is over.
  ssize_t receive(std::span<char> buffer);
  ssize_t send(std::string_view bytes);
  /// Goes on with the TLS handshake. 1 it is done (also without TLS), -1 as `receive`.
  int handshake();
  /// TLS has decrypted bytes which epoll knows nothing of.
  bool has_pending() const { return session_ && SSL_has_pending(session_.get()) == 1; }
  /// EAGAIN means that TLS waits for the socket to become writable.
  bool wants_write() const { return session_ && SSL_want_write(session_.get()); }
  /// In words, why the last call returned -1.
  std::string cause(int error) const;

  void close();
  /// RST instead of FIN.
  void reset();
  /// FIN; receiving goes on.
  void end_sending();

 private:
  ssize_t tls_result(int result);

  // The session before its socket: members are destroyed in reverse order.
  Fd fd_;
  TlsPtr session_;
};

}  // namespace fanlight::load
