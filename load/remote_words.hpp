// What a coordinator and the hosts that join it say to each other. In: values. Out: a line of JSON each, and back.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "core/error.hpp"
#include "load/plan.hpp"
#include "load/receiver.hpp"
#include "load/shared.hpp"
#include "load/tally.hpp"

namespace fanlight::load::remote {

/// Both sides must have the same.
inline constexpr unsigned kVersion = 1;

/// Live counters, in the order that they are sent in.
inline constexpr std::array kCounters{
    &LivePool::established, &LivePool::expecting,  &LivePool::failed,   &LivePool::settled, &LivePool::streams,
    &LivePool::cuts,        &LivePool::reconnects, &LivePool::received, &LivePool::gaps,    &LivePool::duplicates,
    &LivePool::trouble,     &LivePool::bytes,      &LivePool::cpu_ns};

/// Host: who it is.
struct Hello {
  unsigned version = kVersion;
  std::string secret;
  unsigned pools = 1;  // threads that will receive
};
/// Coordinator: it may stay.
struct Welcome {};
/// Either side: it cannot go on.
struct Failed {
  std::string why;
  std::string hint;
};
/// Host: what is your clock? `sent_ns` comes back.
struct Ping {
  std::uint64_t sent_ns = 0;
};
struct Pong {
  std::uint64_t sent_ns = 0;
  std::uint64_t there_ns = 0;
};
/// Coordinator: whom to subscribe, and what will come. Groups count this host's share.
struct Task {
  Plan plan;
  Expectation expectation;
};
/// Host: it could begin.
struct Ready {};
/// Coordinator: the board as it stands, times by its own clock.
struct BoardState {
  bool go = false;
  bool stop = false;
  std::uint64_t measure_from_ns = kNever;
  double connect_rate = 0;
  std::uint64_t track_every = 1;
  std::uint64_t epoch = 0;
  std::vector<unsigned> wanted;                                // by group, this host's share
  std::vector<std::uint64_t> phase_from_ns, posted, accepted;  // by phase

  bool operator==(const BoardState&) const = default;
};
struct PoolState {
  std::array<std::uint64_t, kCounters.size()> counters{};
  std::array<std::uint64_t, kClientStates> states{};
  std::vector<std::pair<unsigned, std::uint64_t>> latency;  // buckets that are not empty
};
/// Host: how it stands. The clock: what it adds to its own to have the coordinator's.
struct Live {
  std::vector<PoolState> pools;
  std::int64_t clock_ahead_ns = 0;
  std::uint64_t clock_error_ns = 0;
  std::int64_t clock_drifted_ns = 0;
};
struct Reached {
  std::uint64_t slot = 0;
  std::uint64_t slowest_ns = 0;
  std::uint64_t receivers = 0;
};
/// Host: what it found, after the board's `stop`.
struct Results {
  std::vector<Tally> tallies;
  std::vector<Reached> reached;
};

using Message = std::variant<Hello, Welcome, Failed, Ping, Pong, Task, Ready, BoardState, Live, Results>;

std::string to_line(const Message& message);

/// Numbers that index something are in bounds. Errors: not what `to_line` writes.
Result<Message> from_line(std::string_view line);

}  // namespace fanlight::load::remote
