// The middle of the server. In: messages for topics, and connections that subscribe. Out: frames in workers' inboxes.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "server/hub/mutex_registry.hpp"
#include "server/hub/worker.hpp"

namespace fanlight::server::hub {

struct HubOptions {
  unsigned workers = 1;
  std::size_t max_topics = 65'536;  // with subscribers, at one time
  WorkerOptions worker;
};

/// What became of a message.
struct Receipt {
  std::uint64_t id = 0;  // grows within a topic
  std::size_t subscribers = 0;
};

/// Counted by publishers, on whatever thread they run.
struct PublishReading {
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;                             // of payload
  std::array<std::uint64_t, codec::kWires> encoded{};  // frames made, by wire form
};

/// The registry and the workers; threads run the workers elsewhere. Threads: any.
class Hub {
 public:
  explicit Hub(const HubOptions& options);
  Hub(const Hub&) = delete;
  Hub& operator=(const Hub&) = delete;

  std::size_t workers() const { return workers_.size(); }
  Worker& worker(std::size_t index) { return *workers_[index]; }
  const MutexRegistry& registry() const { return registry_; }

  /// Encodes the message once per wire form that anyone uses, and leaves it with every worker that has subscribers.
  /// Messages of one topic reach each subscriber in the order of their ids. Cost: one allocation per wire form, one
  /// lock of the registry, 8 bytes copied per subscriber.
  Receipt publish(std::string_view topic, std::string_view payload, std::uint64_t published_ns);

  PublishReading published() const;
  /// Connections between accept and close, of all kinds.
  std::size_t open_connections() const { return open_.load(std::memory_order_relaxed); }
  Ticket ticket() { return Ticket(open_); }

 private:
  std::atomic<std::size_t> open_ = 0;  // first: sessions hold tickets on it
  Published published_;
  MutexRegistry registry_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::atomic<std::uint64_t> messages_ = 0;
  std::atomic<std::uint64_t> bytes_ = 0;
  std::array<std::atomic<std::uint64_t>, codec::kWires> encoded_{};
};

}  // namespace fanlight::server::hub
