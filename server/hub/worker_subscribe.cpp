// The half of `Worker` that knows topics: who joins, what they missed, what is delivered to them.
#include <algorithm>
#include <utility>

#include "core/clock.hpp"
#include "server/codec/deflate.hpp"
#include "server/codec/envelope.hpp"
#include "server/codec/sse.hpp"
#include "server/hub/stages.hpp"
#include "server/hub/worker.hpp"

namespace fanlight::server::hub {
namespace {

constexpr std::size_t kMaxTopicsPerConnection = 256;
constexpr std::uint32_t kLingerSeconds = 3;  // for a peer that neither reads its close frame nor closes

codec::PayloadCodec codec_of(codec::Wire wire) {
  switch (wire) {
    case codec::Wire::msgpack:
    case codec::Wire::msgpack_deflate: return codec::PayloadCodec::msgpack;
    case codec::Wire::protobuf:
    case codec::Wire::protobuf_deflate: return codec::PayloadCodec::protobuf;
    default: return codec::PayloadCodec::json;
  }
}

codec::Frame envelope_frame(codec::Wire wire, const codec::Envelope& envelope) {
  std::string payload, frame;
  const codec::PayloadCodec codec = codec_of(wire);
  codec::append_envelope(payload, codec, envelope);
  codec::append_websocket(frame, codec::is_text(codec) ? codec::Opcode::text : codec::Opcode::binary, payload);
  return codec::control_frame(std::move(frame));
}

/// All members of a group deal alike. Under `topic.publishing`.
Result<> check_group(const Topic& topic, const Order& order) {
  const auto group = std::ranges::find(topic.groups, order.group, &Group::name);
  if (group == topic.groups.end() || group->how() == order.how) return {};
  const std::string how(name_of(group->how()));
  return fail(0, "the group's members share by " + how, "join it with assign=" + how + ", or choose another group");
}

}  // namespace

void Worker::count_dropped(codec::Wire wire, Drop cause, std::uint64_t events) {
  if (events == 0) return;
  counts_.wires[codec::index_of(wire)].dropped[static_cast<std::size_t>(cause)] += events;
  published_.dropped_frames.add(events);
}

bool Worker::is_subscribed(const Session& session, std::string_view topic) const {
  if (session.topic && session.topic->name == topic) return true;
  return session.conversation &&
         std::ranges::any_of(session.conversation->more, [&](const TopicPtr& each) { return each->name == topic; });
}

std::size_t Worker::topics_of(const Session& session) const {
  return (session.topic ? 1 : 0) + (session.conversation ? session.conversation->more.size() : 0);
}

void Worker::go_live(Session& session, codec::Wire wire, std::unique_ptr<Conversation> conversation) {
  session.ref.wire = wire;
  session.stage = Session::Stage::live;
  session.exchange.reset();
  session.conversation = std::move(conversation);
  session.deadline_tick = 0;
  session.sent_tick = tick_;
  session.subscriber = true;
  --counts_.http_connections;
  WireReading& counts = account(session);
  ++counts.sessions;
  ++counts.joined;
  published_.connections.add(1);
}

Result<> Worker::fits(Topic& topic, const Order& order) {
  const std::scoped_lock lock(topic.publishing);
  return check_group(topic, order);
}

Result<> Worker::subscribe(Session& session, const Order& order) {
  if (topics_of(session) >= kMaxTopicsPerConnection) {
    return fail(0, "a connection has at most 256 topics", "open another connection");
  }
  for (;;) {
    const Result<TopicPtr> found = topics_.obtain(order.topic, true);
    if (!found) return std::unexpected(found.error());
    Topic& topic = **found;
    std::unique_lock lock(topic.publishing);
    if (topic.forgotten) continue;
    if (auto good = check_group(topic, order); !good) return good;
    if (auto entered = topics_.enter(topic); !entered) {
      lock.unlock();
      topics_.tidy(*found);
      return entered;
    }
    if (!order.group.empty()) {
      auto group = std::ranges::find(topic.groups, order.group, &Group::name);
      if (group == topic.groups.end()) group = topic.groups.insert(group, Group(std::string(order.group), order.how));
      group->join(index_, session.ref);
      session.conversation->group = order.group;
    } else {
      registry_.insert(topic, index_, session.ref);
    }
    if (!session.topic) {
      session.topic = *found;
      session.outbox.set_limits(topic.policy.outbox_frames, topic.policy.outbox_bytes);
    } else {
      session.conversation->more.push_back(*found);
    }
    if (codec::is_envelope(session.wire())) {
      session.outbox.append(envelope_frame(
          session.wire(),
          {.type = "subscribed", .topic = topic.name, .id = topic.last_id, .subscribers = topic.subscribers.load()}));
    }
    if (order.after) replay(session, topic, *order.after);
    break;
  }
  queue_flush(session);
  return {};
}

void Worker::replay(Session& session, Topic& topic, std::uint64_t after) {
  const Replay replay = topic.history.after(after, topic.last_id);
  if (replay.loss) {
    tell_loss(session, topic, replay.lost, replay.messages.empty() ? topic.last_id + 1 : replay.messages.front()->id);
  }
  WireReading& counts = account(session);
  for (const codec::MessagePtr& message : replay.messages) {
    session.outbox.append(message->form(session.wire()));
    ++counts.offered;
    ++counts.replayed;
    ++session.unmeasured;
  }
}

void Worker::tell_loss(Session& session, const Topic& topic, std::uint64_t lost, std::uint64_t first) {
  ++counts_.losses_told;
  append_told(session, {.type = "loss", .topic = topic.name, .id = first, .lost = lost});
}

void Worker::tell(Session& session, const codec::Envelope& envelope) {
  append_told(session, envelope);
  queue_flush(session);
}

void Worker::append_told(Session& session, const codec::Envelope& envelope) {
  if (codec::is_envelope(session.wire())) return session.outbox.append(envelope_frame(session.wire(), envelope));
  std::string text, bytes;
  codec::append_envelope(text, codec::PayloadCodec::json, envelope);
  if (!codec::is_stream(session.wire())) {
    codec::append_websocket(bytes, codec::Opcode::text, text);
  } else if (session.wire() == codec::Wire::sse) {
    codec::append_sse(bytes, std::nullopt, envelope.type, text);
  } else {
    std::string plain;
    codec::append_sse(plain, std::nullopt, envelope.type, text);
    codec::append_deflated(bytes, plain);
  }
  session.outbox.append(codec::control_frame(std::move(bytes)));
}

void Worker::leave(Session& session, const TopicPtr& topic, bool grouped) {
  {
    const std::scoped_lock lock(topic->publishing);
    // What was published for it before it left is offered to it first, or nobody would account for it.
    take_inbox();
    if (grouped) {
      const auto group = std::ranges::find(topic->groups, session.conversation->group, &Group::name);
      if (group != topic->groups.end() && group->leave(index_, session.ref) && group->size() == 0)
        topic->groups.erase(group);
    } else {
      registry_.remove(*topic, index_, session.ref);
    }
    topics_.leave(*topic);
  }
  topics_.tidy(topic);
}

void Worker::unsubscribe_all(Session& session) {
  if (const TopicPtr topic = std::move(session.topic)) {
    leave(session, topic, session.conversation && !session.conversation->group.empty());
  }
  if (!session.conversation) return;
  for (const TopicPtr& topic : session.conversation->more) leave(session, topic, false);
  session.conversation->more.clear();
}

bool Worker::unsubscribe(Session& session, std::string_view name) {
  std::vector<TopicPtr>& more = session.conversation->more;
  const auto place = std::ranges::find(more, name, [](const TopicPtr& topic) { return std::string_view(topic->name); });
  if (place != more.end()) {
    const TopicPtr topic = std::move(*place);
    more.erase(place);
    leave(session, topic, false);
    return true;
  }
  if (!session.topic || session.topic->name != name) return false;
  const TopicPtr topic = std::move(session.topic);
  leave(session, topic, !session.conversation->group.empty());
  if (!more.empty()) {
    session.topic = std::move(more.back());
    more.pop_back();
  }
  return true;
}

void Worker::drain_inbox() {
  take_inbox();
  evict_marked();
}

void Worker::take_inbox() {
  finish_fanout();
  if (inbox_.empty()) return;
  inbox_.take(batch_);
  deliver_batch();
  count_lost();
}

void Worker::deliver_batch() {
  for (Delivery& delivery : batch_) {
    deliver(delivery);
    delivery = {};
  }
  batch_.clear();
}

void Worker::evict_marked() {
  if (to_evict_.empty()) return;
  // Evicting takes the inbox, which may mark more; those have their turn next time.
  for (const SessionRef ref : std::exchange(to_evict_, {})) {
    if (Session* session = find(ref); session != nullptr) evict(*session);
  }
}

void Worker::deliver(const Delivery& delivery) {
  const AtStage stage(Stage::enqueue);
  const ForMessage labels(delivery.message->topic, delivery.message->trace);
  std::array<const codec::Encoded*, codec::kWires> forms{};
  const auto form = [&](codec::Wire wire) -> const codec::Encoded& {
    const codec::Encoded*& made = forms[codec::index_of(wire)];
    if (made == nullptr) made = &encoded(*delivery.message, wire);
    return *made;
  };
  if (!delivery.sessions) {
    constexpr std::size_t kAhead = 4;
    const std::span<const LocalMember> members = per_core_->local(index_, *delivery.topic);
    for (std::size_t i = 0; i < members.size(); ++i) {
      if (i + kAhead < members.size()) __builtin_prefetch(&at(members[i + kAhead].session.slot).outbox);
      if (members[i].since >= delivery.message->id) continue;
      Session& session = at(members[i].session.slot);
      offer(session, *delivery.topic, form(session.wire()));
    }
    return;
  }
  for (const SessionRef ref : delivery.sessions->sessions) {
    Session* session = find(ref);
    const bool there = session != nullptr && session->stage == Session::Stage::live &&
                       (session->topic == delivery.topic || is_subscribed(*session, delivery.topic->name));
    if (there) {
      offer(*session, *delivery.topic, form(session->wire()));
    } else {
      ++counts_.wires[codec::index_of(ref.wire)].offered;
      count_dropped(ref.wire, Drop::left, 1);
    }
  }
}

void Worker::offer(Session& session, const Topic& topic, const codec::Encoded& frame) {
  ++account(session).offered;
  if (session.evicting) return count_dropped(session.wire(), Drop::evicted, 1);
  // Nobody is slow who has not been sent anything yet: many messages may come within one turn of the loop.
  if (!session.awaits_writable && session.outbox.would_drop(frame)) [[unlikely]]
    send_now(session);
  if (topic.policy.slow != SlowClient::drop_oldest) [[unlikely]] {
    if (topic.policy.slow == SlowClient::conflate) {
      count_dropped(session.wire(), Drop::conflated, session.outbox.conflate(frame));
    } else if (session.outbox.would_drop(frame)) {
      session.evicting = true;  // later: the registry is being walked
      to_evict_.push_back(session.ref);
      return count_dropped(session.wire(), Drop::evicted, 1);
    }
  }
  count_dropped(session.wire(), Drop::outbox_full, session.outbox.offer(frame));
  queue_flush(session);
}

void Worker::evict(Session& session) {
  if (codec::is_stream(session.wire())) return end(session, End::evicted);
  begin_close(session, codec::CloseCode::try_later, End::evicted, "reads too slowly");
}

void Worker::count_lost() {
  const Lost lost = inbox_.take_lost();
  if (!lost.any()) return;
  for (const codec::Wire wire : codec::kAllWires) {
    const std::uint64_t deliveries = lost.deliveries[codec::index_of(wire)];
    counts_.wires[codec::index_of(wire)].offered += deliveries;
    counts_.inbox_lost += deliveries > 0 ? 1 : 0;
    count_dropped(wire, Drop::inbox_full, deliveries);
  }
  for (const Lost::Messages& each : lost.messages) {
    counts_.inbox_lost += each.last_id - each.first_id + 1;
    for (const LocalMember& member : per_core_->local(index_, *each.topic)) {
      if (member.since >= each.last_id) continue;
      const std::uint64_t messages = each.last_id - std::max(member.since, each.first_id - 1);
      counts_.wires[codec::index_of(member.session.wire)].offered += messages;
      count_dropped(member.session.wire, Drop::inbox_full, messages);
    }
  }
}

void Worker::begin_close(Session& session, codec::CloseCode code, End cause, std::string_view reason) {
  unsubscribe_all(session);
  count_dropped(session.wire(), cause == End::evicted ? Drop::evicted : Drop::disconnected,
                session.outbox.clear_events());
  session.outbox.append(codec::websocket_close(code, reason));
  finish_sending(session, cause);
}

void Worker::finish_sending(Session& session, End cause) {
  session.stage = Session::Stage::closing;
  session.end = cause;
  session.deadline_tick = tick_ + kLingerSeconds + 1;
  queue_flush(session);
}

}  // namespace fanlight::server::hub
