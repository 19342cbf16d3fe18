// Messages that come in: by POST, and as commands over WebSocket.
#include <chrono>
#include <utility>

#include "core/clock.hpp"
#include "server/codec/command.hpp"
#include "server/codec/deflate.hpp"
#include "server/codec/sse.hpp"
#include "server/codec/utf8.hpp"
#include "server/net/desk.hpp"
#include "server/net/exchange.hpp"
#include "server/net/target.hpp"

namespace fanlight::server::net {
namespace {

using hub::Session;

constexpr std::size_t kMaxKeyBytes = 256;

std::int64_t unix_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

Answer receipt_of(const hub::Receipt& receipt) {
  return {.status = 202,
          .body = "{\"subscribers\":" + std::to_string(receipt.subscribers) + ",\"id\":" + std::to_string(receipt.id) +
                  "}\n",
          .headers = "Access-Control-Allow-Origin: *\r\n"};
}

/// Why a message cannot be published; null: it can.
const char* flaw_of(std::string_view event, std::string_view key) {
  if (!event.empty() && !codec::is_event_name(event)) return "an event's name is 1 to 64 of A-Z a-z 0-9 . _ -";
  if (key.size() > kMaxKeyBytes || !codec::is_utf8(key)) return "a key is UTF-8 of at most 256 bytes";
  return nullptr;
}

}  // namespace

bool Desk::may_publish_now(const Session& session) {
  auto* address = static_cast<limits::Address*>(session.address);
  return address == nullptr || address->may_publish(limits_.address.publishes, monotonic_ns());
}

void Desk::publish(Session& session, const Asked& asked) {
  const std::uint64_t now = monotonic_ns();
  if (auto refusal = objection(asked, limits::Right::publish, asked.route.topic))
    return answer(session, std::move(*refusal), asked.keep);
  if (!may_publish_now(session)) {
    Answer said =
        problem(Refusal::throttled, 429, "this address publishes too fast", "slow down; --publish-rate sets the limit");
    said.headers = "Retry-After: 1\r\n";
    return answer(session, std::move(said), asked.keep);
  }
  const bool plain = asked.head.target.find('?') == std::string_view::npos;
  std::string event = plain ? std::string() : query_value(asked.head.target, "event").value_or("");
  std::string key = plain ? std::string() : query_value(asked.head.target, "key").value_or("");
  if (const char* flaw = flaw_of(event, key))
    return answer(session, problem(Refusal::bad_name, 400, flaw, "POST /topics/news?event=name&key=key"), asked.keep);
  fanlight_trace trace{};
  if (asked.head.has(codec::Header::traceparent)) {
    const std::string_view text = asked.head[codec::Header::traceparent];
    fanlight_trace_parse(text.data(), text.size(), &trace);
  }
  if (hub_.dispatcher().is_inline()) {
    const hub::Receipt receipt = hub_.publish({.topic = asked.route.topic,
                                               .payload = asked.body,
                                               .event = event,
                                               .key = key,
                                               .published_ns = now,
                                               .trace = trace});
    return answer(session, receipt_of(receipt), asked.keep);
  }
  answer_later(session, asked.keep);
  hub_.submit(std::string(asked.route.topic), std::string(asked.body), std::move(event), std::move(key), now, trace,
              [this, ref = session.ref](const hub::Receipt& receipt) {
                worker_.post([this, ref, receipt] {
                  Session* same = worker_.find(ref);
                  if (same == nullptr || !same->exchange) return;
                  HttpExchange& exchange = *exchange_of(*same);
                  exchange.waiting = false;
                  answer(*same, receipt_of(receipt), exchange.keep);
                  same = worker_.find(ref);
                  if (same != nullptr && same->stage == Session::Stage::http && same->exchange) feed(*same);
                });
              });
}

void Desk::say(Session& session, const codec::Envelope& envelope) {
  const codec::PayloadCodec codec = session.conversation->commands;
  std::string payload, frame;
  codec::append_envelope(payload, codec, envelope);
  codec::append_websocket(frame, codec::is_text(codec) ? codec::Opcode::text : codec::Opcode::binary, payload);
  worker_.send(session, codec::control_frame(std::move(frame)));
}

void Desk::on_message(Session& session, std::string payload, bool text) {
  constexpr std::size_t kMaxUnsent = 4u << 20;
  if (session.outbox.bytes() > kMaxUnsent)
    return worker_.begin_close(session, codec::CloseCode::policy, hub::End::evicted, "asks without reading");
  if (!session.conversation->echo) return run_commands(session, payload);
  std::string frame;
  const codec::Opcode opcode = text ? codec::Opcode::text : codec::Opcode::binary;
  if (codec::is_deflated(session.wire()))
    codec::append_deflated_websocket(frame, opcode, payload);
  else
    codec::append_websocket(frame, opcode, payload);
  worker_.send(session, codec::control_frame(std::move(frame)));
}

void Desk::run_commands(Session& session, std::string_view payload) {
  const hub::SessionRef ref = session.ref;
  const auto command = codec::parse_command(session.conversation->commands, payload);
  if (!command) {
    ++count_of(counts.command_refusals, Refusal::not_a_command);
    return say(session, {.type = "error", .error = command.error().what, .hint = command.error().hint});
  }
  ++counts.commands;
  const std::string token = session.conversation->token;
  const auto refuse_part = [&](Refusal cause, std::string_view topic, std::string_view error, std::string_view hint) {
    ++count_of(counts.command_refusals, cause);
    say(session, {.type = "error", .topic = hub::is_topic(topic) ? topic : "", .error = error, .hint = hint});
  };
  const auto may = [&](limits::Right right, std::string_view topic) {
    if (!hub::is_topic(topic)) {
      refuse_part(Refusal::bad_topic, topic, "not a topic name", hub::kTopicRule);
      return false;
    }
    const auto allowed = limits::check_access(limits_.access, right, token, topic, unix_seconds());
    if (allowed) return true;
    refuse_part(Refusal::denied, topic, allowed.error().what, allowed.error().hint);
    return false;
  };
  for (const codec::Command::Subscribe& part : command->subscribe) {
    if (!may(limits::Right::subscribe, part.topic)) continue;
    if (worker_.is_subscribed(session, part.topic)) {
      refuse_part(Refusal::already_subscribed, part.topic, "subscribed to that already",
                  "unsubscribe first to be replayed what was missed");
      continue;
    }
    const auto done = worker_.subscribe(session, {.topic = part.topic, .wire = session.wire(), .after = part.after});
    if (!done) refuse_part(Refusal::too_many_topics, part.topic, done.error().what, done.error().hint);
  }
  for (const std::string& topic : command->unsubscribe) {
    if (worker_.unsubscribe(session, topic)) {
      say(session, {.type = "unsubscribed", .topic = topic});
    } else {
      refuse_part(Refusal::not_subscribed, topic, "not subscribed to that", "subscribe first");
    }
  }
  for (const codec::Command::Publish& part : command->publish) {
    if (!may(limits::Right::publish, part.topic)) continue;
    if (!may_publish_now(session)) {
      refuse_part(Refusal::throttled, part.topic, "this address publishes too fast", "slow down");
      continue;
    }
    if (const char* flaw = flaw_of(part.event, part.key)) {
      refuse_part(Refusal::bad_name, part.topic, flaw, "see the documentation of commands");
      continue;
    }
    const auto told = [this, ref, topic = part.topic](const hub::Receipt& receipt) {
      if (Session* same = worker_.find(ref); same != nullptr && same->stage == Session::Stage::live)
        say(*same, {.type = "published", .topic = topic, .id = receipt.id, .subscribers = receipt.subscribers});
    };
    if (hub_.dispatcher().is_inline()) {
      told(hub_.publish({.topic = part.topic,
                         .payload = part.data,
                         .event = part.event,
                         .key = part.key,
                         .published_ns = monotonic_ns()}));
    } else {
      hub_.submit(part.topic, part.data, part.event, part.key, monotonic_ns(), {},
                  [this, told](const hub::Receipt& receipt) { worker_.post([told, receipt] { told(receipt); }); });
    }
  }
}

}  // namespace fanlight::server::net
