#include "server/hub/policy.hpp"

#include <array>

namespace fanlight::server::hub {
namespace {

constexpr std::array<std::string_view, 3> kNames = {"drop-oldest", "conflate", "evict"};

bool fits(std::string_view pattern, std::string_view topic) {
  if (pattern.ends_with('*')) return topic.starts_with(pattern.substr(0, pattern.size() - 1));
  return pattern == topic;
}

}  // namespace

std::optional<SlowClient> slow_client(std::string_view name) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<SlowClient>(i);
  }
  return std::nullopt;
}

std::string_view name_of(SlowClient policy) { return kNames[static_cast<std::size_t>(policy)]; }

TopicPolicy TopicPolicies::of(std::string_view topic) const {
  TopicPolicy policy = common;
  for (const TopicRule& rule : rules) {
    if (!fits(rule.pattern, topic)) continue;
    policy.slow = rule.slow;
    break;
  }
  return policy;
}

}  // namespace fanlight::server::hub
