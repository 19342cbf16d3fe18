#include "server/limits/access.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>

#include <boost/json.hpp>

#include "server/codec/base64.hpp"

namespace fanlight::server::limits {
namespace {

namespace json = boost::json;

constexpr std::size_t kMaxToken = 8 * 1024;

/// In a time that does not tell how much of it was right.
bool same_secret(std::string_view a, std::string_view b) {
  return a.size() == b.size() && ::CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string hmac(std::string_view key, std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned size = 0;
  ::HMAC(::EVP_sha256(), key.data(), static_cast<int>(key.size()), reinterpret_cast<const unsigned char*>(text.data()),
         text.size(), digest.data(), &size);
  return std::string(reinterpret_cast<const char*>(digest.data()), size);
}

std::string base64url(std::string_view bytes) {
  std::string text = codec::to_base64(bytes);
  while (text.ends_with('=')) text.pop_back();
  std::ranges::replace(text, '+', '-');
  std::ranges::replace(text, '/', '_');
  return text;
}

bool fits(std::string_view pattern, std::string_view topic) {
  if (pattern.ends_with('*')) return topic.starts_with(pattern.substr(0, pattern.size() - 1));
  return pattern == topic;
}

json::object object_of(std::string_view base64) {
  const auto text = codec::from_base64url(base64);
  if (!text) return {};
  json::error_code error;
  json::value value = json::parse(*text, error, {}, {.max_depth = 8});
  return !error && value.is_object() ? std::move(value.get_object()) : json::object();
}

std::unexpected<Error> denied(const char* why) {
  return fail(0, why, "send Authorization: Bearer TOKEN, or ?token=TOKEN where headers cannot be set");
}

Result<> check_jwt(std::string_view key, std::string_view token, const char* claim, std::string_view topic,
                   std::int64_t now) {
  const std::size_t second = token.rfind('.');
  const std::size_t first = token.find('.');
  if (second == std::string_view::npos || first == second) return denied("the token is not the right one");
  const auto signature = codec::from_base64url(token.substr(second + 1));
  if (!signature || !same_secret(*signature, hmac(key, token.substr(0, second))))
    return denied("the token's signature is wrong");
  const json::object head = object_of(token.substr(0, first));
  const json::value* algorithm = head.if_contains("alg");
  // Also "none" ends here: what a token says of itself must not choose how it is checked.
  if (algorithm == nullptr || !algorithm->is_string() || algorithm->get_string() != "HS256")
    return denied("the token is not signed with HS256");
  const json::object claims = object_of(token.substr(first + 1, second - first - 1));
  const auto time_of = [&](const char* name, std::int64_t otherwise) {
    const json::value* value = claims.if_contains(name);
    if (value == nullptr) return otherwise;
    json::error_code error;
    const auto time = value->to_number<std::int64_t>(error);
    return error ? now + (name[0] == 'n' ? 1 : -1) : time;  // unreadable: refused
  };
  if (now >= time_of("exp", now + 1)) return denied("the token has expired");
  if (now < time_of("nbf", now)) return denied("the token is not valid yet");
  const json::value* topics = claims.if_contains(claim);
  if (topics == nullptr || !topics->is_array()) return denied("the token does not grant this");
  for (const json::value& each : topics->get_array()) {
    if (each.is_string() && fits({each.get_string().data(), each.get_string().size()}, topic)) return {};
  }
  return denied("the token does not grant this for the topic");
}

}  // namespace

Result<> check_access(const AccessOptions& options, Right right, std::string_view token, std::string_view topic,
                      std::int64_t unix_seconds) {
  const std::string& fixed = right == Right::publish ? options.publish_token : options.subscribe_token;
  if (fixed.empty() && options.jwt_key.empty()) return {};
  if (token.empty()) return denied("a token is needed");
  if (token.size() > kMaxToken) return denied("the token is above 8 KiB");
  if (!fixed.empty() && same_secret(token, fixed)) return {};
  if (options.jwt_key.empty()) return denied("the token is not the right one");
  return check_jwt(options.jwt_key, token, right == Right::publish ? "publish" : "subscribe", topic, unix_seconds);
}

bool origin_allowed(const AccessOptions& options, std::string_view origin, std::string_view host) {
  if (options.origins.empty() || origin.empty()) return true;
  return std::ranges::any_of(options.origins, [&](const std::string& allowed) {
    if (allowed != "self") return allowed == origin;
    const std::size_t scheme = origin.find("://");
    return scheme != std::string_view::npos && origin.substr(scheme + 3) == host;
  });
}

std::string make_jwt(std::string_view key, std::string_view claims) {
  std::string token = base64url(R"({"alg":"HS256","typ":"JWT"})") + "." + base64url(claims);
  token += "." + base64url(hmac(key, token));
  return token;
}

}  // namespace fanlight::server::limits
