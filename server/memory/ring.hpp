// A bounded queue that many threads fill and many empty. In: values. Out: the same values, each to one taker.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <memory>
#include <utility>

namespace fanlight::server::memory {

inline constexpr std::size_t kCacheLine = 64;

/// Lock-free while it is neither full nor empty; the capacity is a power of two. The cursors and every cell's number
/// have cache lines of their own, because producers and consumers would otherwise take them from each other (see
/// `scripts/bench hub`, padded against packed). Threads: any. Cost: one compare-and-swap when uncontended.
/// Source: the numbered cells of D. Vyukov's bounded queue, 1024cores.net.
template <class T, bool Padded = true>
class Ring {
 public:
  /// Rounded up to a power of two, two at least.
  explicit Ring(std::size_t capacity)
      : mask_(std::bit_ceil(capacity < 2 ? std::size_t{2} : capacity) - 1), cells_(new Cell[mask_ + 1]) {
    for (std::size_t i = 0; i <= mask_; ++i) cells_[i].turn.store(i, std::memory_order_relaxed);
  }
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  std::size_t capacity() const { return mask_ + 1; }
  /// How many wait; outdated as soon as it is known.
  std::size_t size() const {
    const std::size_t tail = tail_.at.load(std::memory_order_acquire);
    const std::size_t head = head_.at.load(std::memory_order_acquire);
    return head > tail ? head - tail : 0;
  }

  /// False when full; `value` is then untouched.
  bool try_push(T& value) {
    std::size_t at = head_.at.load(std::memory_order_relaxed);
    for (;;) {
      Cell& cell = cells_[at & mask_];
      const std::size_t turn = cell.turn.load(std::memory_order_acquire);
      if (turn == at) {
        if (!head_.at.compare_exchange_weak(at, at + 1, std::memory_order_relaxed)) continue;
        cell.value = std::move(value);
        cell.turn.store(at + 1, std::memory_order_release);
        return true;
      }
      if (turn < at) return false;
      at = head_.at.load(std::memory_order_relaxed);
    }
  }
  bool try_push(T&& value) { return try_push(value); }

  /// False when empty; `value` is then untouched.
  bool try_pop(T& value) {
    std::size_t at = tail_.at.load(std::memory_order_relaxed);
    for (;;) {
      Cell& cell = cells_[at & mask_];
      const std::size_t turn = cell.turn.load(std::memory_order_acquire);
      if (turn == at + 1) {
        if (!tail_.at.compare_exchange_weak(at, at + 1, std::memory_order_relaxed)) continue;
        value = std::exchange(cell.value, T{});
        cell.turn.store(at + mask_ + 1, std::memory_order_release);
        return true;
      }
      if (turn < at + 1) return false;
      at = tail_.at.load(std::memory_order_relaxed);
    }
  }

 private:
  static constexpr std::size_t kAlignment = Padded ? kCacheLine : alignof(std::size_t);
  struct Cell {
    std::atomic<std::size_t> turn;
    T value{};
  };
  struct alignas(kAlignment) Cursor {
    std::atomic<std::size_t> at = 0;
  };

  const std::size_t mask_;
  const std::unique_ptr<Cell[]> cells_;
  Cursor head_;
  Cursor tail_;
};

}  // namespace fanlight::server::memory
