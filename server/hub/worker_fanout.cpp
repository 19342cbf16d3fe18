// The half of `Worker` that sends one message to everybody at once, past the outboxes.
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "server/hub/stages.hpp"
#include "server/hub/worker.hpp"

namespace fanlight::server::hub {
namespace {

constexpr std::size_t kFewAnswers = 64;  // that leave before a message begins its way
constexpr std::size_t kAhead = 8;        // rows fetched into the cache before their turn

}  // namespace

/// While messages come one at a time, each is sent as its subscribers are walked: queueing it first would touch every
/// row twice, a whole fan-out apart. As soon as more wait, they are queued and coalesced, which then is cheaper.
void Worker::deliver_some() {
  if (fanout_.message && inbox_.empty()) return send_slice();
  if (!fanout_.message && to_flush_.size() - flushed_ <= kFewAnswers && inbox_.size() == 1) {
    flush();
    inbox_.take(batch_);
    if (batch_.size() == 1 && !batch_.front().sessions) {
      fanout_ = std::exchange(batch_.front(), {});
      fanout_slot_ = 0;
      batch_.clear();
      return send_slice();
    }
    deliver_batch();
  }
  drain_inbox();
}

void Worker::send_slice() {
  const codec::Message& message = *fanout_.message;
  const AtStage stage(Stage::send);
  const ForMessage labels(message.topic, message.trace);
  ForConnection connection;
  const std::span<const LocalMember> members = per_core_->local(index_, *fanout_.topic);
  const auto slot_of = [](const LocalMember& member) { return member.session.slot; };
  auto member = std::ranges::lower_bound(members, fanout_slot_, {}, slot_of);
  for (std::size_t left = options_.flush_slice; member != members.end() && left > 0; ++member, --left) {
    if (members.end() - member > static_cast<std::ptrdiff_t>(kAhead))
      __builtin_prefetch(&at(slot_of(member[kAhead])), 1);
    if (member->since >= message.id) continue;
    Session& session = at(slot_of(*member));
    const codec::Encoded& frame = encoded(message, session.wire());
    if (!session.idle_and_plain()) {
      offer(session, *fanout_.topic, frame);
      continue;
    }
    if (ring_ && session.wire() != sending_wire_) send_together();
    connection.become(session.wire());
    if (ring_) {
      send_with_others(session, frame);
    } else {
      send_at_once(session, frame);
    }
  }
  send_together();
  if (member != members.end()) {
    fanout_slot_ = slot_of(*member);
  } else {
    fanout_ = {};
  }
  close_batch();
  evict_marked();
}

void Worker::finish_fanout() {
  if (!fanout_.message) return;
  const Delivery rest = std::exchange(fanout_, {});
  const AtStage stage(Stage::enqueue);
  const ForMessage labels(rest.message->topic, rest.message->trace);
  for (const LocalMember& member : per_core_->local(index_, *rest.topic)) {
    if (member.session.slot < fanout_slot_ || member.since >= rest.message->id) continue;
    Session& session = at(member.session.slot);
    offer(session, *rest.topic, rest.message->form(session.wire()));
  }
}

void Worker::send_at_once(Session& session, const codec::Encoded& frame) {
  const std::string_view bytes = frame.bytes();
  const ssize_t took = ::send(session.fd, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  went_at_once(session, frame, took < 0 ? -errno : took);
}

void Worker::send_with_others(Session& session, const codec::Encoded& frame) {
  ring_->add(session.fd, frame.bytes());
  sending_.push_back({.session = session.ref, .frame = &frame});
  sending_wire_ = session.wire();
  if (ring_->full()) send_together();
}

void Worker::send_together() {
  if (sending_.empty()) return;
  ring_->submit([&](unsigned which, int took) {
    const Sending& each = sending_[which];
    went_at_once(at(each.session.slot), *each.frame, took);
  });
  sending_.clear();
}

/// `took`: bytes, or an errno value below 0.
void Worker::went_at_once(Session& session, const codec::Encoded& frame, ssize_t took) {
  WireReading& counts = account(session);
  ++counts.offered;
  ++counts_.sends;
  if (took == static_cast<ssize_t>(frame.bytes().size())) [[likely]] {
    ++counts.delivered;
    counts.bytes_sent += frame.bytes().size();
    session.sent_tick = tick_;
    latency_.add(frame.published_ns);
    ++batch_deliveries_;
    if (++batch_sends_ >= LatencyBatch::kSends) close_batch();
    return;
  }
  session.outbox.append(frame);
  if (took > 0) {
    counts.bytes_sent += static_cast<std::uint64_t>(took);
    session.sent_tick = tick_;
    session.outbox.sent(static_cast<std::size_t>(took), [](const codec::Encoded&) {});
    return await_writable(session);
  }
  if (took == -EAGAIN || took == -EWOULDBLOCK) {
    ++counts_.would_block;
    return await_writable(session);
  }
  queue_flush(session);  // where a broken connection ends: here its topic's subscribers are being walked
}

}  // namespace fanlight::server::hub
