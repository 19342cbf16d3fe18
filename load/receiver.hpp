// What comes in on streams, parsed in place and booked. In: a stream's bytes. Out: tallies; what is to be sent back.
#pragma once

#include <cstdint>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "load/connection.hpp"
#include "load/payload.hpp"
#include "load/shared.hpp"
#include "load/tally.hpp"

namespace fanlight::load {

/// What every message of a run is checked against.
struct Expectation {
  std::uint32_t run = 0;
  unsigned publishers = 1;
  std::size_t size = 0;
  bool any = false;  // somebody else publishes: any run and any text will do
};

/// One pool's. Threads: its own. Cost: some 100 ns per message of 128 bytes.
class Receiver {
 public:
  /// `tallies`: one per group, the pool's.
  Receiver(const Expectation& expectation, Board& board, LivePool& live, std::span<Reach> reach,
           std::vector<Tally>& tallies, std::minstd_rand& random);

  /// Makes room for the windows of connections up to `count`.
  void expect_connections(std::size_t count) { windows_.resize(count * stride_); }

  /// So many are coming: a vector that grows leaves behind what it has outgrown.
  void reserve(std::size_t count) { windows_.reserve(count * stride_); }

  /// Takes whole items off the front of `bytes`. False: the stream is over, `cause` says why.
  bool feed(Connection& connection, std::size_t index, Protocol protocol, std::string_view& bytes, std::uint64_t now_ns,
            std::string& cause);
  void set_state(Connection& connection, ClientState state);

 private:
  bool feed_sse(Connection& connection, std::size_t index, std::string_view& bytes, std::string& cause);
  bool feed_websocket(Connection& connection, std::size_t index, std::string_view& bytes, std::string& cause);
  bool feed_redis(Connection& connection, std::size_t index, std::string_view& bytes, std::string& cause);
  bool feed_nats(Connection& connection, std::size_t index, std::string_view& bytes, std::string& cause);
  void check_id(Connection& connection, std::string_view id);
  void receive(Connection& connection, std::size_t index, std::string_view text);
  void follow(Connection& connection, Arrival arrival, const SequenceWindow& window, std::uint64_t due_ns);
  std::size_t phase_at(std::uint64_t due_ns);
  void malformed();

  const Expectation& expectation_;
  Board& board_;
  LivePool& live_;
  std::span<Reach> reach_;
  std::vector<Tally>& tallies_;
  std::minstd_rand& random_;
  /// Of a publisher that may be new, where somebody else's are counted as they are met.
  SequenceWindow& window(std::size_t index, std::size_t publisher);

  std::size_t stride_;                   // windows per connection
  std::vector<SequenceWindow> windows_;  // by connection, then by publisher
  std::string scratch_;
  Tally* tally_ = nullptr;  // of the connection being fed
  std::uint64_t now_ns_ = 0;
  std::uint64_t stamp_now_ns_ = 0;  // the same by the clock that messages are stamped by
  std::uint64_t measure_from_ns_ = kNever;
  std::uint64_t track_every_ = 1;
  // The phase of the last message: most fall into the same one.
  std::uint64_t epoch_ = 0;
  std::uint64_t phase_from_ns_ = 1;
  std::uint64_t phase_to_ns_ = 0;
  std::size_t phase_ = 0;
};

}  // namespace fanlight::load
