// Names of topics. In: what a path says. Out: whether it is one.
#pragma once

#include <algorithm>
#include <string_view>

namespace fanlight::server::hub {

inline constexpr std::size_t kMaxTopicBytes = 128;
inline constexpr std::string_view kTopicRule = "a topic is 1 to 128 of A-Z a-z 0-9 . _ -";

/// 1 to 128 characters of [A-Za-z0-9._-].
inline bool is_topic(std::string_view name) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
  };
  return !name.empty() && name.size() <= kMaxTopicBytes && std::ranges::all_of(name, allowed);
}

}  // namespace fanlight::server::hub
