#include "load/wire.hpp"

#include <openssl/err.h>
#include <sys/socket.h>

#include <algorithm>
#include <climits>
#include <system_error>

namespace fanlight::load {

ssize_t Wire::tls_result(int result) {
  if (result > 0) return result;
  const int system = errno;
  switch (SSL_get_error(session_.get(), result)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: errno = EAGAIN; return -1;
    case SSL_ERROR_ZERO_RETURN: return 0;
    case SSL_ERROR_SYSCALL: errno = system == 0 || system == EAGAIN ? ECONNRESET : system; return -1;
    default: break;
  }
  // Closed without the closing record, as most servers close streams.
  if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING) {
    ERR_clear_error();
    return 0;
  }
  errno = EPROTO;
  return -1;
}

ssize_t Wire::receive(std::span<char> buffer) {
  if (!session_) return ::recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  ERR_clear_error();
  return tls_result(
      SSL_read(session_.get(), buffer.data(), static_cast<int>(std::min<std::size_t>(buffer.size(), INT_MAX))));
}

ssize_t Wire::send(std::string_view bytes) {
  if (!session_) return ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  ERR_clear_error();
  return tls_result(
      SSL_write(session_.get(), bytes.data(), static_cast<int>(std::min<std::size_t>(bytes.size(), INT_MAX))));
}

int Wire::handshake() {
  if (!session_) return 1;
  ERR_clear_error();
  const ssize_t result = tls_result(SSL_do_handshake(session_.get()));
  if (result == 0) errno = ECONNRESET;
  return result > 0 ? 1 : -1;
}

std::string Wire::cause(int error) const {
  if (session_ && error == EPROTO) return tls_cause(*session_);
  return std::generic_category().message(error);
}

void Wire::close() {
  session_.reset();
  fd_.reset();
}

void Wire::reset() {
  const linger at_once{1, 0};
  if (fd_) ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close();
}

void Wire::end_sending() { ::shutdown(fd_.get(), SHUT_WR); }

}  // namespace fanlight::load
