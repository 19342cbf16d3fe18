// Entries of procedure linkage tables, recognized by their instructions: in memory no section says where a table lies,
// and mold and lld describe none in .eh_frame. In: code. Out: how to get from an entry to its caller.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "collector/unwind/rule.hpp"

namespace fanlight::inprocess {

inline constexpr std::uint64_t kLinkageEntry = 16;

/// The rule for the 16 bytes at an aligned address; empty: no entry of a linkage table. Entries jump through memory at
/// once; some push their number afterwards, for the dynamic linker. Source: System V ABI for x86-64, 5.2, and what
/// GNU ld, lld and mold write (with endbr64, with the number in r11).
std::optional<unwind::Rule> linkage_rule(std::span<const std::uint8_t, kLinkageEntry> entry);

}  // namespace fanlight::inprocess
