#include "server/hub/inbox.hpp"

#include <algorithm>

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
    const auto same = std::ranges::find(lost_.messages, delivery.topic, &std::pair<TopicPtr, std::uint64_t>::first);
    if (same != lost_.messages.end()) {
      ++same->second;
    } else {
      lost_.messages.emplace_back(std::move(delivery.topic), 1);
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
