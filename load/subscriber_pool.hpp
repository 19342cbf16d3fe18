// One thread's subscribers. In: groups and this pool's share of them. Out: a tally for each group.
#pragma once

#include <deque>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.hpp"
#include "core/fd.hpp"
#include "load/approach.hpp"
#include "load/arrivals.hpp"
#include "load/connection.hpp"
#include "load/plan.hpp"
#include "load/receiver.hpp"
#include "load/share.hpp"
#include "load/shared.hpp"
#include "load/tally.hpp"
#include "load/timers.hpp"

namespace fanlight::load {

/// Connects at its share of the board's pace, then reads until told to stop; follows the board's wishes for more or
/// fewer subscribers. Threads: `run` in one; the rest afterwards.
class SubscriberPool {
 public:
  /// `approaches`: one per group of the plan. Errors: no epoll descriptor.
  static Result<std::unique_ptr<SubscriberPool>> make(const Plan& plan, const std::vector<Approach>& approaches,
                                                      const Expectation& expectation, Shared& shared, Share share);

  void run();
  /// One per group.
  const std::vector<Tally>& tallies() const { return tallies_; }

 private:
  static constexpr std::size_t kRead = 128u << 10;

  SubscriberPool(const Plan& plan, const std::vector<Approach>& approaches, const Expectation& expectation,
                 Shared& shared, Share share, Fd epoll);

  const Approach& approach_of(const Connection& connection) const { return approaches_[connection.group]; }
  Tally& tally_of(const Connection& connection) { return tallies_[connection.group]; }
  void plan_arrivals();
  void arrive_due(std::uint64_t now_ns);
  void adjust_to_board(std::uint64_t now_ns);
  void connect(std::size_t index, std::uint64_t now_ns);
  void on_connected(std::size_t index, std::uint64_t now_ns);
  void secure(std::size_t index, std::uint64_t now_ns);
  void send_request(std::size_t index, std::uint64_t now_ns);
  void on_stream(std::size_t index, std::uint64_t now_ns);
  void begin_profile(std::size_t index, std::uint64_t now_ns);
  void on_events(std::size_t index, std::uint32_t events);
  /// `hangup`: the end may have come with the bytes, and nobody will say so again.
  void on_readable(std::size_t index, bool hangup);
  void take(std::size_t index, std::size_t bytes, std::uint64_t now_ns);
  void trim_when_settled();
  void give_up_late(std::uint64_t now_ns);
  void settle(Connection& connection);
  void keep(Connection& connection, std::string_view bytes);
  void send_out(std::size_t index);
  void watch(std::size_t index);
  /// The stream or the attempt is over, by the server's doing.
  void lose(std::size_t index, const std::string& cause, std::uint64_t now_ns);
  /// By ours: `again_ns` kNever: for good.
  void cut(std::size_t index, bool reset, std::uint64_t again_ns, std::uint64_t now_ns);
  void leave(std::size_t index, std::uint64_t now_ns);
  void end_stream(Connection& connection);
  void on_timer(const Timer& timer, std::uint64_t now_ns);
  void finish();

  const Plan& plan_;
  const std::vector<Approach>& approaches_;
  const Expectation& expectation_;
  Shared& shared_;
  const Share share_;
  Fd epoll_;
  std::minstd_rand random_;
  // One block, reserved for all that are planned: what handshakes leave in the heap lies beside it, not between.
  std::vector<Connection> connections_;
  Arrivals arrivals_;
  std::vector<unsigned> alive_;  // subscribers per group that have not been told to leave
  std::vector<Tally> tallies_;
  LivePool& live_;
  Receiver receiver_;
  Timers timers_;
  struct GiveUp {
    std::uint32_t index;
    std::uint32_t began_ms;  // of the attempt, modulo 2^32
  };
  std::deque<GiveUp> give_ups_;  // all after the same time, so they are due in the order they were set
  bool trimmed_ = false;
  std::vector<char> buffer_;
  std::size_t next_source_ = 0;
};

}  // namespace fanlight::load
