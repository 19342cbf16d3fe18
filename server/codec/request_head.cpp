#include "server/codec/request_head.hpp"

#include <algorithm>

namespace fanlight::server::codec {
namespace {

constexpr std::array<std::string_view, kHeaders> kNames = {"host",
                                                           "origin",
                                                           "connection",
                                                           "upgrade",
                                                           "accept-encoding",
                                                           "authorization",
                                                           "last-event-id",
                                                           "sec-websocket-key",
                                                           "sec-websocket-version",
                                                           "sec-websocket-protocol",
                                                           "sec-websocket-extensions",
                                                           "content-length",
                                                           "transfer-encoding",
                                                           "expect",
                                                           "traceparent"};

/// tchar of RFC 9110, 5.6.2.
constexpr std::array<bool, 256> kToken = [] {
  std::array<bool, 256> token{};
  for (const char c : std::string_view("!#$%&'*+-.^_`|~0123456789")) token[static_cast<unsigned char>(c)] = true;
  for (int c = 'a'; c <= 'z'; ++c) token[static_cast<std::size_t>(c)] = true;
  for (int c = 'A'; c <= 'Z'; ++c) token[static_cast<std::size_t>(c)] = true;
  return token;
}();

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

bool same(std::string_view text, std::string_view lowered) {
  return std::ranges::equal(text, lowered, [](char a, char b) { return lower(a) == b; });
}

bool is_token(char c) { return kToken[static_cast<unsigned char>(c)]; }
/// Visible characters, space, tab, and bytes above ASCII.
bool is_value(char c) {
  const auto u = static_cast<unsigned char>(c);
  return (u >= 0x20 && u != 0x7F) || u == '\t';
}

bool may_repeat(Header header) {
  return header == Header::connection || header == Header::accept_encoding || header == Header::expect;
}

}  // namespace

HeadResult parse_head(std::string_view bytes, RequestHead& head) {
  enum class State : std::uint8_t { method, target, version, version_lf, line, name, lead, value, value_lf, end_lf };
  constexpr std::string_view kVersion = "HTTP/1.";
  constexpr HeadResult kMalformed{.kind = HeadResult::Kind::malformed};
  head = {};
  State state = State::method;
  std::size_t from = 0;
  int header = -1;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    const char c = bytes[at];
    switch (state) {
      case State::method:
        if (c == ' ' && at > 0) {
          head.method = bytes.substr(0, at);
          from = at + 1;
          state = State::target;
        } else if (!is_token(c) || at > 24) {
          return kMalformed;
        }
        break;
      case State::target:
        if (c == ' ' && at > from) {
          head.target = bytes.substr(from, at - from);
          from = at + 1;
          state = State::version;
        } else if (static_cast<unsigned char>(c) <= 0x20 || static_cast<unsigned char>(c) >= 0x7F) {
          return kMalformed;
        }
        break;
      case State::version: {
        const std::size_t place = at - from;
        if (place < kVersion.size()) {
          if (c != kVersion[place]) return kMalformed;
        } else if (place == kVersion.size()) {
          if (c != '0' && c != '1') return kMalformed;
          head.minor_version = static_cast<std::uint8_t>(c - '0');
        } else if (c != '\r') {
          return kMalformed;
        } else {
          state = State::version_lf;
        }
        break;
      }
      case State::version_lf:
      case State::value_lf:
        if (c != '\n') return kMalformed;
        state = State::line;
        break;
      case State::line:
        if (c == '\r') {
          state = State::end_lf;
          break;
        }
        from = at;
        state = State::name;
        [[fallthrough]];
      case State::name: {
        if (c != ':') {
          if (!is_token(c)) return kMalformed;
          break;
        }
        const std::string_view name = bytes.substr(from, at - from);
        if (name.empty()) return kMalformed;
        const auto known = std::ranges::find_if(
            kNames, [&](std::string_view each) { return each.size() == name.size() && same(name, each); });
        header = known == kNames.end() ? -1 : static_cast<int>(known - kNames.begin());
        if (header >= 0) {
          const auto which = static_cast<Header>(header);
          if (head.has(which) && !may_repeat(which)) return kMalformed;
          head.seen = static_cast<std::uint16_t>(head.seen | 1u << header);
        }
        state = State::lead;
        break;
      }
      case State::lead:
        if (c == ' ' || c == '\t') break;
        from = at;
        state = State::value;
        [[fallthrough]];
      case State::value: {
        if (is_value(c)) break;
        if (c != '\r') return kMalformed;
        if (header >= 0) {
          std::string_view value = bytes.substr(from, at - from);
          while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.remove_suffix(1);
          head.headers[static_cast<std::size_t>(header)] = value;
        }
        state = State::value_lf;
        break;
      }
      case State::end_lf:
        if (c != '\n') return kMalformed;
        return {.kind = HeadResult::Kind::complete, .bytes = at + 1};
    }
  }
  return {};
}

bool has_token(std::string_view list, std::string_view token) {
  while (!list.empty()) {
    const std::size_t comma = list.find(',');
    std::string_view item = list.substr(0, comma);
    item = item.substr(0, item.find(';'));
    while (!item.empty() && (item.front() == ' ' || item.front() == '\t')) item.remove_prefix(1);
    while (!item.empty() && (item.back() == ' ' || item.back() == '\t')) item.remove_suffix(1);
    if (item.size() == token.size() &&
        std::ranges::equal(item, token, [](char a, char b) { return lower(a) == lower(b); }))
      return true;
    list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
  }
  return false;
}

}  // namespace fanlight::server::codec
