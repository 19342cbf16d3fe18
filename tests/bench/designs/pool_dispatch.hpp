// Threads behind one queue. In: jobs. Out: each is run once, on one of as many threads as the queue asks for.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string_view>

#include "server/hub/dispatch.hpp"
#include "server/memory/ring.hpp"

namespace fanlight::server::hub::designs {

/// 4 to 32 threads behind one lock-free ring: one more when twice as many jobs wait as there are threads, one fewer
/// when a thread had nothing to do for a second.
class PoolDispatch final : public AnyDispatch {
 public:
  static constexpr std::string_view kName = "pool";
  static constexpr std::size_t kFewest = 4, kMost = 32;
  explicit PoolDispatch(std::size_t capacity = 4096, std::chrono::milliseconds patience = std::chrono::seconds(1));
  ~PoolDispatch() override { PoolDispatch::stop(); }
  void run(Job job) override;
  void stop() override;
  DispatchReading reading() const override;

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

}  // namespace fanlight::server::hub::designs
