// One worker's reception: HTTP until a connection becomes a subscriber, and what WebSocket clients say. In: bytes. Out:
// answers, subscriptions, messages to publish.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "core/histogram.hpp"
#include "server/codec/request_head.hpp"
#include "server/hub/hub.hpp"
#include "server/limits/retry_advice.hpp"
#include "server/net/answer.hpp"
#include "server/net/options.hpp"
#include "server/net/route.hpp"

namespace fanlight::server::net {

/// Counters of one worker's HTTP side.
struct DeskReading {
  std::map<unsigned, std::uint64_t> answers;  // by status; 101 and the 200 of a stream included
  std::uint64_t accepted = 0;
  std::uint64_t refused = 0;          // more connections than may be
  std::uint64_t refused_address = 0;  // more than one address may have
  std::uint64_t refused_rate = 0;     // faster than one address may come
  std::uint64_t timeouts = 0;         // requests that did not arrive in time
  std::uint64_t disconnects = 0;      // in the middle of a request or of its answer
  std::uint64_t accept_errors = 0;    // out of descriptors, most likely
  std::uint64_t tls_failures = 0;
  std::uint64_t unread = 0;          // connections that were cut for asking on without reading the answers
  RefusalCounts refusals{};          // answers of 400 and above, by cause
  std::uint64_t commands = 0;        // of WebSocket clients
  RefusalCounts command_refusals{};  // commands, or parts of them, that were not done
  std::array<std::uint64_t, kSnapshotNames.size()> snapshots{};  // given, by source
  KernelHistogram parse_ns;                                      // of request heads that were whole in one read

  void add(const DeskReading& other);
};

class HttpExchange;

/// What every desk asks the server for; runs its callback on the worker that asked.
struct Office {
  const Options& options;
  std::atomic<bool>& stopping;
  Snapshots* snapshots;  // null: there is no origin
  /// The pages that need every worker: /metrics and /admin.
  std::function<void(hub::Worker& asker, Endpoint page, std::function<void(std::string)> done)> page;
};

/// Threads: its worker's only. Outlives every connection of its worker.
class Desk final : public hub::Reception {
 public:
  Desk(hub::Hub& hub, hub::Worker& worker, const Office& office);

  void on_bytes(hub::Session& session, std::span<const std::byte> bytes) override;
  void on_sent(hub::Session& session) override;
  void on_overdue(hub::Session& session) override;
  void on_gone(hub::Session& session) override;
  void on_message(hub::Session& session, std::string payload, bool text) override;

  void set_limits(const Limits& limits);
  /// Connections between requests end now; those inside one end after its answer; subscribers are told.
  void begin_drain();
  /// Answers 503 to a connection that is one too many, whatever it asks.
  void refuse(hub::Session& session, Refusal cause, std::string_view error, std::string_view hint);

  hub::Worker& worker() { return worker_; }
  DeskReading counts;
  limits::RetryAdvice retry;

 private:
  struct Asked {
    const codec::RequestHead& head;
    Route route;
    std::string_view body;
    bool keep;
  };

  std::size_t take_requests(hub::Session& session, std::string_view bytes);
  void feed(hub::Session& session);
  bool parse_with_beast(hub::Session& session, HttpExchange& exchange);
  void handle(hub::Session& session, const Asked& asked);
  void answer(hub::Session& session, Answer answer, bool keep, bool head_only = false);
  void answer_later(hub::Session& session, bool keep);

  // subscribe.cpp
  void become_stream(hub::Session& session, const Asked& asked);
  void become_websocket(hub::Session& session, const Asked& asked);
  std::optional<Answer> no_room(const hub::Order& order);
  std::optional<Answer> objection(const Asked& asked, limits::Right right, std::string_view topic);

  // snapshot.cpp
  /// Calls `use` on this worker's thread, later.
  void with_snapshot(const std::string& topic, std::function<void(const Snapshot&)> use);
  Snapshot newest_of(std::string_view name);
  void answer_snapshot(hub::Session& session, const Asked& asked);
  void begin_with_snapshot(const hub::Session& session, std::string_view topic);

  // publish.cpp
  void publish(hub::Session& session, const Asked& asked);
  bool may_publish_now(const hub::Session& session);
  void run_commands(hub::Session& session, std::string_view payload);
  void say(hub::Session& session, const codec::Envelope& envelope);

  hub::Hub& hub_;
  hub::Worker& worker_;
  const Office office_;
  Limits limits_;
};

}  // namespace fanlight::server::net
