// One worker: a thread, its event loop, and the subscribers it owns. In: sockets past their handshake, batches from its
// inbox. Out: bytes to subscribers, one gathered send per connection and loop turn.
#pragma once

#include <sys/uio.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "collector/inprocess/inprocess.hpp"
#include "core/error.hpp"
#include "server/codec/websocket.hpp"
#include "server/hub/inbox.hpp"
#include "server/hub/latency.hpp"
#include "server/hub/mutex_registry.hpp"
#include "server/hub/reading.hpp"
#include "server/hub/session.hpp"

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

struct WorkerOptions {
  std::size_t outbox_frames = 256;     // per subscriber
  std::chrono::seconds heartbeat{15};  // after that long without a byte sent
};

/// Threads: `run` is the thread; `wake`, `inbox` and `context` from any; everything else only on that thread.
class Worker {
 public:
  Worker(unsigned index, const WorkerOptions& options, MutexRegistry& registry, Published& published);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  unsigned index() const { return index_; }
  boost::asio::io_context& context() { return context_; }
  Inbox& inbox() { return inbox_; }

  /// The thread's function: names the thread worker-N, samples it, and runs the loop until `finish`.
  void run();
  /// Something is in the inbox.
  void wake();

  /// Subscribes a connection that is still in its handshake: from here on its frames queue up, so that a client which
  /// has seen the answer misses nothing. Errors: the registry is full.
  Result<SessionRef> join(std::string_view topic, codec::Wire wire, Ticket ticket);
  /// The answer is on the wire: the session goes live. `early`: what the client sent behind its request.
  void start(SessionRef session, boost::asio::ip::tcp::socket socket, std::span<const std::byte> early);
  /// The answer could not be sent.
  void abandon(SessionRef session);

  /// Unsubscribes everyone: queued events leave first, then WebSocket clients get a close frame 1001 and streams end.
  void begin_drain();
  /// Ends all sessions at once; what was queued counts as dropped by shutdown.
  void end_all();
  /// Lets `run` return once nothing is left to do.
  void finish();

  /// Consistent in itself, since nothing else runs meanwhile. Cost: O(sessions).
  WorkerReading reading() const;

 private:
  Session* find(SessionRef ref);
  void free_slot(Session& session);
  void unsubscribe(Session& session);
  void count_dropped(codec::Wire wire, Drop cause, std::uint64_t events);
  WireReading& account(const Session& session) { return counts_.wires[codec::index_of(session.wire)]; }

  void drain_inbox();
  void on_tick();
  void schedule_tick();
  void tend(Session& session);

  void await_readable(Session& session);
  void on_readable(SessionRef ref);
  void on_bytes(Session& session, std::span<const std::byte> bytes);
  void queue_flush(Session& session);
  void flush();
  void flush_one(Session& session);
  void await_writable(Session& session);
  void close_batch();

  void begin_close(Session& session, codec::CloseCode code, End end);
  void all_sent(Session& session);
  void end(Session& session, End end);

  const unsigned index_;
  const WorkerOptions options_;
  MutexRegistry& registry_;
  Published& published_;
  boost::asio::io_context context_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{context_.get_executor()};
  boost::asio::steady_timer ticker_{context_};
  std::uint32_t tick_ = 1;  // seconds since start

  Inbox inbox_;
  Inbox::Batch batch_;                              // the inbox's other buffer
  std::vector<std::unique_ptr<Session>> sessions_;  // by slot
  std::vector<std::uint32_t> generations_;          // by slot
  std::vector<std::uint32_t> free_slots_;
  std::vector<SessionRef> to_flush_;
  std::size_t flushed_ = 0;  // of `to_flush_`
  bool flush_posted_ = false;

  WorkerReading counts_;
  LatencyBatch latency_;
  unsigned batch_sends_ = 0;
  std::uint64_t batch_deliveries_ = 0;
  std::vector<iovec> iovecs_;
  std::array<std::byte, 16 * 1024> received_;
};

}  // namespace fanlight::server::hub
