// What the threads and processes of a run tell one another while it lasts. In: how many there are. Out: a piece of
// memory that forked processes share.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>

#include "core/error.hpp"
#include "core/histogram.hpp"

namespace fanlight::load {

inline constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();
inline constexpr std::size_t kMaxPhases = 64;
inline constexpr std::size_t kMaxGroups = 32;
/// Messages whose last receiver is followed; of a longer run every second, fourth, ... is.
inline constexpr std::size_t kTracked = 1u << 18;

using Counter = std::atomic<std::uint64_t>;

/// For counters that one thread writes: a plain addition that others may read. Cost: as a plain one.
inline void bump(Counter& counter, std::uint64_t by = 1) {
  counter.store(counter.load(std::memory_order_relaxed) + by, std::memory_order_relaxed);
}

/// Where a subscriber stands. IDLE: it has no stream. SYNCING: it has one and what comes is in order. RECOVERING:
/// something is missing that may still come: a gap was seen less than kReorderWindow messages ago, or its stream was
/// cut and has not caught up.
enum class ClientState : std::uint8_t { idle, syncing, recovering };
inline constexpr std::size_t kClientStates = 3;

/// Live figures of one receiving thread, which alone writes them.
struct LivePool {
  static constexpr std::size_t kBuckets = 512;  // of Histogram<3>: enough for 2^64 ns

  Counter established;  // subscribers that have had a stream
  Counter expecting;    // of those, whose profile does not keep them from receiving everything
  Counter failed;       // subscribers whose first attempt came to nothing
  Counter settled;      // subscribers whose first attempt has ended, or never will, as their profile says
  Counter streams;      // standing now
  Counter cuts;         // streams ended by the server
  Counter reconnects;
  Counter received;  // measured messages, by those
  Counter gaps;
  Counter duplicates;
  Counter trouble;  // malformed messages, bad ids and comments
  Counter bytes;
  Counter cpu_ns;  // of the thread itself
  std::array<Counter, kClientStates> states;
  std::array<Counter, kBuckets> latency;  // ns, of measured messages
};

/// The slowest well-behaved receiver of a message, as one receiving thread saw it.
struct Reach {
  std::atomic<std::uint64_t> slowest_ns;  // from due
  std::atomic<std::uint64_t> receivers;
};

struct Board {
  Counter measure_from_ns{kNever};                         // CLOCK_MONOTONIC; messages due earlier are warm-up
  Counter schedule_end_ns{kNever};                         // CLOCK_MONOTONIC; nothing falls due from then on
  std::atomic<bool> go{false};                             // connecting may begin
  std::atomic<bool> stop{false};                           // everything ends now
  std::atomic<bool> stop_publishing{false};                // no message falls due any more
  std::atomic<bool> abandon{false};                        // nobody is left to answer: publishing ends at once
  Counter offline_since_ns{kNever};                        // since when no publisher has a connection
  Counter published{0};                                    // answered
  std::atomic<double> connect_rate{0};                     // per second, all pools together; 0: as fast as it goes
  std::array<std::atomic<unsigned>, kMaxGroups> wanted{};  // subscribers of each group, all pools together
  // Measured phases: phase i lasts from its entry to the next one's. Replaced only behind what has begun.
  std::array<Counter, kMaxPhases> phase_from_ns{};
  std::atomic<unsigned> phases{0};
  Counter phase_epoch{0};                      // grows whenever they change
  std::array<Counter, kMaxPhases> posted{};    // measured messages sent, per phase
  std::array<Counter, kMaxPhases> accepted{};  // and taken by the server
  std::atomic<std::uint64_t> track_every{1};
  // To be added to this host's clock to read the one that messages are stamped by.
  std::atomic<std::int64_t> clock_ahead_ns{0};
  Counter publisher_cpu_ns{0};
};

struct Unmap {
  std::size_t size = 0;
  void operator()(void* memory) const noexcept;
};

/// The board, a LivePool for each pool and room to follow messages. Threads and forked processes: any.
class Shared {
 public:
  /// Errors: no memory.
  static Result<Shared> make(unsigned pools);

  Board& board() const { return *board_; }
  Board* operator->() const { return board_; }
  std::span<LivePool> pools() const { return pools_; }
  /// Of messages number 0, track_every, 2 track_every, ... as one pool saw them.
  std::span<Reach> reach(unsigned pool) const { return reach_.subspan(pool * kTracked, kTracked); }
  std::uint64_t sum(Counter LivePool::* counter) const;

 private:
  std::unique_ptr<void, Unmap> memory_;
  Board* board_ = nullptr;
  std::span<LivePool> pools_;
  std::span<Reach> reach_;
};

}  // namespace fanlight::load
