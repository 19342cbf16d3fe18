// TLS for the listener. In: a certificate and its key. Out: what each connection is given.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "core/error.hpp"
#include "server/hub/session.hpp"

namespace fanlight::server::net {

struct SslContextFree {
  void operator()(SSL_CTX* context) const noexcept { ::SSL_CTX_free(context); }
};
using SslContextPtr = std::unique_ptr<SSL_CTX, SslContextFree>;

/// TLS 1.2 and later, HTTP/1.1. Errors: a file is missing, not PEM, or the key is another certificate's.
Result<SslContextPtr> make_tls(const std::string& certificate, const std::string& key);

/// The server's end of a handshake over that descriptor. Null when memory ran out.
hub::SslPtr begin_tls(SSL_CTX& context, int fd);

}  // namespace fanlight::server::net
