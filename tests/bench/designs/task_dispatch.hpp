// A thread for each job. In: jobs. Out: each is run once, on a thread of its own.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <string_view>

#include "server/hub/dispatch.hpp"

namespace fanlight::server::hub::designs {

/// A thread per message, 1024 at one time.
class TaskDispatch final : public AnyDispatch {
 public:
  static constexpr std::string_view kName = "task";
  static constexpr std::size_t kMost = 1024;
  ~TaskDispatch() override { TaskDispatch::stop(); }
  void run(Job job) override;
  /// Waits for what is under way.
  void stop() override;
  DispatchReading reading() const override;

 private:
  JobRunner runner_;
  mutable std::mutex mutex_;
  std::condition_variable ended_;
  std::size_t running_ = 0;
};

}  // namespace fanlight::server::hub::designs
