#include "server/hub/steal_dispatch.hpp"

#include <algorithm>
#include <utility>

namespace fanlight::server::hub {

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

}  // namespace fanlight::server::hub
