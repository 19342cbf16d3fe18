#include "collector/serve/tls.hpp"

#include <openssl/crypto.h>

#include <string>

// The function bodies of Asio's TLS; beast/ compiles those of all the rest.
#include <boost/asio/ssl/impl/src.hpp>

namespace fanlight::serve {

Result<std::unique_ptr<boost::asio::ssl::context>> tls_context(const std::filesystem::path& certificate,
                                                               const std::filesystem::path& key) {
  namespace ssl = boost::asio::ssl;
  auto context = std::make_unique<ssl::context>(ssl::context::tls_server);
  boost::system::error_code error;
  context->set_options(ssl::context::default_workarounds | ssl::context::no_sslv2 | ssl::context::no_sslv3 |
                           ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1 | ssl::context::single_dh_use,
                       error);
  if (error) return fail(0, "TLS: " + error.message());
  context->use_certificate_chain_file(certificate.string(), error);
  if (error) return fail(0, certificate.string() + ": " + error.message(), "give a PEM certificate with --tls-cert");
  context->use_private_key_file(key.string(), ssl::context::pem, error);
  if (error) return fail(0, key.string() + ": " + error.message(), "give that certificate's PEM key with --tls-key");
  return context;
}

bool same_secret(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace fanlight::serve
