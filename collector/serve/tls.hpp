// The server's half of TLS. In: a certificate and its key. Out: a context that handshakes use.
#pragma once

#include <filesystem>
#include <memory>
#include <string_view>

#include <boost/asio/ssl/context.hpp>

#include "core/error.hpp"

namespace fanlight::serve {

/// TLS 1.2 and newer. Both files are PEM; the certificate's may hold its chain. Errors: cannot be read, not PEM, the
/// key is another's; OpenSSL's reason is in the words.
Result<std::unique_ptr<boost::asio::ssl::context>> tls_context(const std::filesystem::path& certificate,
                                                               const std::filesystem::path& key);

/// Takes the same time however much of them is alike.
bool same_secret(std::string_view a, std::string_view b);

}  // namespace fanlight::serve
