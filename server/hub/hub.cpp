#include "server/hub/hub.hpp"

#include <algorithm>

#include "server/codec/sse.hpp"
#include "server/codec/websocket.hpp"

namespace fanlight::server::hub {

Hub::Hub(const HubOptions& options) : registry_(std::max(options.workers, 1u), options.max_topics) {
  for (unsigned i = 0; i < std::max(options.workers, 1u); ++i) {
    workers_.push_back(std::make_unique<Worker>(i, options.worker, registry_, published_));
  }
}

Receipt Hub::publish(std::string_view topic, std::string_view payload, std::uint64_t published_ns) {
  std::array<std::shared_ptr<codec::Encoded>, codec::kWires> forms;
  const auto form = [&](codec::Wire wire) -> const std::shared_ptr<codec::Encoded>& {
    auto& made = forms[codec::index_of(wire)];
    if (!made) {
      made = wire == codec::Wire::sse ? codec::encode_sse(payload, published_ns)
                                      : codec::encode_websocket(payload, published_ns);
      encoded_[codec::index_of(wire)].fetch_add(1, std::memory_order_relaxed);
    }
    return made;
  };
  // The payload is copied before the lock is taken. A form that nobody used when we looked is made under the lock.
  for (const codec::Wire wire : codec::kAllWires) {
    if (registry_.in_use(wire)) form(wire);
  }

  thread_local std::vector<Worker*> to_wake;
  to_wake.clear();
  Receipt receipt;
  registry_.lookup(topic, [&](std::uint64_t id, const MutexRegistry::Subscribers& subscribers) {
    receipt.id = id;
    bool id_set = false;
    for (const auto& worker : workers_) {
      bool wake = false;
      for (const codec::Wire wire : codec::kAllWires) {
        const auto sessions = subscribers.of(worker->index(), wire);
        if (sessions.empty()) continue;
        receipt.subscribers += sessions.size();
        const auto& frame = form(wire);
        if (wire == codec::Wire::sse && !std::exchange(id_set, true)) codec::set_sse_id(*frame, id);
        wake |= worker->inbox().push(frame, wire, sessions);
      }
      if (wake) to_wake.push_back(worker.get());
    }
  });
  for (Worker* worker : to_wake) worker->wake();

  messages_.fetch_add(1, std::memory_order_relaxed);
  bytes_.fetch_add(payload.size(), std::memory_order_relaxed);
  published_.publishes.add();
  return receipt;
}

PublishReading Hub::published() const {
  PublishReading reading;
  reading.messages = messages_.load(std::memory_order_relaxed);
  reading.bytes = bytes_.load(std::memory_order_relaxed);
  for (std::size_t i = 0; i < codec::kWires; ++i) reading.encoded[i] = encoded_[i].load(std::memory_order_relaxed);
  return reading;
}

}  // namespace fanlight::server::hub
