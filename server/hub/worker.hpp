// One worker: a thread, its event loop, and the connections it owns. In: sockets, deliveries from its inbox. Out: bytes
// to subscribers, one gathered send per connection and loop turn.
#pragma once

#include <sys/epoll.h>
#include <sys/uio.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "collector/inprocess/inprocess.hpp"
#include "core/error.hpp"
#include "core/fd.hpp"
#include "server/codec/websocket.hpp"
#include "server/hub/inbox.hpp"
#include "server/hub/latency.hpp"
#include "server/hub/reading.hpp"
#include "server/hub/reception.hpp"
#include "server/hub/registry/registry.hpp"
#include "server/hub/send_buffer.hpp"
#include "server/hub/send_ring.hpp"
#include "server/hub/session.hpp"
#include "server/hub/topics.hpp"

namespace fanlight::server::hub {

/// What the server publishes to a collector that watches it (collector/inprocess). Threads: any.
struct Published {
  inprocess::Counter publishes{"publishes"};
  inprocess::Counter deliveries{"deliveries"};          // events that the kernel took whole
  inprocess::Counter dropped_frames{"dropped_frames"};  // all causes
  inprocess::Gauge connections{"connections"};          // subscribers
  /// From the publisher's request read to the event handed to the kernel; once per message and batch of sends.
  inprocess::HistogramMetric delivery_latency{"delivery_latency"};
};

/// What may change while the server runs.
struct WorkerLimits {
  std::chrono::seconds heartbeat{15};    // after that long without a byte sent
  std::chrono::seconds pong_window{10};  // for the answer to a ping
};

struct WorkerOptions {
  WorkerLimits limits;
  QueueKind queue = QueueKind::ring;
  std::size_t inbox_messages = 4096;
  bool edge_triggered = false;
  std::size_t flush_slice = 512;  // connections per loop turn
  SendMode send = SendMode::copy;
  int cpu = -1;  // pinned to it; -1: not
};

/// A subscription to make.
struct Order {
  std::string_view topic;
  codec::Wire wire = codec::Wire::sse;
  std::string_view group;  // empty: none
  Assignment how = Assignment::round_robin;
  std::optional<std::uint64_t> after;  // replay what came after this id
};

/// Threads: `run` is the thread; `wake`, `post`, `push`, `adopt_later` from any; everything else only on that thread,
/// or on one that knows the worker is not running.
class Worker {
 public:
  using Task = std::move_only_function<void()>;

  Worker(unsigned index, const WorkerOptions& options, AnyRegistry& registry, Topics& topics, Published& published);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker();

  unsigned index() const { return index_; }
  /// Once, before `run`. It outlives the worker's run.
  void set_reception(Reception& reception) { reception_ = &reception; }
  void set_limits(const WorkerLimits& limits) { options_.limits = limits; }
  const WorkerLimits& limits() const { return options_.limits; }
  std::uint32_t tick() const { return tick_; }

  /// The thread's function: names and pins the thread, samples it, and runs the loop until `finish`.
  void run();
  void post(Task task);
  /// Later, to a tenth of a second. On the worker's thread, or before it runs.
  void after(std::chrono::milliseconds delay, Task task);
  /// Of the deliveries since the last call; 0: none.
  double recent_p95_ns();
  /// A message for the worker's subscribers; then `wake`, which costs a system call only while the worker sleeps.
  void push(Delivery delivery) { inbox_.push(std::move(delivery)); }
  void wake();
  const Inbox& inbox() const { return inbox_; }

  /// Another descriptor to watch for input: the listener. `ready` runs on the worker's thread.
  void watch(int fd, std::function<void()> ready);
  void unwatch(int fd);

  /// A new connection, which the reception talks to first. Takes the descriptor.
  Session& adopt(Fd socket, Ticket ticket, SslPtr tls, void* address, std::uint32_t deadline_seconds);
  /// Null when it is gone.
  Session* find(SessionRef ref);

  /// Subscribes: from here on its messages queue up. What is replayed is queued before them, and a gap is told. Errors:
  /// as many topics as may be. The session turns live with its first subscription.
  Result<> subscribe(Session& session, const Order& order);
  /// Whether `subscribe` would find the group as it wants it. Errors: its members share in another way.
  static Result<> fits(Topic& topic, const Order& order);
  /// False when it was not subscribed to it.
  bool unsubscribe(Session& session, std::string_view topic);
  /// Counts as a subscriber from now on, of that wire form.
  void go_live(Session& session, codec::Wire wire, std::unique_ptr<Conversation> conversation);
  bool is_subscribed(const Session& session, std::string_view topic) const;
  std::size_t topics_of(const Session& session) const;

  /// Says something about a subscriber's topic, in its own form: an event named like the envelope's type, a text
  /// message of JSON, or an envelope.
  void tell(Session& session, const codec::Envelope& envelope);
  /// Queues a control frame or an answer; it leaves in this loop turn.
  void send(Session& session, const codec::Frame& frame);
  /// Unsubscribes, says goodbye over WebSocket, ends when all is sent.
  void begin_close(Session& session, codec::CloseCode code, End cause, std::string_view reason = {});
  /// Ends when all is sent.
  void finish_sending(Session& session, End cause);
  void end(Session& session, End cause);
  /// Bytes that came with the request.
  void on_bytes(Session& session, std::span<const std::byte> bytes);

  /// Unsubscribes everyone: queued events leave first, then WebSocket clients get a close frame 1001 and streams end.
  /// Connections without a request end. `advice`: how long a stream's client should stay away; null: not said.
  void begin_drain(const std::function<std::chrono::milliseconds()>& advice = nullptr);
  /// Ends all sessions at once; what was queued counts as dropped by shutdown.
  void end_all();
  /// Lets `run` return.
  void finish();

  /// Takes what is in the inbox, so that the numbers add up. Cost: O(sessions).
  WorkerReading reading();
  /// Sessions for `/admin`, the fullest outboxes first.
  struct Outline {
    SessionRef ref;
    std::string topic;
    std::size_t topics, frames, bytes;
    bool blocked;
  };
  std::vector<Outline> fullest(std::size_t most) const;

 private:
  static constexpr std::size_t kSlab = 256;

  Session& at(std::uint32_t slot) const { return slabs_[slot / kSlab][slot % kSlab]; }
  template <class Each>
  void each_session(Each&& each);

  // worker.cpp: the table and the loop
  void turn();
  void run_tasks();
  void handle(const epoll_event& event);
  void tend_some();
  void tend(Session& session);
  void free_slot(Session& session);
  bool idle() const;

  // worker_subscribe.cpp
  void unsubscribe_all(Session& session);
  void leave(Session& session, const TopicPtr& topic, bool grouped);
  void replay(Session& session, Topic& topic, std::uint64_t after);
  void tell_loss(Session& session, const Topic& topic, std::uint64_t lost, std::uint64_t first);
  void append_told(Session& session, const codec::Envelope& envelope);
  void count_dropped(codec::Wire wire, Drop cause, std::uint64_t events);
  WireReading& account(const Session& session) { return counts_.wires[codec::index_of(session.wire())]; }
  void drain_inbox();
  void take_inbox();
  void deliver_batch();
  void deliver(const Delivery& delivery);
  void evict_marked();

  // worker_fanout.cpp: the way without an outbox
  void deliver_some();
  void send_slice();
  void finish_fanout();
  void send_at_once(Session& session, const codec::Encoded& frame);
  void send_with_others(Session& session, const codec::Encoded& frame);
  void send_together();
  void went_at_once(Session& session, const codec::Encoded& frame, ssize_t took);
  void offer(Session& session, const Topic& topic, const codec::Encoded& frame);
  void evict(Session& session);
  void count_lost();

  // worker_io.cpp
  void on_event(Session& session, std::uint32_t events);
  void on_readable(Session& session);
  bool shake_hands(Session& session);
  ssize_t receive(Session& session);
  ssize_t transmit(Session& session, std::size_t& asked);
  void queue_flush(Session& session);
  void flush();
  void flush_one(Session& session);
  void send_now(Session& session);
  void flush_with_others(Session& session);
  void flush_together();
  void account_sent(Session& session, std::size_t sent);
  void not_taken(Session& session, int error);
  void await_writable(Session& session);
  void watch_writes(Session& session, bool on);
  void close_batch();
  void all_sent(Session& session);

  const unsigned index_;
  WorkerOptions options_;
  AnyRegistry& registry_;
  PerCoreRegistry* const per_core_;  // the registry, when it is that one
  Topics& topics_;
  Published& published_;
  Reception* reception_ = nullptr;

  Fd epoll_;
  Fd event_;
  struct Watched {
    int fd;
    std::function<void()> ready;
  };
  std::vector<Watched> watched_;
  std::array<epoll_event, 256> events_;

  std::mutex posting_;
  std::vector<Task> posted_;
  std::vector<Task> tasks_;  // the other buffer
  std::atomic<bool> any_posted_ = false;
  std::atomic<bool> sleeping_ = false;
  bool finished_ = false;
  struct Timer {
    std::uint64_t due_ns;
    Task task;
  };
  std::vector<Timer> timers_;  // a handful

  std::uint32_t tick_ = 1;          // seconds since start
  std::uint64_t next_tick_ns_ = 0;  // tenths of them
  unsigned tenth_ = 0;
  std::uint64_t delivered_before_ = 0;  // at the beginning of this second

  Inbox inbox_;
  std::vector<Delivery> batch_;
  Delivery fanout_;                // a message that is on its way to its subscribers one by one; null: none
  std::uint32_t fanout_slot_ = 0;  // where its next slice begins
  std::vector<std::unique_ptr<Session[]>> slabs_;
  std::vector<std::uint32_t> free_slots_;
  std::uint32_t slots_ = 0;
  std::vector<SessionRef> to_evict_;
  std::vector<SessionRef> to_flush_;
  std::size_t flushed_ = 0;  // of `to_flush_`

  WorkerReading counts_;
  KernelHistogram recent_;  // of `counts_.delivery_latency_ns`, since somebody asked
  LatencyBatch latency_;
  unsigned batch_sends_ = 0;
  std::uint64_t batch_deliveries_ = 0;
  std::vector<iovec> iovecs_;
  SendBuffer gathered_;
  std::optional<SendRing> ring_;  // none: sends one by one
  struct Sending {
    SessionRef session;
    const codec::Encoded* frame = nullptr;  // null: what its outbox holds
    std::size_t bytes = 0;
    int took = 0;
  };
  std::vector<Sending> sending_, sent_;          // what is queued in `ring_`, in its order; and what was
  codec::Wire sending_wire_ = codec::Wire::sse;  // of all of them
  std::array<std::byte, 16 * 1024> received_;
};

}  // namespace fanlight::server::hub
