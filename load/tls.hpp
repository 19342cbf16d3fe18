// TLS as a client speaks it. In: which certificates to trust. Out: sessions over sockets.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>

#include "core/error.hpp"
#include "load/plan.hpp"

namespace fanlight::load {

template <auto Destroy>
struct Destroyed {
  void operator()(auto* handle) const noexcept { Destroy(handle); }
};
using TlsContextPtr = std::unique_ptr<SSL_CTX, Destroyed<SSL_CTX_free>>;
using TlsPtr = std::unique_ptr<SSL, Destroyed<SSL_free>>;

/// What all sessions of a run share; TLS 1.2 at least. Errors: the file of certificates cannot be read. Threads: any,
/// once it is made.
Result<TlsContextPtr> tls_context(const Security& security);

/// A session over a connected socket, which stays the caller's; the server has to prove that it is `host`.
Result<TlsPtr> tls_session(SSL_CTX& context, int fd, const std::string& host, bool verify);

/// Why the last call on this session failed, in words: certificate, protocol, system.
std::string tls_cause(SSL& session);

}  // namespace fanlight::load
