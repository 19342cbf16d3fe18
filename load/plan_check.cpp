#include "load/plan_check.hpp"

#include <algorithm>
#include <string>
#include <string_view>

#include "load/approach.hpp"
#include "load/payload.hpp"
#include "load/shared.hpp"

namespace fanlight::load {
namespace {

constexpr const char* kHint = "fanlight-load --help shows all options with examples";
constexpr std::size_t kMaxSize = 1u << 20;
constexpr unsigned kMaxSubscribers = 1'000'000;

bool is_header(const std::string& name, const std::string& value) {
  const auto token = [](unsigned char c) {
    return c > ' ' && c < 127 &&
           std::string_view("()<>@,;:\\\"/[]?={}").find(static_cast<char>(c)) == std::string_view::npos;
  };
  const auto text = [](unsigned char c) { return c == '\t' || (c >= ' ' && c != 127); };
  return !name.empty() && std::all_of(name.begin(), name.end(), token) && std::all_of(value.begin(), value.end(), text);
}

}  // namespace

Result<> check(const Plan& plan) {
  const auto misused = [](const std::string& words) { return fail(0, words, kHint); };
  if (plan.adapter != "fanlight" && plan.adapter != "nchan" && plan.adapter != "redis" && plan.adapter != "nats")
    return misused("--adapter: fanlight, nchan, redis or nats");
  if (auto url = parse_url(plan.url); !url) return within("--url", std::move(url.error()));
  if (plan.subscribers() == 0) return misused("nobody to receive: give --sse N, --ws N or both");
  if (plan.groups.size() > kMaxGroups) return misused("at most 32 groups of subscribers");
  for (std::size_t i = 0; i < plan.groups.size(); ++i) {
    if (plan.groups[i].count > kMaxSubscribers) return misused("at most 1000000 subscribers in a group");
    for (std::size_t k = 0; k < i; ++k)
      if (plan.groups[k].protocol == plan.groups[i].protocol &&
          plan.groups[k].profile.name == plan.groups[i].profile.name)
        return misused("two groups of " + std::string(name_of(plan.groups[i].protocol)) + " subscribers are alike");
    if (auto url = subscribe_url(plan, plan.groups[i].protocol); !url) return std::unexpected(std::move(url.error()));
  }
  if (plan.phases.size() > kMaxPhases / 2) return misused("at most 32 phases");
  for (const Phase& phase : plan.phases)
    if (auto checked = check(phase); !checked) return checked;
  if (auto url = publish_url(plan); !url) return std::unexpected(std::move(url.error()));
  if (plan.size < kMinPayload || plan.size > kMaxSize)
    return misused("--size: at least " + std::to_string(kMinPayload) +
                   " bytes, which sequence number and time take, and at most 1M");
  if (plan.publishers > 256) return misused("--publishers: 1 to 256");
  if (plan.threads == 0 || plan.threads > 64) return misused("--threads: 1 to 64");
  if (plan.workers > 64) return misused("--workers: 0 to 64");
  if (!(plan.connect_rate >= 0 && plan.connect_rate <= 1e6)) return misused("--connect-rate: 0 to 1000000 per second");
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
  };
  if (plan.topic.empty() || plan.topic.size() > 128 || !std::all_of(plan.topic.begin(), plan.topic.end(), plain))
    return misused("--topic: 1 to 128 letters, digits, '-', '_' and '.'");
  for (const auto& [name, value] : plan.headers)
    if (!is_header(name, value)) return misused("--header: 'Name: value', in one line");
  for (const auto& [option, text] : {std::pair{"--token", &plan.token}, std::pair{"--subprotocol", &plan.subprotocol}})
    if (!std::all_of(text->begin(), text->end(), [](unsigned char c) { return c > ' ' && c < 127; }))
      return misused(std::string(option) + ": without spaces and odd characters");
  return {};
}

}  // namespace fanlight::load
