// The publishing side of a run. In: a schedule. Out: messages posted as they fall due, and an account of each.
#pragma once

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "core/fd.hpp"
#include "load/endpoint.hpp"
#include "load/http_response.hpp"
#include "load/plan.hpp"
#include "load/schedule.hpp"
#include "load/shared.hpp"
#include "load/tally.hpp"

namespace fanlight::load {

/// scheduled = accepted + refused + failed + unanswered + unsent(), in the measured part of the run.
struct Published {
  std::uint64_t scheduled = 0;             // fell due
  std::uint64_t accepted = 0;              // answered 2xx: every subscriber should receive these
  std::uint64_t refused = 0;               // answered otherwise
  std::uint64_t failed = 0;                // the connection broke; some may have been delivered all the same
  std::uint64_t unanswered = 0;            // sent, no answer when the run ended
  std::uint64_t unsent_busy = 0;           // due, but every connection was waiting for the server until the run ended
  std::uint64_t unsent_no_connection = 0;  // due when there was none, and none came back
  std::map<std::string, std::uint64_t> causes;  // of refused and failed
  Latencies answer;                             // ns from sent to answered
  Latencies wait;                               // ns from due to sent: the server's slow answers and our own slip
  Latencies queued;            // ns from due until a connection was free: the part of `wait` that is not slip
  Latencies slip;              // ns from the first moment a message could be sent to when it was: ours alone
  std::uint64_t begin_ns = 0;  // of the measured part
  std::uint64_t end_ns = 0;

  std::uint64_t unsent() const { return unsent_busy + unsent_no_connection; }
};

/// Posts every message over whichever connection is free, one at a time on each; a message that finds none waits and
/// is late by its own clock. Threads: `connect` and then `run` in one; the result afterwards.
class Publisher {
 public:
  Publisher(const Plan& plan, const Endpoint& endpoint, const Expectation& expectation, Shared& shared);

  /// Opens all connections, waiting for each. Errors: one could not be opened.
  Result<> connect();
  /// Runs the schedule from `start_ns` (warm-up first), then waits for answers, `plan.drain` at most.
  void run(std::uint64_t start_ns);
  const Published& result() const { return result_; }

 private:
  enum class Phase : std::uint8_t { broken, connecting, idle, sending, waiting };
  struct Connection {
    Fd fd;
    Phase phase = Phase::broken;
    std::uint16_t index = 0;
    std::uint64_t sequence = 0;
    std::uint64_t since_ns = 0;  // when it became idle, or broke
    std::uint64_t sent_ns = 0;
    bool measured = false;  // the message that it carries
    bool open = false;      // connected
    std::string out;
    std::size_t out_sent = 0;
    ResponseReader reader;
  };

  Result<> begin(Connection& connection);
  void watch(Connection& connection, bool write);
  void send_due(std::uint64_t now_ns);
  void post(Connection& connection, std::uint64_t due_ns, std::uint64_t now_ns);
  void flush(Connection& connection);
  void on_events(Connection& connection, std::uint32_t events);
  void on_answer(Connection& connection);
  void fail_message(Connection& connection, const std::string& cause);
  void set_open(Connection& connection, bool open);
  void revive(std::uint64_t now_ns);
  bool busy() const;
  std::uint64_t next_wake_ns(std::uint64_t now_ns, std::uint64_t deadline_ns) const;
  void settle(std::uint64_t measure_from_ns);

  const Plan& plan_;
  const Endpoint& endpoint_;
  const Expectation& expectation_;
  Shared& shared_;
  Fd epoll_;
  std::vector<Connection> connections_;
  std::vector<Connection*> idle_;
  std::size_t open_ = 0;  // connections
  std::string head_;      // of every request
  std::uint64_t measure_from_ns_ = kNever;
  Schedule schedule_{0, 0, 1};
  std::uint64_t next_ = 0;  // message to send
  Published result_;
};

}  // namespace fanlight::load
