#include "server/hub/dispatch.hpp"

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

}  // namespace fanlight::server::hub
