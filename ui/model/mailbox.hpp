// The newest of something, from one thread to another. In: `post`. Out: `take_newer`, which never waits.
#pragma once

#include <memory>
#include <mutex>
#include <utility>

namespace fanlight::ui {

/// Holds one immutable value. Threads: any may post, any may take. Cost: one pointer exchange.
/// A mutex and not std::atomic<std::shared_ptr>: libstdc++ 12 releases that one's lock with relaxed order.
template <class T>
class Mailbox {
 public:
  using Pointer = std::shared_ptr<const T>;

  void post(Pointer value) {
    const std::lock_guard hold(mutex_);
    newest_.swap(value);  // what was there is destroyed after the lock is gone: it may be large
  }
  /// Replaces `known` when there is something else; true when it did. Never waits: while a post is under way the
  /// answer is "nothing new", and the next frame asks again.
  bool take_newer(Pointer& known) const {
    const std::unique_lock hold(mutex_, std::try_to_lock);
    if (!hold || newest_ == known) return false;
    known = newest_;
    return true;
  }
  /// Waits for a post under way; for threads that may.
  Pointer newest() const {
    const std::lock_guard hold(mutex_);
    return newest_;
  }

 private:
  mutable std::mutex mutex_;
  Pointer newest_;
};

}  // namespace fanlight::ui
