// The middle of the server. In: messages for topics, and connections that subscribe. Out: deliveries in workers'
// inboxes.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/hub/designs.hpp"
#include "server/hub/slots.hpp"
#include "server/hub/worker.hpp"

namespace fanlight::server::hub {

struct HubOptions {
  unsigned workers = 1;             // 64 at most
  std::size_t max_topics = 65'536;  // with subscribers, at one time
  TopicPolicies policies;
  const Designs* designs = &hot_designs();  // hold the two that are chosen here
  RegistryKind registry = RegistryKind::per_core;
  unsigned shards = 0;  // of the sharded registry; 0: dynamic
  DispatchKind dispatch = DispatchKind::inline_;
  codec::PayloadCodec codec = codec::PayloadCodec::raw;
  std::size_t slots = 16;
  bool pin = false;  // worker N to CPU N
  WorkerOptions worker;
};

/// A message to publish. The views are read before `publish` returns.
struct Post {
  std::string_view topic;
  std::string_view payload;
  std::string_view event;
  std::string_view key;
  std::uint64_t published_ns = 0;
  fanlight_trace trace{};  // of the request
};

/// What became of a message.
struct Receipt {
  std::uint64_t id = 0;         // grows within a topic
  std::size_t subscribers = 0;  // whom it goes to: of a group one member
};

/// Counted by publishers, on whatever thread they run.
struct PublishReading {
  std::uint64_t messages = 0;
  std::uint64_t bytes = 0;                             // of payload
  std::uint64_t addressed = 0;                         // deliveries: the sum of all receipts' subscribers
  std::array<std::uint64_t, codec::kWires> encoded{};  // frames made, by wire form
};

/// The topics, the registry and the workers; threads run the workers elsewhere. Threads: any.
class Hub {
 public:
  explicit Hub(const HubOptions& options);
  Hub(const Hub&) = delete;
  Hub& operator=(const Hub&) = delete;
  ~Hub();

  std::size_t workers() const { return workers_.size(); }
  Worker& worker(std::size_t index) { return *workers_[index]; }
  Topics& topics() { return topics_; }
  Slots& slots() { return slots_; }
  AnyDispatch& dispatcher() { return *dispatcher_; }
  RegistryReading registry() const { return registry_->reading(); }

  /// Leaves the message with every worker that has subscribers. Messages of one topic reach each subscriber in the
  /// order of their ids; each wire form is made once, by the first who needs it. Cost: no allocation in the steady
  /// state; one lock of the topic, held for one look into the registry and a push per worker.
  Receipt publish(const Post& post);
  /// The same on the dispatcher's threads: `done` is called there with the receipt.
  void submit(std::string topic, std::string payload, std::string event, std::string key, std::uint64_t published_ns,
              const fanlight_trace& trace, std::move_only_function<void(Receipt)> done);

  /// Once a second, from one thread: lets the registry follow the load.
  void adapt(double qps, double p95_ms) { registry_->adapt(qps, p95_ms); }

  PublishReading published() const;
  /// Connections between accept and close, of all kinds.
  std::size_t open_connections() const { return open_.load(std::memory_order_relaxed); }
  Ticket ticket() { return Ticket(open_); }

 private:
  const codec::PayloadCodec codec_;
  const bool remembers_;               // topics keep a history
  std::atomic<std::size_t> open_ = 0;  // before the workers: sessions hold tickets on it
  Published published_;
  codec::FormCounts encoded_{};
  Topics topics_;
  Slots slots_;
  std::unique_ptr<AnyRegistry> registry_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::atomic<std::uint64_t> messages_ = 0;
  std::atomic<std::uint64_t> bytes_ = 0;
  std::atomic<std::uint64_t> addressed_ = 0;
  std::unique_ptr<AnyDispatch> dispatcher_;  // last: its threads publish
};

}  // namespace fanlight::server::hub
