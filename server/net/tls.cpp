#include "server/net/tls.hpp"

#include <openssl/err.h>

namespace fanlight::server::net {
namespace {

std::string reason() {
  char text[256];
  ::ERR_error_string_n(::ERR_get_error(), text, sizeof text);
  ::ERR_clear_error();
  return text;
}

}  // namespace

Result<SslContextPtr> make_tls(const std::string& certificate, const std::string& key) {
  SslContextPtr context(::SSL_CTX_new(::TLS_server_method()));
  if (!context) return fail(0, "start TLS: " + reason());
  ::SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  ::SSL_CTX_set_mode(context.get(),
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  ::SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION);
  if (::SSL_CTX_use_certificate_chain_file(context.get(), certificate.c_str()) != 1)
    return fail(0, "read the certificate " + certificate + ": " + reason(), "--cert takes a PEM file with the chain");
  if (::SSL_CTX_use_PrivateKey_file(context.get(), key.c_str(), SSL_FILETYPE_PEM) != 1)
    return fail(0, "read the key " + key + ": " + reason(), "--key takes the certificate's private key as PEM");
  if (::SSL_CTX_check_private_key(context.get()) != 1)
    return fail(0, "the key " + key + " is not that of " + certificate, "give the two files that belong together");
  return context;
}

hub::SslPtr begin_tls(SSL_CTX& context, int fd) {
  hub::SslPtr ssl(::SSL_new(&context));
  if (!ssl || ::SSL_set_fd(ssl.get(), fd) != 1) return nullptr;
  ::SSL_set_accept_state(ssl.get());
  return ssl;
}

}  // namespace fanlight::server::net
