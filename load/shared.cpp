#include "load/shared.hpp"

#include <sys/mman.h>

#include <cerrno>
#include <new>

namespace fanlight::load {

void Unmap::operator()(void* memory) const noexcept { ::munmap(memory, size); }

Result<Shared> Shared::make(unsigned pools) {
  static_assert(Counter::is_always_lock_free && std::atomic<double>::is_always_lock_free);
  constexpr std::size_t kAlign = 64;
  const auto rounded = [](std::size_t size) { return (size + kAlign - 1) / kAlign * kAlign; };
  const std::size_t live_at = rounded(sizeof(Board));
  const std::size_t reach_at = live_at + rounded(sizeof(LivePool)) * pools;
  const std::size_t size = reach_at + sizeof(Reach) * kTracked * pools;
  // Pages that nobody touches cost nothing: short runs follow few messages.
  void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) return fail(errno, "memory for " + std::to_string(pools) + " threads");
  Shared shared;
  shared.memory_ = {memory, Unmap{size}};
  auto* base = static_cast<std::byte*>(memory);
  shared.board_ = new (base) Board;
  static_assert(sizeof(LivePool) % alignof(LivePool) == 0);
  shared.pools_ = {reinterpret_cast<LivePool*>(base + live_at), pools};
  shared.reach_ = {reinterpret_cast<Reach*>(base + reach_at), kTracked * pools};
  return shared;
}

std::uint64_t Shared::sum(Counter LivePool::* counter) const {
  std::uint64_t total = 0;
  for (const LivePool& pool : pools_) total += (pool.*counter).load(std::memory_order_relaxed);
  return total;
}

}  // namespace fanlight::load
