#include "load/scenario.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

#include <boost/json.hpp>

#include "core/units.hpp"

namespace fanlight::load {
namespace {

namespace json = boost::json;

std::unexpected<Error> bad(const std::string& words) {
  return fail(0, "scenario: " + words, "docs/load.md describes scenario files");
}

Result<std::string> string_of(const char* name, const json::value& value) {
  if (!value.is_string()) return bad(std::string(name) + ": a string is wanted");
  return std::string(value.get_string());
}

Result<std::chrono::nanoseconds> time_of(const char* name, const json::value& value) {
  auto text = string_of(name, value);
  if (!text) return std::unexpected(std::move(text.error()));
  auto time = parse_duration(*text);
  if (!time) return within("scenario: " + std::string(name), std::move(time.error()));
  return time;
}

/// Line by line, since the parser does not say where an error is.
Result<json::value> parse_lines(std::string_view text) {
  json::stream_parser parser;
  json::error_code error;
  std::size_t line = 0;
  for (std::size_t at = 0; at < text.size() && !error; ++line) {
    const std::size_t end = std::min(text.find('\n', at), text.size() - 1) + 1;
    parser.write(text.data() + at, end - at, error);
    at = end;
  }
  if (!error) parser.finish(error);
  if (error) return bad("line " + std::to_string(std::max<std::size_t>(line, 1)) + ": not JSON: " + error.message());
  return parser.release();
}

Result<Phase> phase_of(const json::value& value) {
  if (!value.is_object()) return bad("phases: objects are wanted");
  Phase phase;
  std::optional<std::string> name;
  std::chrono::nanoseconds duration = phase.duration;
  for (const auto& [key, member] : value.get_object()) {
    if (key == "name" || key == "schedule") {
      auto text = string_of(key == "name" ? "name" : "schedule", member);
      if (!text) return std::unexpected(std::move(text.error()));
      if (key == "name") {
        name = std::move(*text);
        continue;
      }
      auto shape = parse_shape(*text);
      if (!shape) return within("scenario", std::move(shape.error()));
      phase = std::move(*shape);
    } else if (key == "for") {
      auto time = time_of("for", member);
      if (!time) return std::unexpected(std::move(time.error()));
      duration = *time;
    } else {
      return bad("phases: there is no '" + std::string(key) + "'");
    }
  }
  if (name) phase.name = std::move(*name);
  phase.duration = duration;
  if (auto checked = check(phase); !checked) return within("scenario", std::move(checked.error()));
  return phase;
}

Result<Group> group_of(const json::value& value) {
  if (!value.is_object()) return bad("subscribers: objects are wanted");
  std::string protocol = "sse", profile = "plain";
  std::uint64_t count = 0;
  for (const auto& [key, member] : value.get_object()) {
    if (key == "count") {
      json::error_code error;
      count = member.to_number<std::uint64_t>(error);
      if (error) return bad("count: a whole number is wanted");
    } else if (key == "protocol" || key == "profile") {
      auto text = string_of("protocol and profile", member);
      if (!text) return std::unexpected(std::move(text.error()));
      (key == "protocol" ? protocol : profile) = std::move(*text);
    } else {
      return bad("subscribers: there is no '" + std::string(key) + "'");
    }
  }
  auto group = parse_group(protocol + ":" + std::to_string(count) + ":" + profile);
  if (!group) return within("scenario", std::move(group.error()));
  return group;
}

Result<> member_of(std::string_view key, const json::value& value, Plan& plan, std::vector<Limit>& limits) {
  if (key == "reconnect") {
    if (!value.is_bool()) return bad("reconnect: true or false");
    plan.reconnect = value.get_bool();
    return {};
  }
  if (key == "phases" || key == "subscribers" || key == "fail_if") {
    if (!value.is_array() || value.get_array().empty()) return bad(std::string(key) + ": a list is wanted");
    if (key == "phases") plan.phases.clear();
    if (key == "subscribers") plan.groups.clear();
    for (const json::value& one : value.get_array()) {
      if (key == "phases") {
        auto phase = phase_of(one);
        if (!phase) return std::unexpected(std::move(phase.error()));
        plan.phases.push_back(std::move(*phase));
      } else if (key == "subscribers") {
        auto group = group_of(one);
        if (!group) return std::unexpected(std::move(group.error()));
        plan.groups.push_back(std::move(*group));
      } else {
        auto text = string_of("fail_if", one);
        if (!text) return std::unexpected(std::move(text.error()));
        auto parsed = parse_limits(*text);
        if (!parsed) return within("scenario", std::move(parsed.error()));
        limits.insert(limits.end(), parsed->begin(), parsed->end());
      }
    }
    return {};
  }
  if (key == "warmup") {
    auto time = time_of("warmup", value);
    if (!time) return std::unexpected(std::move(time.error()));
    plan.warmup = *time;
    return {};
  }
  auto text = string_of("url, topic and size", value);
  if (key == "url" || key == "topic" || key == "size") {
    if (!text) return std::unexpected(std::move(text.error()));
    if (key == "url") plan.url = std::move(*text);
    if (key == "topic") plan.topic = std::move(*text);
    if (key == "size") {
      auto bytes = parse_bytes(*text);
      if (!bytes) return within("scenario: size", std::move(bytes.error()));
      plan.size = static_cast<std::size_t>(*bytes);
    }
    return {};
  }
  return bad("there is no '" + std::string(key) + "'");
}

}  // namespace

Result<Group> parse_group(std::string_view text) {
  const auto wrong = [&](const std::string& why) {
    return fail(0, "subscribers '" + std::string(text) + "': " + why, "for example sse:50:slow-reader=2K");
  };
  const std::size_t first = text.find(':');
  const std::size_t second = first == std::string_view::npos ? first : text.find(':', first + 1);
  if (first == std::string_view::npos) return wrong("protocol and count are wanted");
  Group group;
  const auto protocol = protocol_from(text.substr(0, first));
  if (!protocol) return wrong("protocols are sse, ws, redis and nats");
  group.protocol = *protocol;
  const std::string_view digits =
      text.substr(first + 1, second == std::string_view::npos ? second : second - first - 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), group.count);
  if (error != std::errc() || end != digits.data() + digits.size() || group.count == 0 || group.count > 1'000'000)
    return wrong("a count from 1 to 1000000 is wanted");
  if (second != std::string_view::npos) {
    auto profile = parse_profile(text.substr(second + 1));
    if (!profile) return std::unexpected(std::move(profile.error()));
    group.profile = std::move(*profile);
  }
  const bool websocket = group.protocol == Protocol::websocket;
  if (group.profile.frames != ClientFrames::none && !websocket) return wrong("only WebSocket has such frames");
  if (group.profile.headers != Headers::usual && !websocket && group.protocol != Protocol::sse)
    return wrong("only HTTP has headers");
  return group;
}

Result<> read_scenario(std::string_view text, Plan& plan, std::vector<Limit>& limits) {
  auto value = parse_lines(text);
  if (!value) return std::unexpected(std::move(value.error()));
  if (!value->is_object()) return bad("an object is wanted");
  Plan changed = plan;
  std::vector<Limit> found = limits;
  for (const auto& [key, member] : value->get_object())
    if (auto read = member_of(std::string_view(key.data(), key.size()), member, changed, found); !read) return read;
  plan = std::move(changed);
  limits = std::move(found);
  return {};
}

}  // namespace fanlight::load
