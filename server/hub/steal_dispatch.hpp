// Publishing threads that take each other's work. In: jobs. Out: each is run once, on one of them.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <string_view>
#include <thread>
#include <vector>

#include "server/hub/dispatch.hpp"
#include "server/memory/ring.hpp"

namespace fanlight::server::hub {

/// A queue per thread; jobs are dealt in turn, and a thread without work takes up to 16 from another's queue.
class StealDispatch final : public AnyDispatch {
 public:
  static constexpr std::string_view kName = "steal";
  static constexpr std::size_t kBatch = 16;
  explicit StealDispatch(std::size_t threads = 0);
  ~StealDispatch() override { StealDispatch::stop(); }
  void run(Job job) override;
  void stop() override;
  DispatchReading reading() const override;

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

}  // namespace fanlight::server::hub
