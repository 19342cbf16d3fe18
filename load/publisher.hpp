// The publishing side of a run. In: a schedule. Out: messages published as they fall due, and an account of each.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "core/fd.hpp"
#include "load/endpoint.hpp"
#include "load/plan.hpp"
#include "load/publish_talk.hpp"
#include "load/published.hpp"
#include "load/receiver.hpp"
#include "load/schedule.hpp"
#include "load/shared.hpp"
#include "load/wire.hpp"

namespace fanlight::load {

/// A change of plan, left by whoever asks and taken by the publisher. Threads: any.
class Mailbox {
 public:
  /// False when no further change can be followed.
  bool put(Phase phase, const Board& board);
  std::optional<Phase> take();

 private:
  std::mutex mutex_;
  std::optional<Phase> phase_;
};

/// Publishes every message over whichever connection is free, one at a time on each; a message that finds none waits
/// and is late by its own clock. Threads: `connect` and then `run` in one; the result afterwards.
class Publisher {
 public:
  /// `tls` may be null where the endpoint needs none. Without publishers in the plan it only keeps time.
  Publisher(const Plan& plan, const Endpoint& endpoint, SSL_CTX* tls, const Expectation& expectation, Shared& shared,
            Mailbox& mailbox);

  /// Opens all connections, waiting for each. Errors: one could not be opened.
  Result<> connect();
  /// Runs the schedule from `start_ns` (warm-up first), then waits for answers, `plan.drain` at most.
  void run(std::uint64_t start_ns);
  const Published& result() const { return result_; }

 private:
  enum class State : std::uint8_t { broken, connecting, securing, greeting, idle, sending, waiting };
  struct Connection {
    Wire wire;
    std::optional<PublishTalk> talk;
    State state = State::broken;
    std::uint8_t index = 0;
    std::uint32_t sequence = 0;
    std::uint64_t since_ns = 0;  // when it became idle, or broke
    std::uint64_t sent_ns = 0;
    std::size_t phase = 0;  // of the message that it carries
    bool measured = false;  // that message
    bool open = false;      // connected
    std::string out;
    std::size_t out_sent = 0;
    std::string in;  // an answer that is not whole yet
    std::string last_cause;

    bool carries() const { return state == State::sending || state == State::waiting; }
  };

  Result<> begin(Connection& connection);
  void watch(Connection& connection);
  void go_on_connecting(Connection& connection);
  void become_idle(Connection& connection, std::uint64_t now_ns);
  void send_due(std::uint64_t now_ns);
  void send_closed_loop(std::uint64_t now_ns);
  void post(Connection& connection, std::uint64_t due_ns, std::size_t phase, std::uint64_t now_ns);
  void flush(Connection& connection);
  void on_events(Connection& connection, std::uint32_t events);
  void on_bytes(Connection& connection, std::string_view bytes);
  void on_end(Connection& connection);
  void on_outcome(Connection& connection, bool accepted, const std::string& cause);
  void fail_message(Connection& connection, const std::string& cause);
  void set_open(Connection& connection, bool open);
  void revive(std::uint64_t now_ns);
  bool busy() const;
  void prepare(std::uint64_t start_ns);
  void follow_board(std::uint64_t now_ns);
  void wait_for_events(std::uint64_t until_ns);
  std::uint64_t next_wake_ns(std::uint64_t now_ns, std::uint64_t deadline_ns) const;
  void settle();

  const Plan& plan_;
  const Endpoint& endpoint_;
  SSL_CTX* tls_;
  const Expectation& expectation_;
  Shared& shared_;
  Mailbox& mailbox_;
  Fd epoll_;
  std::vector<Connection> connections_;
  std::vector<Connection*> idle_;
  std::size_t open_ = 0;  // connections
  std::string message_;
  std::uint64_t measure_from_ns_ = kNever;
  Schedule schedule_{0};
  std::uint64_t next_ = 0;  // message to send
  Published result_;
};

}  // namespace fanlight::load
