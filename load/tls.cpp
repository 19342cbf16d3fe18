#include "load/tls.hpp"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include <system_error>

namespace fanlight::load {
namespace {

std::string library_words() {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  // The system's own errors have no words in the library.
  if (ERR_SYSTEM_ERROR(code)) return std::generic_category().message(ERR_GET_REASON(code));
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "unknown" : reason;
}

bool is_address(const std::string& host) {
  in6_addr ignored{};
  return ::inet_pton(AF_INET, host.c_str(), &ignored) == 1 || ::inet_pton(AF_INET6, host.c_str(), &ignored) == 1;
}

}  // namespace

Result<TlsContextPtr> tls_context(const Security& security) {
  TlsContextPtr context(SSL_CTX_new(TLS_client_method()));
  if (!context) return fail(0, "TLS: " + library_words());
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  // A session's record buffers are given back while it is idle: thousands of them wait for messages.
  SSL_CTX_set_mode(context.get(),
                   SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  const int loaded = security.ca_file.empty()
                         ? SSL_CTX_set_default_verify_paths(context.get())
                         : SSL_CTX_load_verify_locations(context.get(), security.ca_file.c_str(), nullptr);
  if (loaded != 1)
    return fail(0, "certificates of " + security.ca_file + ": " + library_words(), "--ca takes a PEM file");
  return context;
}

Result<TlsPtr> tls_session(SSL_CTX& context, int fd, const std::string& host, bool verify) {
  TlsPtr session(SSL_new(&context));
  if (!session || SSL_set_fd(session.get(), fd) != 1) return fail(0, "TLS: " + library_words());
  SSL_set_connect_state(session.get());
  SSL_set_verify(session.get(), verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, nullptr);
  if (is_address(host)) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(session.get()), host.c_str());
  } else {
    SSL_set_tlsext_host_name(session.get(), host.c_str());
    SSL_set1_host(session.get(), host.c_str());
  }
  return session;
}

std::string tls_cause(SSL& session) {
  if (const long verdict = SSL_get_verify_result(&session); verdict != X509_V_OK) {
    ERR_clear_error();
    return std::string("certificate: ") + X509_verify_cert_error_string(verdict);
  }
  return "TLS: " + library_words();
}

}  // namespace fanlight::load
