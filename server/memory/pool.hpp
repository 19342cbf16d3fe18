// Objects that are used again. In: objects that nobody holds. Out: the same ones, with the memory they have grown.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "server/memory/ring.hpp"

namespace fanlight::server::memory {

struct PoolReading {
  std::uint64_t made = 0;    // by the allocator
  std::uint64_t reused = 0;  // from the pool
};

/// Keeps up to `capacity` objects between a `put` on one thread and a `get` on another. Never blocks. Threads: any.
template <class T>
class Pool {
 public:
  explicit Pool(std::size_t capacity) : free_(capacity) {}
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;
  ~Pool() {
    for (T* object = nullptr; free_.try_pop(object);) delete object;
  }

  /// As its last owner left it, or new.
  T* get() {
    T* object = nullptr;
    if (free_.try_pop(object)) {
      reused_.fetch_add(1, std::memory_order_relaxed);
      return object;
    }
    made_.fetch_add(1, std::memory_order_relaxed);
    return new T();
  }
  /// Full: it is deleted.
  void put(T* object) {
    if (!free_.try_push(object)) delete object;
  }

  PoolReading reading() const {
    return {.made = made_.load(std::memory_order_relaxed), .reused = reused_.load(std::memory_order_relaxed)};
  }

 private:
  Ring<T*> free_;
  std::atomic<std::uint64_t> made_ = 0;
  std::atomic<std::uint64_t> reused_ = 0;
};

}  // namespace fanlight::server::memory
