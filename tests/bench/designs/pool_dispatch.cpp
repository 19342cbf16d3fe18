#include "tests/bench/designs/pool_dispatch.hpp"

#include <system_error>
#include <thread>
#include <utility>

namespace fanlight::server::hub::designs {

PoolDispatch::PoolDispatch(std::size_t capacity, std::chrono::milliseconds patience)
    : patience_(patience), ring_(capacity) {
  for (std::size_t i = 0; i < kFewest; ++i) spawn();
}

void PoolDispatch::spawn() {
  ++threads_;
  try {
    std::thread([this] { work(); }).detach();
  } catch (const std::system_error&) {
    --threads_;
  }
}

void PoolDispatch::run(Job job) {
  auto waiting = std::make_unique<Job>(std::move(job));
  if (threads_.load() == 0 || !ring_.try_push(waiting)) {
    ++runner_.in_caller;
    return runner_.run(*waiting);
  }
  std::atomic_thread_fence(std::memory_order_seq_cst);
  const std::size_t threads = threads_.load();
  const bool more = threads < kMost && ring_.size() > 2 * threads;
  if (!more && sleepers_.load() == 0) return;
  const std::scoped_lock lock(mutex_);
  waiting_.notify_one();
  if (more && !stopping_ && threads_.load() < kMost) spawn();
}

void PoolDispatch::work() {
  for (;;) {
    std::unique_ptr<Job> job;
    while (ring_.try_pop(job)) {
      runner_.run(*job);
      job.reset();
    }
    std::unique_lock lock(mutex_);
    ++sleepers_;
    std::atomic_thread_fence(std::memory_order_seq_cst);
    const bool woken = waiting_.wait_for(lock, patience_, [&] { return stopping_ || ring_.size() > 0; });
    --sleepers_;
    const bool leave = stopping_ ? ring_.size() == 0 : !woken && threads_.load() > kFewest;
    if (!leave) continue;
    --threads_;
    ended_.notify_all();
    return;
  }
}

void PoolDispatch::stop() {
  std::unique_lock lock(mutex_);
  stopping_ = true;
  waiting_.notify_all();
  ended_.wait(lock, [&] { return threads_.load() == 0; });
}

DispatchReading PoolDispatch::reading() const {
  DispatchReading reading = runner_.reading(kName);
  reading.threads = threads_.load();
  reading.waiting = ring_.size();
  return reading;
}

}  // namespace fanlight::server::hub::designs
