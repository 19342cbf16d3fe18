// Who may publish and subscribe. In: a request's token, a topic. Out: yes, or why not.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"

namespace fanlight::server::limits {

struct AccessOptions {
  std::string publish_token;         // a fixed one; empty: none
  std::string subscribe_token;       // a fixed one; empty: none
  std::string jwt_key;               // HS256; empty: no JWT
  std::vector<std::string> origins;  // those of browsers; empty: any; "self": the host that was asked
};

enum class Right { publish, subscribe };

/// With no token and no key configured for a right, everybody has it. Otherwise the fixed token, or a JWT (RFC 7519)
/// with HS256 whose claim "publish" or "subscribe" is an array with a pattern that fits the topic (a name, or its
/// beginning and a '*'), and whose "exp" and "nbf" allow it. Errors: what is missing or wrong. Threads: any. Cost: one
/// HMAC for a JWT.
Result<> check_access(const AccessOptions& options, Right right, std::string_view token, std::string_view topic,
                      std::int64_t unix_seconds);

/// Whether a browser's page from there may connect. Requests without an Origin are not from browsers.
bool origin_allowed(const AccessOptions& options, std::string_view origin, std::string_view host);

/// A token for tests and scripts. `claims`: a JSON object.
std::string make_jwt(std::string_view key, std::string_view claims);

}  // namespace fanlight::server::limits
