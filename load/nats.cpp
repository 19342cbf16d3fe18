#include "load/nats.hpp"

#include <charconv>

#include <boost/json.hpp>

namespace fanlight::load {
namespace {

constexpr std::size_t kMaxLine = 64u << 10;  // INFO names all servers of a cluster

}  // namespace

Found next_nats(std::string_view& bytes, NatsItem& item) {
  const std::size_t end = bytes.find("\r\n");
  if (end == std::string_view::npos) return bytes.size() > kMaxLine ? Found::error : Found::nothing;
  const std::string_view line = bytes.substr(0, end);
  const std::size_t space = line.find_first_of(" \t");
  const std::string_view word = line.substr(0, space);
  const std::string_view rest = space == std::string_view::npos ? std::string_view() : line.substr(space + 1);
  std::size_t used = end + 2;
  if (word == "MSG") {
    // "subject sid [reply-to] bytes"
    const std::string_view digits = rest.substr(rest.find_last_of(" \t") + 1);
    std::uint64_t length = 0;
    const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
    if (error != std::errc() || stop != digits.data() + digits.size() || length > kMaxItem) return Found::error;
    if (bytes.size() < used + length + 2) return Found::nothing;
    item = {NatsKind::message, bytes.substr(used, static_cast<std::size_t>(length))};
    used += static_cast<std::size_t>(length);
    if (bytes.substr(used, 2) != "\r\n") return Found::error;
    used += 2;
  } else if (word == "PING") {
    item = {NatsKind::ping, {}};
  } else if (word == "PONG") {
    item = {NatsKind::pong, {}};
  } else if (word == "+OK") {
    item = {NatsKind::ok, {}};
  } else if (word == "-ERR") {
    item = {NatsKind::error, rest};
  } else if (word == "INFO") {
    item = {NatsKind::info, rest};
  } else {
    return Found::error;
  }
  bytes.remove_prefix(used);
  return Found::item;
}

std::string nats_connect(std::string_view token, bool verbose, bool tls) {
  boost::json::object options{
      {"verbose", verbose}, {"pedantic", false},           {"tls_required", tls}, {"name", "fanlight-load"},
      {"lang", "fanlight"}, {"version", FANLIGHT_VERSION}, {"protocol", 0}};
  if (!token.empty()) options["auth_token"] = token;
  return "CONNECT " + boost::json::serialize(options) + "\r\n";
}

}  // namespace fanlight::load
