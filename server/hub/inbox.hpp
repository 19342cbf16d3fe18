// What publishers leave for one worker. In: messages, and for whom. Out: the same, in the order they came.
#pragma once

#include <array>
#include <atomic>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "server/codec/message.hpp"
#include "server/hub/subscriber.hpp"
#include "server/hub/topic.hpp"
#include "server/memory/ring.hpp"

namespace fanlight::server::hub {

/// One message for one worker.
struct Delivery {
  codec::MessagePtr message;  // null: nothing
  TopicPtr topic;
  SessionListPtr sessions;  // null: all that the worker has for the topic
};

/// A bounded queue with many writers; the worker takes.
template <class Q>
concept DeliveryQueue = requires(Q queue, Delivery& delivery, std::vector<Delivery>& into) {
  { queue.try_push(delivery) } -> std::same_as<bool>;
  queue.take(into);
  { queue.size() } -> std::convertible_to<std::size_t>;
};

/// A vector that grows up to its bound, behind a mutex; taking swaps it for the emptied one of last time.
class VectorQueue {
 public:
  explicit VectorQueue(std::size_t capacity) : capacity_(capacity) {}
  bool try_push(Delivery& delivery) {
    const std::scoped_lock lock(mutex_);
    if (waiting_.size() >= capacity_) return false;
    waiting_.push_back(std::move(delivery));
    return true;
  }
  /// `into` is empty and keeps its memory.
  void take(std::vector<Delivery>& into) {
    const std::scoped_lock lock(mutex_);
    std::swap(into, waiting_);
  }
  std::size_t size() const {
    const std::scoped_lock lock(mutex_);
    return waiting_.size();
  }

 private:
  const std::size_t capacity_;
  mutable std::mutex mutex_;
  std::vector<Delivery> waiting_;
};

/// The lock-free ring, allocated once.
class RingQueue {
 public:
  explicit RingQueue(std::size_t capacity) : ring_(capacity) {}
  bool try_push(Delivery& delivery) { return ring_.try_push(delivery); }
  void take(std::vector<Delivery>& into) {
    Delivery delivery;
    // Bounded, so that a publisher faster than everyone cannot hold the worker here.
    for (std::size_t i = 0; i < ring_.capacity() && ring_.try_pop(delivery); ++i) into.push_back(std::move(delivery));
  }
  std::size_t size() const { return ring_.size(); }

 private:
  memory::Ring<Delivery> ring_;
};
static_assert(DeliveryQueue<VectorQueue> && DeliveryQueue<RingQueue>);

enum class QueueKind : std::uint8_t { vector, ring };
inline constexpr std::array<std::string_view, 2> kQueueNames = {"vector", "ring"};

/// What a full inbox did not take.
struct Lost {
  /// Messages of one topic with consecutive ids.
  struct Messages {
    TopicPtr topic;
    std::uint64_t first_id = 0;
    std::uint64_t last_id = 0;
  };
  std::array<std::uint64_t, codec::kWires> deliveries{};  // whose sessions the publisher knew
  std::vector<Messages> messages;                         // whose sessions the worker knows

  bool any() const;
};

/// One worker's queue, and the note of what did not fit: the newest is lost, and the worker counts it for its sessions.
class Inbox {
 public:
  Inbox(QueueKind kind, std::size_t max_messages);

  /// False when it was full. Threads: any.
  bool push(Delivery delivery);
  /// Appends all that waits to `into`. Threads: the owning worker's.
  void take(std::vector<Delivery>& into);
  /// What was lost since the last time. Threads: the owning worker's. Cost: one load when nothing was.
  Lost take_lost();
  std::size_t size() const;
  bool empty() const { return size() == 0 && !any_lost_.load(std::memory_order_acquire); }

 private:
  std::variant<std::unique_ptr<VectorQueue>, std::unique_ptr<RingQueue>> queue_;
  std::atomic<bool> any_lost_ = false;
  std::mutex losing_;
  Lost lost_;
};

}  // namespace fanlight::server::hub
