// The account of what was seen and what was lost. In: counters of each probe and queue. Out: a balance that must be 0.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace fanlight {

/// One probe or queue: `produced = delivered + sum of dropped` when nothing is unaccounted for.
struct LedgerEntry {
  std::string source;  // "kernel samples", "in-process samples", "live feed"
  std::uint64_t produced = 0;
  std::uint64_t delivered = 0;
  std::map<std::string, std::uint64_t> dropped;  // by cause: "ring full", "map full"
  std::map<std::string, std::uint64_t> missed;   // what never reached the probe, listed beside the balance

  std::uint64_t dropped_total() const {
    std::uint64_t total = 0;
    for (const auto& [cause, count] : dropped) total += count;
    return total;
  }
  /// Produced less delivered less dropped; 0 when the account closes.
  std::int64_t balance() const {
    return static_cast<std::int64_t>(produced) - static_cast<std::int64_t>(delivered) -
           static_cast<std::int64_t>(dropped_total());
  }
  bool operator==(const LedgerEntry&) const = default;
};

using Ledger = std::vector<LedgerEntry>;

}  // namespace fanlight
