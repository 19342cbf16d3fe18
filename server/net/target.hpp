// The query of a request's target. In: "/path?name=value&...". Out: values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fanlight::server::net {

/// The first value of that name, percent-decoded, '+' for a space; nothing when it is missing or badly encoded.
std::optional<std::string> query_value(std::string_view target, std::string_view name);

/// Digits only, up to 2^64 - 1.
std::optional<std::uint64_t> parse_id(std::string_view text);

}  // namespace fanlight::server::net
