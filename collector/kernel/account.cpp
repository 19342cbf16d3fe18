#include "collector/kernel/account.hpp"

#include <algorithm>
#include <chrono>
#include <limits>
#include <thread>

namespace fanlight::kernel {

Counted snapshot(const fanlight_account& account) {
  // The kernel's memory, mapped: every access must be made, and in this order.
  const auto read = [](const __u64& counter) { return __atomic_load_n(&counter, __ATOMIC_ACQUIRE); };
  Counted counted;
  constexpr int kAttempts = 1000;
  constexpr int kPatientAttempts = 200;
  for (int attempt = 0; attempt < kAttempts + kPatientAttempts; ++attempt) {
    if (attempt >= kAttempts) std::this_thread::sleep_for(std::chrono::microseconds(100));
    const std::uint64_t settled = read(account.settled);
    counted.ring_full = read(account.ring_full);
    counted.produced = read(account.produced);
    // `settled` never passes `produced`. Equal, with `settled` read first: neither moved in between.
    counted.settled = settled == counted.produced;
    if (counted.settled) break;
  }
  return counted;
}

LedgerEntry close_account(std::string source, const Counted& counted, const Received& received) {
  LedgerEntry entry;
  entry.source = std::move(source);
  entry.delivered = received.delivered;
  if (counted.ring_full > 0) entry.dropped["ring full"] = counted.ring_full;
  if (received.malformed > 0) entry.dropped["malformed"] = received.malformed;
  const auto difference =
      static_cast<std::int64_t>(counted.produced - counted.ring_full - received.malformed - received.delivered);
  const std::int64_t most = counted.settled ? received.waiting_max : std::numeric_limits<std::int64_t>::max();
  entry.produced = counted.produced - static_cast<std::uint64_t>(std::clamp(difference, received.waiting_min, most));
  return entry;
}

}  // namespace fanlight::kernel
