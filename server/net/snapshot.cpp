// A topic's state for those who ask: by GET, and at the start of a subscription.
#include <utility>

#include "server/codec/utf8.hpp"
#include "server/net/desk.hpp"
#include "server/net/exchange.hpp"
#include "server/net/target.hpp"

namespace fanlight::server::net {
namespace {

using hub::Session;

constexpr std::uint64_t kSecondNs = 1'000'000'000;

}  // namespace

void Desk::with_snapshot(const std::string& topic, std::function<void(const Snapshot&)> use) {
  const auto finish = [this, topic, use = std::move(use)](Snapshot given) {
    if (given.source == Snapshot::Source::none) given = newest_of(topic);
    ++counts.snapshots[static_cast<std::size_t>(given.source)];
    use(given);
  };
  // Never at once: the caller is in the middle of reading requests.
  if (office_.snapshots == nullptr) return worker_.post([finish] { finish({}); });
  office_.snapshots->ask(topic,
                         [this, finish](const Snapshot& given) { worker_.post([finish, given] { finish(given); }); });
}

Snapshot Desk::newest_of(std::string_view name) {
  const hub::TopicPtr topic = hub_.topics().find(name);
  if (!topic) return {};
  const std::scoped_lock lock(topic->publishing);
  const codec::MessagePtr newest = topic->history.newest();
  if (!newest) return {};
  return {.source = Snapshot::Source::newest, .state = newest->payload, .id = newest->id};
}

void Desk::answer_snapshot(Session& session, const Asked& asked) {
  if (auto refusal = objection(asked, limits::Right::subscribe, asked.route.topic))
    return answer(session, std::move(*refusal), asked.keep);
  answer_later(session, asked.keep);
  with_snapshot(std::string(asked.route.topic), [this, ref = session.ref](const Snapshot& given) {
    Session* same = worker_.find(ref);
    if (same == nullptr || !same->exchange) return;
    HttpExchange& exchange = *exchange_of(*same);
    exchange.waiting = false;
    Answer said;
    if (given.source == Snapshot::Source::unknown) {
      said = problem(Refusal::unknown_topic, 404, "the origin does not know this topic", "is its name right?");
    } else if (given.source == Snapshot::Source::none && office_.snapshots == nullptr) {
      said = problem(Refusal::nothing_remembered, 404, "nothing is remembered of this topic",
                     "publish to it, or start the server with --origin");
    } else if (given.source == Snapshot::Source::none) {
      said = problem(Refusal::origin_failed, 503, "the origin does not answer, and nothing is remembered of this topic",
                     "try again later");
      said.headers = "Retry-After: 5\r\n";
    } else {
      said.type = codec::is_utf8(given.state) ? "text/plain; charset=utf-8" : "application/octet-stream";
      said.body = given.state;
      said.headers.append("X-Snapshot: ").append(name_of(given.source)).append("\r\n");
      said.headers += "Age: " + std::to_string(given.age_ns / kSecondNs) + "\r\n";
    }
    said.headers += "Access-Control-Allow-Origin: *\r\n";
    answer(*same, std::move(said), exchange.keep);
    same = worker_.find(ref);
    if (same != nullptr && same->stage == Session::Stage::http && same->exchange) feed(*same);
  });
}

void Desk::begin_with_snapshot(const Session& session, std::string_view topic) {
  with_snapshot(std::string(topic), [this, ref = session.ref, name = std::string(topic)](const Snapshot& given) {
    Session* same = worker_.find(ref);
    if (same == nullptr || same->stage != Session::Stage::live) return;
    codec::Envelope envelope{.type = "snapshot", .topic = name, .id = given.id, .data = given.state};
    std::string hint;
    switch (given.source) {
      case Snapshot::Source::origin:
      case Snapshot::Source::cache:
      case Snapshot::Source::newest: break;
      case Snapshot::Source::stale:
        hint = "from " + std::to_string(given.age_ns / kSecondNs) + " s ago: the origin does not answer";
        break;
      case Snapshot::Source::unknown: envelope.error = "the origin does not know this topic"; break;
      case Snapshot::Source::none: envelope.error = "nothing is remembered of this topic"; break;
    }
    envelope.hint = hint;
    worker_.tell(*same, envelope);
  });
}

}  // namespace fanlight::server::net
