// Closes the account of one source. In: the kernel's counters, our own. Out: a ledger entry that balances when nothing
// is lost.
#pragma once

#include <cstdint>
#include <string>

#include "bpf/events.h"
#include "core/ledger.hpp"

namespace fanlight::kernel {

/// The kernel's two counters at one moment.
struct Counted {
  std::uint64_t produced = 0;
  std::uint64_t ring_full = 0;
  bool settled = true;  // no program was between counting a record and offering it
};

/// Reads an account that programs are counting in at this time: waits for a moment at which none of them is between
/// counting and offering a record. Cost: ns, as a rule; where the host has taken a CPU away in the middle of a program,
/// up to 20 ms, and then what is there is not settled.
Counted snapshot(const fanlight_account& account);

/// What user space knows of the same source.
struct Received {
  std::uint64_t delivered = 0;
  std::uint64_t malformed = 0;
  // Records that were produced when the snapshot was taken and not delivered: at least, at most. Bounds, since the ring
  // fills while we look. Negative: delivered now, but produced after the snapshot.
  std::int64_t waiting_min = 0;
  std::int64_t waiting_max = 0;
};

/// `produced` leaves out what waits in the ring or to be handed over: it is produced, for this account, when it is
/// delivered. That much is believed only within the bounds, so a record that got lost shows as an imbalance. Counters
/// that are not settled have no upper bound: one unfinished record hides all that lie behind it in the ring. The next
/// reading tells.
LedgerEntry close_account(std::string source, const Counted& counted, const Received& received);

}  // namespace fanlight::kernel
