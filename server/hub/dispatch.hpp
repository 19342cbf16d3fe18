// Who does the work of a publish. In: jobs. Out: each is run once, on a thread that depends on the design.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

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

/// A dispatcher as the hub holds it, chosen at start. Threads: any.
class AnyDispatch {
 public:
  virtual ~AnyDispatch() = default;
  virtual void run(Job job) = 0;
  /// Runs what is queued to its end; what comes later is run by its caller.
  virtual void stop() = 0;
  virtual DispatchReading reading() const = 0;
  /// Whether `run` returns with the job done, so that its caller need not make one.
  virtual bool is_inline() const { return false; }
};

/// On the caller's thread, at once.
class InlineDispatch final : public AnyDispatch {
 public:
  static constexpr std::string_view kName = "inline";
  void run(Job job) override { runner_.run(job); }
  void stop() override {}
  DispatchReading reading() const override { return runner_.reading(kName); }
  bool is_inline() const override { return true; }

 private:
  JobRunner runner_;
};

enum class DispatchKind : std::uint8_t { inline_, task, pool, steal };
inline constexpr std::array<std::string_view, 4> kDispatchNames = {"inline", "task", "pool", "steal"};

}  // namespace fanlight::server::hub
