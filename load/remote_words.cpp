#include "load/remote_words.hpp"

#include <exception>
#include <stdexcept>
#include <utility>

#include <boost/json.hpp>

#include "load/report.hpp"
#include "load/scenario.hpp"
#include "load/tally_json.hpp"

namespace fanlight::load::remote {
namespace {

namespace json = boost::json;

std::uint64_t whole(const json::value& value) { return value.to_number<std::uint64_t>(); }
std::string text(const json::value& value) { return std::string(value.as_string()); }

template <class Number>
json::array numbers(const std::vector<Number>& values) {
  return json::array(values.begin(), values.end());
}

template <class Number = std::uint64_t>
std::vector<Number> numbers_from(const json::value& value, std::size_t most) {
  const json::array& array = value.as_array();
  if (array.size() > most) throw std::length_error("too many numbers");
  std::vector<Number> numbers;
  for (const json::value& one : array) numbers.push_back(one.to_number<Number>());
  return numbers;
}

// What a host needs of a plan: the rest is the coordinator's, or its own.
json::object plan_json(const Plan& plan) {
  json::array groups, headers;
  // A share may be 0, which `parse_group` takes for a mistake.
  for (const Group& group : plan.groups)
    groups.push_back(json::array{name_of(group.protocol), group.count, group.profile.name});
  for (const auto& [name, value] : plan.headers) headers.push_back(json::array{name, value});
  return {{"url", plan.url},
          {"adapter", plan.adapter},
          {"urls", json::array{plan.urls.sse, plan.urls.ws, plan.urls.redis, plan.urls.nats}},
          {"topic", plan.topic},
          {"groups", std::move(groups)},
          {"headers", std::move(headers)},
          {"token", plan.token},
          {"subprotocol", plan.subprotocol},
          {"size", plan.size},
          {"publishers", plan.publishers},
          {"connect_timeout", plan.connect_timeout.count()},
          {"connect_rate", plan.connect_rate},
          {"reconnect", plan.reconnect}};
}

Plan plan_from(const json::object& object) {
  Plan plan;
  plan.url = text(object.at("url"));
  plan.adapter = text(object.at("adapter"));
  const json::array& urls = object.at("urls").as_array();
  plan.urls = {text(urls.at(0)), text(urls.at(1)), text(urls.at(2)), text(urls.at(3)), {}};
  plan.topic = text(object.at("topic"));
  for (const json::value& value : object.at("groups").as_array()) {
    const json::array& group = value.as_array();
    const auto protocol = protocol_from(text(group.at(0)));
    auto profile = parse_profile(text(group.at(2)));
    if (!protocol || !profile) throw std::invalid_argument("a group that is unknown here");
    plan.groups.push_back({*protocol, group.at(1).to_number<unsigned>(), std::move(*profile)});
  }
  if (plan.groups.empty() || plan.groups.size() > kMaxGroups) throw std::length_error("1 to 32 groups");
  for (const json::value& header : object.at("headers").as_array())
    plan.headers.emplace_back(text(header.at(0)), text(header.at(1)));
  plan.token = text(object.at("token"));
  plan.subprotocol = text(object.at("subprotocol"));
  plan.size = object.at("size").to_number<std::size_t>();
  plan.publishers = object.at("publishers").to_number<unsigned>();
  plan.connect_timeout = std::chrono::nanoseconds(object.at("connect_timeout").to_number<std::int64_t>());
  plan.connect_rate = object.at("connect_rate").to_number<double>();
  plan.reconnect = object.at("reconnect").as_bool();
  return plan;
}

json::array pool_json(const PoolState& pool) {
  json::array latency;
  for (const auto& [bucket, count] : pool.latency) latency.push_back(json::array{bucket, count});
  return {json::array(pool.counters.begin(), pool.counters.end()), json::array(pool.states.begin(), pool.states.end()),
          std::move(latency)};
}

PoolState pool_from(const json::value& value) {
  PoolState pool;
  for (std::size_t i = 0; i < pool.counters.size(); ++i) pool.counters[i] = whole(value.at(0).at(i));
  for (std::size_t i = 0; i < pool.states.size(); ++i) pool.states[i] = whole(value.at(1).at(i));
  for (const json::value& one : value.at(2).as_array()) {
    const auto bucket = one.at(0).to_number<unsigned>();
    if (bucket >= LivePool::kBuckets) throw std::out_of_range("bucket");
    pool.latency.emplace_back(bucket, whole(one.at(1)));
  }
  return pool;
}

struct Writer {
  json::object operator()(const Hello& m) const {
    return {{"is", "hello"}, {"version", m.version}, {"secret", m.secret}, {"pools", m.pools}};
  }
  json::object operator()(const Welcome&) const { return {{"is", "welcome"}}; }
  json::object operator()(const Failed& m) const { return {{"is", "failed"}, {"why", m.why}, {"hint", m.hint}}; }
  json::object operator()(const Ping& m) const { return {{"is", "ping"}, {"sent", m.sent_ns}}; }
  json::object operator()(const Pong& m) const { return {{"is", "pong"}, {"sent", m.sent_ns}, {"there", m.there_ns}}; }
  json::object operator()(const Task& m) const {
    return {{"is", "task"},
            {"plan", plan_json(m.plan)},
            {"run", m.expectation.run},
            {"publishers", m.expectation.publishers},
            {"any", m.expectation.any}};
  }
  json::object operator()(const Ready&) const { return {{"is", "ready"}}; }
  json::object operator()(const BoardState& m) const {
    return {{"is", "board"},
            {"go", m.go},
            {"stop", m.stop},
            {"measure_from", m.measure_from_ns},
            {"connect_rate", m.connect_rate},
            {"track_every", m.track_every},
            {"epoch", m.epoch},
            {"wanted", numbers(m.wanted)},
            {"phase_from", numbers(m.phase_from_ns)},
            {"posted", numbers(m.posted)},
            {"accepted", numbers(m.accepted)}};
  }
  json::object operator()(const Live& m) const {
    json::array pools;
    for (const PoolState& pool : m.pools) pools.push_back(pool_json(pool));
    return {{"is", "live"},
            {"pools", std::move(pools)},
            {"ahead", m.clock_ahead_ns},
            {"error", m.clock_error_ns},
            {"drifted", m.clock_drifted_ns}};
  }
  json::object operator()(const Results& m) const {
    json::array reached;
    for (const Reached& one : m.reached) reached.push_back(json::array{one.slot, one.slowest_ns, one.receivers});
    return {{"is", "results"}, {"tallies", tallies_to_json(m.tallies)}, {"reached", std::move(reached)}};
  }
};

Result<Message> message_from(const json::object& object) {
  const std::string is = text(object.at("is"));
  if (is == "hello") {
    Hello hello{object.at("version").to_number<unsigned>(), text(object.at("secret")),
                object.at("pools").to_number<unsigned>()};
    if (hello.pools == 0 || hello.pools > 4096) throw std::out_of_range("pools");
    return hello;
  }
  if (is == "welcome") return Welcome{};
  if (is == "failed") return Failed{text(object.at("why")), text(object.at("hint"))};
  if (is == "ping") return Ping{whole(object.at("sent"))};
  if (is == "pong") return Pong{whole(object.at("sent")), whole(object.at("there"))};
  if (is == "ready") return Ready{};
  if (is == "task") {
    Task task{plan_from(object.at("plan").as_object()), {}};
    task.expectation = {object.at("run").to_number<std::uint32_t>(), object.at("publishers").to_number<unsigned>(),
                        task.plan.size, object.at("any").as_bool()};
    if (task.expectation.publishers == 0 || task.expectation.publishers > 256) throw std::out_of_range("publishers");
    return task;
  }
  if (is == "board") {
    BoardState board{object.at("go").as_bool(),
                     object.at("stop").as_bool(),
                     whole(object.at("measure_from")),
                     object.at("connect_rate").to_number<double>(),
                     whole(object.at("track_every")),
                     whole(object.at("epoch")),
                     numbers_from<unsigned>(object.at("wanted"), kMaxGroups),
                     numbers_from(object.at("phase_from"), kMaxPhases),
                     numbers_from(object.at("posted"), kMaxPhases),
                     numbers_from(object.at("accepted"), kMaxPhases)};
    if (board.track_every == 0 || !(board.connect_rate >= 0)) throw std::out_of_range("board");
    if (board.posted.size() != board.phase_from_ns.size() || board.accepted.size() != board.posted.size())
      throw std::length_error("phases");
    return board;
  }
  if (is == "live") {
    Live live;
    for (const json::value& pool : object.at("pools").as_array()) live.pools.push_back(pool_from(pool));
    live.clock_ahead_ns = object.at("ahead").to_number<std::int64_t>();
    live.clock_error_ns = whole(object.at("error"));
    live.clock_drifted_ns = object.at("drifted").to_number<std::int64_t>();
    return live;
  }
  if (is == "results") {
    auto tallies = tallies_from_json(text(object.at("tallies")));
    if (!tallies) return std::unexpected(std::move(tallies.error()));
    Results results{std::move(*tallies), {}};
    for (const json::value& one : object.at("reached").as_array()) {
      results.reached.push_back({whole(one.at(0)), whole(one.at(1)), whole(one.at(2))});
      if (results.reached.back().slot >= kTracked) throw std::out_of_range("slot");
    }
    return results;
  }
  throw std::invalid_argument("there is no message '" + is.substr(0, 20) + "'");
}

}  // namespace

std::string to_line(const Message& message) { return json::serialize(std::visit(Writer{}, message)); }

Result<Message> from_line(std::string_view line) {
  // Boost.JSON throws for members that are missing or of another kind; the checks above do the same.
  try {
    const json::value value = json::parse(json::string_view(line.data(), line.size()));
    return message_from(value.as_object());
  } catch (const boost::system::system_error& error) {  // whose own words name lines of the library
    return fail(0, "a message that makes no sense: " + error.code().message(),
                "are both sides fanlight-load of the same version?");
  } catch (const std::exception& error) {
    return fail(0, "a message that makes no sense: " + std::string(error.what()),
                "are both sides fanlight-load of the same version?");
  }
}

}  // namespace fanlight::load::remote
