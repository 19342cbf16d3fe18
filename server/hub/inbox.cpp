#include "server/hub/inbox.hpp"

#include <algorithm>
#include <span>

namespace fanlight::server::hub {
namespace {

std::variant<std::unique_ptr<VectorQueue>, std::unique_ptr<RingQueue>> make_queue(QueueKind kind, std::size_t size) {
  if (kind == QueueKind::vector) return std::make_unique<VectorQueue>(size);
  return std::make_unique<RingQueue>(size);
}

}  // namespace

Inbox::Inbox(QueueKind kind, std::size_t max_messages) : queue_(make_queue(kind, max_messages)) {}

bool Lost::any() const {
  return !messages.empty() || std::ranges::any_of(deliveries, [](std::uint64_t count) { return count > 0; });
}

bool Inbox::push(Delivery delivery) {
  if (std::visit([&](auto& queue) { return queue->try_push(delivery); }, queue_)) return true;
  const std::scoped_lock lock(losing_);
  if (delivery.sessions) {
    for (const SessionRef& session : delivery.sessions->sessions) ++lost_.deliveries[codec::index_of(session.wire)];
  } else {
    // A topic's messages come in the order of their ids; few topics lose at one time, so that a short look finds the
    // run.
    constexpr std::size_t kLook = 16;
    const std::uint64_t id = delivery.message->id;
    const std::span<Lost::Messages> all(lost_.messages);
    const auto latest = all.last(std::min(kLook, all.size()));
    const auto same = std::ranges::find_if(
        latest, [&](const Lost::Messages& each) { return each.topic == delivery.topic && each.last_id + 1 == id; });
    if (same != latest.end()) {
      same->last_id = id;
    } else {
      lost_.messages.push_back({.topic = std::move(delivery.topic), .first_id = id, .last_id = id});
    }
  }
  any_lost_.store(true, std::memory_order_release);
  return false;
}

void Inbox::take(std::vector<Delivery>& into) {
  std::visit([&](auto& queue) { queue->take(into); }, queue_);
}

Lost Inbox::take_lost() {
  if (!any_lost_.load(std::memory_order_acquire)) return {};
  const std::scoped_lock lock(losing_);
  any_lost_.store(false, std::memory_order_release);
  return std::exchange(lost_, {});
}

std::size_t Inbox::size() const {
  return std::visit([](const auto& queue) { return queue->size(); }, queue_);
}

}  // namespace fanlight::server::hub
