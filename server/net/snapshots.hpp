// What a topic's state is now. In: topics. Out: their state as the origin tells it, or as it told it last.
#pragma once

#include <array>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <unordered_map>
#include <vector>

#include "core/clock.hpp"
#include "core/error.hpp"
#include "server/limits/breaker.hpp"
#include "server/limits/negative_cache.hpp"

namespace fanlight::server::net {

struct SnapshotOptions {
  std::chrono::milliseconds fresh{1000};    // how long an answer counts as current
  std::chrono::milliseconds unknown{5000};  // how long the origin is not asked again for a topic that it does not know
  std::size_t kept = 4096;                  // answers, for when the origin fails
  std::size_t waiting = 1024;               // topics to be asked for
  limits::Breaker::Limits breaker;
};

struct Snapshot {
  enum class Source : std::uint8_t {
    origin,   // it has just said so
    cache,    // it said so a moment ago
    stale,    // it fails; this is what it said last
    newest,   // there is no origin, or it fails and never answered: the topic's newest message
    unknown,  // it does not know the topic
    none,     // it fails, and nothing is remembered
  };
  Source source = Source::none;
  std::string state;
  std::uint64_t id = 0;      // newest: the message's
  std::uint64_t age_ns = 0;  // since it was said
};
inline constexpr std::array<std::string_view, 6> kSnapshotNames = {"origin", "cache",   "stale",
                                                                   "newest", "unknown", "none"};
constexpr std::string_view name_of(Snapshot::Source source) { return kSnapshotNames[static_cast<std::size_t>(source)]; }

struct SnapshotReading {
  std::uint64_t asked = 0;    // of the origin
  std::uint64_t failed = 0;   // of those
  std::uint64_t refused = 0;  // not asked, because the breaker was open
  std::uint64_t opened = 0;   // times that the breaker opened
  limits::Breaker::State breaker = limits::Breaker::State::closed;
  std::size_t kept = 0;
  std::size_t known_missing = 0;
};

/// Asks the origin on a few threads of its own, once for all who want the same topic. While it fails, a breaker leaves
/// it alone and everybody gets what it said last. Threads: any.
class Snapshots {
 public:
  /// A topic's state; nothing when the origin does not know it. Called on several threads; may block.
  using Fetch = std::function<Result<std::optional<std::string>>(const std::string& topic)>;
  using Done = std::function<void(const Snapshot&)>;

  Snapshots(const SnapshotOptions& options, Fetch fetch, std::function<std::uint64_t()> clock = monotonic_ns);
  Snapshots(const Snapshots&) = delete;
  Snapshots& operator=(const Snapshots&) = delete;
  /// Waits for what is being fetched; who still waits gets what is kept.
  ~Snapshots();

  /// `done` is called once: at once, or on a thread of ours.
  void ask(const std::string& topic, Done done);
  SnapshotReading reading() const;

 private:
  struct Kept {
    std::string state;
    std::uint64_t said_ns = 0;
  };

  void work();
  Result<std::optional<std::string>> fetch(const std::string& topic) const;
  Snapshot settle(const std::string& topic, const Result<std::optional<std::string>>& answer);
  Snapshot kept_of(const std::string& topic, std::uint64_t now_ns) const;
  void keep(const std::string& topic, const std::string& state, std::uint64_t now_ns);

  const SnapshotOptions options_;
  const Fetch fetch_;
  const std::function<std::uint64_t()> clock_;
  mutable std::mutex mutex_;
  std::condition_variable wanted_;
  limits::Breaker breaker_;
  limits::NegativeCache missing_;
  std::unordered_map<std::string, Kept> kept_;
  std::unordered_map<std::string, std::vector<Done>> waiting_;
  std::deque<std::string> queue_;
  SnapshotReading counts_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace fanlight::server::net
