// A constant object that is replaced as a whole while others read it. In: new versions. Out: whichever was current.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "server/memory/ring.hpp"

namespace fanlight::server::hub::designs {

/// Read-copy-update: a reader marks itself with the current epoch and loads a pointer; a writer swaps the pointer and
/// frees an old version once every reader that could have it is gone. An old version's address is not used again before
/// that, so there is no ABA, and versions are numbered besides. std::atomic<std::shared_ptr> would do the same with a
/// lock inside; GCC 12's is not clean under ThreadSanitizer. Threads: any. Cost: a read takes one uncontended
/// compare-and-swap and one store.
template <class T>
class Published {
 public:
  explicit Published(std::unique_ptr<const T> first) : current_(first.release()) {}
  Published(const Published&) = delete;
  Published& operator=(const Published&) = delete;
  ~Published() { delete current_.load(); }

  /// Calls `use(const T&)`; the object lives until that returns. Readers never wait for writers.
  template <class Use>
  decltype(auto) read(Use&& use) const {
    const Mark mark(*this);
    return use(*current_.load());
  }

  /// Calls `next(const T&)`, which returns the version to come; writers wait for each other.
  template <class Next>
  void update(Next&& next) {
    const std::scoped_lock lock(writing_);
    const T* old = current_.load();
    std::unique_ptr<const T> fresh = next(*old);
    if (!fresh) return;
    current_.store(fresh.release());
    retired_.emplace_back(epoch_.fetch_add(1), std::unique_ptr<const T>(old));
    reclaim();
  }

  /// Grows by one with every version.
  std::uint64_t version() const { return epoch_.load(); }
  /// Old versions that some reader may still see.
  std::size_t waiting() const {
    const std::scoped_lock lock(writing_);
    return retired_.size();
  }

 private:
  static constexpr std::size_t kSlots = 64;  // readers at one time; more wait for a slot
  struct alignas(memory::kCacheLine) Slot {
    std::atomic<std::uint64_t> epoch = 0;  // 0: free
  };

  class Mark {
   public:
    explicit Mark(const Published& published) {
      static std::atomic<std::size_t> next = 0;
      thread_local const std::size_t preferred = next.fetch_add(1);
      for (std::size_t i = preferred;; ++i) {
        slot_ = &published.slots_[i % kSlots].epoch;
        std::uint64_t free = 0;
        if (slot_->compare_exchange_strong(free, published.epoch_.load())) return;
        if ((i - preferred) % kSlots == kSlots - 1) std::this_thread::yield();
      }
    }
    Mark(const Mark&) = delete;
    ~Mark() { slot_->store(0); }

   private:
    std::atomic<std::uint64_t>* slot_;
  };

  void reclaim() {
    std::uint64_t oldest = ~std::uint64_t{0};
    for (const Slot& slot : slots_) {
      const std::uint64_t epoch = slot.epoch.load();
      if (epoch != 0 && epoch < oldest) oldest = epoch;
    }
    std::erase_if(retired_, [oldest](const auto& old) { return old.first < oldest; });
  }

  std::atomic<const T*> current_;
  std::atomic<std::uint64_t> epoch_ = 1;
  mutable std::array<Slot, kSlots> slots_;
  mutable std::mutex writing_;
  std::vector<std::pair<std::uint64_t, std::unique_ptr<const T>>> retired_;
};

}  // namespace fanlight::server::hub::designs
