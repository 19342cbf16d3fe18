#include "load/policy.hpp"

#include <algorithm>
#include <array>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

#include <boost/json.hpp>

#include "core/clock.hpp"
#include "load/descriptors.hpp"
#include "load/report.hpp"

namespace fanlight::load {
namespace {

namespace json = boost::json;

constexpr unsigned kMost = 1'000'000;
constexpr const char* kHint = R"(for example {"schedule": "200", "subscribers": {"sse": 100}})";

std::unexpected<Error> bad(const std::string& words) { return fail(0, "policy: " + words, kHint); }

std::optional<std::size_t> group_of(const Plan& plan, std::string_view label) {
  for (std::size_t i = 0; i < plan.groups.size(); ++i)
    if (label_of(plan.groups[i]) == label) return i;
  return std::nullopt;
}

struct Change {
  std::optional<Phase> phase;
  std::optional<double> connect_rate;
  std::vector<std::pair<std::size_t, unsigned>> wanted;
};

Result<Change> read(const json::object& object, const Plan& plan) {
  Change change;
  for (const auto& [key, value] : object) {
    const std::string_view name(key.data(), key.size());
    if (name == "schedule") {
      if (!value.is_string()) return bad("schedule: a string like \"100..500\"");
      auto phase = parse_shape(std::string_view(value.get_string().data(), value.get_string().size()));
      if (!phase) return within("policy", std::move(phase.error()));
      change.phase = std::move(*phase);
    } else if (name == "connect_rate") {
      if (!value.is_number()) return bad("connect_rate: a number, 0 for as fast as it goes");
      const double rate = value.to_number<double>();
      if (!(rate >= 0 && rate <= 1e6)) return bad("connect_rate: 0 to 1000000 per second");
      change.connect_rate = rate;
    } else if (name == "subscribers") {
      if (!value.is_object()) return bad("subscribers: an object of numbers by group");
      for (const auto& [label, count] : value.get_object()) {
        const auto group = group_of(plan, std::string_view(label.data(), label.size()));
        if (!group) return bad("subscribers: this run has no group '" + std::string(label) + "'");
        json::error_code error;
        const auto number = count.to_number<unsigned>(error);
        if (error || number > kMost) return bad("subscribers: whole numbers up to 1000000");
        change.wanted.emplace_back(*group, number);
      }
    } else {
      return bad("there is no '" + std::string(name) + "'");
    }
  }
  return change;
}

/// Descriptors of hosts that joined are theirs to count.
Result<> check_room(const Change& change, const Running& running) {
  if (change.wanted.empty() || !running.plan.coordinator.empty()) return {};
  std::vector<std::uint64_t> wanted;
  for (std::size_t i = 0; i < running.plan.groups.size(); ++i) wanted.push_back(running.shared->wanted[i].load());
  for (const auto& [group, count] : change.wanted) wanted[group] = count;
  const std::uint64_t processes = std::max(1u, running.plan.workers);
  const std::uint64_t room = most_sockets() - std::min<std::uint64_t>(most_sockets(), running.plan.publishers);
  const std::uint64_t all = std::accumulate(wanted.begin(), wanted.end(), std::uint64_t{0});
  if (all <= room * processes) return {};
  return bad("subscribers: descriptors suffice for " + std::to_string(room * processes));
}

}  // namespace

Result<> apply_policy(std::string_view text, const Running& running) {
  json::error_code error;
  const json::value value = json::parse(json::string_view(text.data(), text.size()), error);
  if (error || !value.is_object()) return bad("a JSON object is wanted");
  auto change = read(value.get_object(), running.plan);
  if (!change) return std::unexpected(std::move(change.error()));
  Board& board = running.shared.board();
  if (auto held = check_room(*change, running); !held) return held;
  if (change->phase) {
    if (board.measure_from_ns == kNever) return bad("schedule: publishing has not begun");
    if (running.plan.publishers == 0) return bad("schedule: this run does not publish");
    if (monotonic_ns() >= board.schedule_end_ns) return bad("schedule: the planned end has come");
    if (!running.mailbox.put(std::move(*change->phase), board)) return bad("schedule: changed too often");
  }
  if (change->connect_rate) board.connect_rate = *change->connect_rate;
  for (const auto& [group, count] : change->wanted) board.wanted[group] = count;
  return {};
}

std::string policy_text(const Running& running) {
  const Board& board = running.shared.board();
  json::object subscribers, states;
  for (std::size_t i = 0; i < running.plan.groups.size(); ++i)
    subscribers[label_of(running.plan.groups[i])] = board.wanted[i].load();
  constexpr std::array<const char*, kClientStates> kNames{"idle", "syncing", "recovering"};
  for (std::size_t i = 0; i < kClientStates; ++i) {
    std::uint64_t sum = 0;
    for (const LivePool& pool : running.shared.pools()) sum += pool.states[i].load();
    states[kNames[i]] = sum;
  }
  const unsigned phases = board.phases;
  return json::serialize(json::object{{"connect_rate", board.connect_rate.load()},
                                      {"subscribers", std::move(subscribers)},
                                      {"states", std::move(states)},
                                      {"streams", running.shared.sum(&LivePool::streams)},
                                      {"phases", phases},
                                      {"received", running.shared.sum(&LivePool::received)}}) +
         "\n";
}

}  // namespace fanlight::load
