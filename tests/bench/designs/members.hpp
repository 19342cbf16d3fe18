// The subscribers of one topic, by worker. In: joins and leaves. Out: a list per worker that has any.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "server/hub/subscriber.hpp"

namespace fanlight::server::hub::designs {

/// Sorted by slot, so that a worker walks its table forwards and a leave finds its place by bisection. Threads: as its
/// registry's lock has it. Cost: O(log n) and a move of what lies behind.
class Members {
 public:
  explicit Members(unsigned workers) : by_worker_(workers) {}

  void insert(unsigned worker, SessionRef session) {
    auto& sessions = by_worker_[worker];
    sessions.insert(place_of(sessions, session), session);
    ++size_;
  }
  bool remove(unsigned worker, SessionRef session) {
    auto& sessions = by_worker_[worker];
    const auto place = place_of(sessions, session);
    if (place == sessions.end() || !(*place == session)) return false;
    sessions.erase(place);
    --size_;
    return true;
  }
  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }

  /// Calls `visit(worker, SessionListPtr)` with copies for each worker that has subscribers.
  template <class Visit>
  void copy_to(Visit&& visit) const {
    for (unsigned worker = 0; worker < by_worker_.size(); ++worker) {
      if (by_worker_[worker].empty()) continue;
      auto list = new_session_list();
      list->sessions.assign(by_worker_[worker].begin(), by_worker_[worker].end());
      visit(worker, SessionListPtr(std::move(list)));
    }
  }

 private:
  static std::vector<SessionRef>::iterator place_of(std::vector<SessionRef>& sessions, SessionRef session) {
    return std::ranges::lower_bound(sessions, session.slot, {}, &SessionRef::slot);
  }

  std::vector<std::vector<SessionRef>> by_worker_;
  std::size_t size_ = 0;
};

}  // namespace fanlight::server::hub::designs
