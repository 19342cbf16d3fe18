// Who does the work of a publish. In: jobs. Out: each is run once, on a thread that depends on the design.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string_view>
#include <thread>
#include <variant>
#include <vector>

#include "server/memory/ring.hpp"

namespace fanlight::server::hub {

using Job = std::move_only_function<void()>;

struct DispatchReading {
  std::string_view dispatch;
  std::uint64_t jobs = 0;       // run to their end
  std::uint64_t failed = 0;     // threw, and were tried again
  std::uint64_t given_up = 0;   // threw three times
  std::uint64_t in_caller = 0;  // run by their caller because the queue was full
  std::uint64_t stolen = 0;     // taken from another thread's queue
  std::size_t threads = 0;      // now
  std::size_t waiting = 0;      // now
};

/// What all designs count, and how they run one job: a job that throws is run again, three times in all, so that a
/// thread that fails mid-way loses nothing.
class JobRunner {
 public:
  void run(Job& job);
  DispatchReading reading(std::string_view name) const;
  std::atomic<std::uint64_t> in_caller = 0;
  std::atomic<std::uint64_t> stolen = 0;

 private:
  std::atomic<std::uint64_t> jobs_ = 0, failed_ = 0, given_up_ = 0;
};

/// On the caller's thread, at once.
class InlineDispatch {
 public:
  static constexpr std::string_view kName = "inline";
  void run(Job job) { runner_.run(job); }
  void stop() {}
  DispatchReading reading() const { return runner_.reading(kName); }

 private:
  JobRunner runner_;
};

/// A thread per message, 1024 at one time.
class TaskDispatch {
 public:
  static constexpr std::string_view kName = "task";
  static constexpr std::size_t kMost = 1024;
  ~TaskDispatch() { stop(); }
  void run(Job job);
  /// Waits for what is under way.
  void stop();
  DispatchReading reading() const;

 private:
  JobRunner runner_;
  mutable std::mutex mutex_;
  std::condition_variable ended_;
  std::size_t running_ = 0;
};

/// 4 to 32 threads behind one lock-free ring: one more when twice as many jobs wait as there are threads, one fewer
/// when a thread had nothing to do for a second.
class PoolDispatch {
 public:
  static constexpr std::string_view kName = "pool";
  static constexpr std::size_t kFewest = 4, kMost = 32;
  explicit PoolDispatch(std::size_t capacity = 4096, std::chrono::milliseconds patience = std::chrono::seconds(1));
  ~PoolDispatch() { stop(); }
  void run(Job job);
  void stop();
  DispatchReading reading() const;

 private:
  void work();
  void spawn();

  const std::chrono::milliseconds patience_;
  JobRunner runner_;
  memory::Ring<std::unique_ptr<Job>> ring_;
  std::atomic<std::size_t> threads_ = 0;
  mutable std::mutex mutex_;
  std::condition_variable waiting_;
  std::condition_variable ended_;
  std::atomic<std::size_t> sleepers_ = 0;
  bool stopping_ = false;
};

/// A queue per thread; jobs are dealt in turn, and a thread without work takes up to 16 from another's queue.
class StealDispatch {
 public:
  static constexpr std::string_view kName = "steal";
  static constexpr std::size_t kBatch = 16;
  explicit StealDispatch(std::size_t threads = 0);
  ~StealDispatch() { stop(); }
  void run(Job job);
  void stop();
  DispatchReading reading() const;

 private:
  struct alignas(memory::kCacheLine) Lane {
    std::mutex mutex;
    std::deque<Job> jobs;
  };
  void work(std::size_t mine);
  bool take(std::size_t mine, std::vector<Job>& into);

  JobRunner runner_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::vector<std::thread> threads_;
  std::atomic<std::size_t> turn_ = 0;
  std::atomic<std::size_t> pending_ = 0;
  std::mutex mutex_;
  std::condition_variable waiting_;
  bool stopping_ = false;
};

enum class DispatchKind : std::uint8_t { inline_, task, pool, steal };
inline constexpr std::array<std::string_view, 4> kDispatchNames = {"inline", "task", "pool", "steal"};

/// One of them, chosen at start. Threads: any.
class Dispatcher {
 public:
  explicit Dispatcher(DispatchKind kind);
  bool is_inline() const { return std::holds_alternative<std::unique_ptr<InlineDispatch>>(chosen_); }
  void run(Job job) {
    std::visit([&](auto& chosen) { chosen->run(std::move(job)); }, chosen_);
  }
  /// Runs what is queued to its end; what comes later is run by its caller.
  void stop() {
    std::visit([](auto& chosen) { chosen->stop(); }, chosen_);
  }
  DispatchReading reading() const {
    return std::visit([](const auto& chosen) { return chosen->reading(); }, chosen_);
  }

 private:
  std::variant<std::unique_ptr<InlineDispatch>, std::unique_ptr<TaskDispatch>, std::unique_ptr<PoolDispatch>,
               std::unique_ptr<StealDispatch>>
      chosen_;
};

}  // namespace fanlight::server::hub
