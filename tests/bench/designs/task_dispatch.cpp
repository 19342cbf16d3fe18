#include "tests/bench/designs/task_dispatch.hpp"

#include <memory>
#include <system_error>
#include <thread>
#include <utility>

namespace fanlight::server::hub::designs {

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

}  // namespace fanlight::server::hub::designs
