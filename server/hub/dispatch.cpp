#include "server/hub/dispatch.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

namespace fanlight::server::hub {

void JobRunner::run(Job& job) {
  constexpr int kTries = 3;
  for (int attempt = 0; attempt < kTries; ++attempt) {
    try {
      job();
      jobs_.fetch_add(1, std::memory_order_relaxed);
      return;
    } catch (...) {
      failed_.fetch_add(1, std::memory_order_relaxed);
    }
  }
  given_up_.fetch_add(1, std::memory_order_relaxed);
}

DispatchReading JobRunner::reading(std::string_view name) const {
  return {.dispatch = name,
          .jobs = jobs_.load(),
          .failed = failed_.load(),
          .given_up = given_up_.load(),
          .in_caller = in_caller.load(),
          .stolen = stolen.load()};
}

void TaskDispatch::run(Job job) {
  const auto shared = std::make_shared<Job>(std::move(job));  // a thread that cannot start must not take it along
  {
    const std::scoped_lock lock(mutex_);
    if (running_ < kMost) {
      try {
        std::thread([this, mine = shared]() mutable {
          runner_.run(*mine);
          mine.reset();
          const std::scoped_lock ending(mutex_);
          --running_;
          ended_.notify_all();
        }).detach();
        ++running_;
        return;
      } catch (const std::system_error&) {
        // No thread is to be had: the caller does the work.
      }
    }
  }
  ++runner_.in_caller;
  runner_.run(*shared);
}

void TaskDispatch::stop() {
  std::unique_lock lock(mutex_);
  ended_.wait(lock, [&] { return running_ == 0; });
}

DispatchReading TaskDispatch::reading() const {
  DispatchReading reading = runner_.reading(kName);
  const std::scoped_lock lock(mutex_);
  reading.threads = running_;
  return reading;
}

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

StealDispatch::StealDispatch(std::size_t threads) {
  if (threads == 0) threads = std::max(2u, std::thread::hardware_concurrency());
  for (std::size_t i = 0; i < threads; ++i) lanes_.push_back(std::make_unique<Lane>());
  for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this, i] { work(i); });
}

void StealDispatch::run(Job job) {
  {
    const std::scoped_lock lock(mutex_);
    if (!stopping_) {
      Lane& lane = *lanes_[turn_++ % lanes_.size()];
      const std::scoped_lock own(lane.mutex);
      lane.jobs.push_back(std::move(job));
      ++pending_;
      waiting_.notify_one();
      return;
    }
  }
  ++runner_.in_caller;
  runner_.run(job);
}

bool StealDispatch::take(std::size_t mine, std::vector<Job>& into) {
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    Lane& lane = *lanes_[(mine + i) % lanes_.size()];
    const std::scoped_lock lock(lane.mutex);
    const std::size_t count = std::min(kBatch, lane.jobs.size());
    for (std::size_t taken = 0; taken < count; ++taken) {
      into.push_back(std::move(lane.jobs.front()));
      lane.jobs.pop_front();
    }
    pending_ -= count;
    if (i > 0) runner_.stolen += count;
    if (count > 0) return true;
  }
  return false;
}

void StealDispatch::work(std::size_t mine) {
  std::vector<Job> batch;
  for (;;) {
    batch.clear();
    if (take(mine, batch)) {
      for (Job& job : batch) runner_.run(job);
      continue;
    }
    std::unique_lock lock(mutex_);
    waiting_.wait(lock, [&] { return stopping_ || pending_.load() > 0; });
    if (stopping_ && pending_.load() == 0) return;
  }
}

void StealDispatch::stop() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    waiting_.notify_all();
  }
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

DispatchReading StealDispatch::reading() const {
  DispatchReading reading = runner_.reading(kName);
  reading.threads = threads_.size();
  reading.waiting = pending_.load();
  return reading;
}

namespace {

auto make_dispatch(DispatchKind kind) -> std::variant<std::unique_ptr<InlineDispatch>, std::unique_ptr<TaskDispatch>,
                                                      std::unique_ptr<PoolDispatch>, std::unique_ptr<StealDispatch>> {
  switch (kind) {
    case DispatchKind::inline_: break;
    case DispatchKind::task: return std::make_unique<TaskDispatch>();
    case DispatchKind::pool: return std::make_unique<PoolDispatch>();
    case DispatchKind::steal: return std::make_unique<StealDispatch>();
  }
  return std::make_unique<InlineDispatch>();
}

}  // namespace

Dispatcher::Dispatcher(DispatchKind kind) : chosen_(make_dispatch(kind)) {}

}  // namespace fanlight::server::hub
