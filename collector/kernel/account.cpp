#include "collector/kernel/account.hpp"

#include <algorithm>
#include <atomic>

namespace fanlight::kernel {

Counted snapshot(const fanlight_account& account) {
  // The kernel's memory, mapped: every access must be made, and in this order.
  const auto read = [](const __u64& counter) { return __atomic_load_n(&counter, __ATOMIC_ACQUIRE); };
  Counted counted;
  for (int attempt = 0; attempt < 1000; ++attempt) {
    const std::uint64_t settled = read(account.settled);
    counted.ring_full = read(account.ring_full);
    counted.produced = read(account.produced);
    // `settled` never passes `produced`. Equal, with `settled` read first: neither moved in between.
    if (settled == counted.produced) break;
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
  entry.produced =
      counted.produced - static_cast<std::uint64_t>(std::clamp(difference, received.waiting_min, received.waiting_max));
  return entry;
}

}  // namespace fanlight::kernel
