// The service that knows what state each topic is in. In: its URL, a topic. Out: the topic's state.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "core/error.hpp"

namespace fanlight::server::net {

struct Origin {
  std::string host;
  std::string port = "80";
  std::string path = "/";                        // a topic's name is put behind it
  std::chrono::milliseconds timeout{1000};       // for a whole answer
  std::size_t max_bytes = std::size_t{1} << 20;  // of a state
};

/// "http://HOST[:PORT][/PATH]". Errors: anything else.
Result<Origin> parse_origin(std::string_view url);

/// GET of PATH and the topic's name: 200 is its state, 404 and 410 are nothing. Errors: it cannot be reached, does not
/// answer in time, says more than it may, or says something else. Blocks. Threads: any.
Result<std::optional<std::string>> fetch_state(const Origin& origin, const std::string& topic);

}  // namespace fanlight::server::net
