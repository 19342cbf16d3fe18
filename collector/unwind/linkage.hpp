// Procedure linkage tables, recognized by their instructions: mold and lld describe none in .eh_frame, and in memory no
// section says where one lies. In: code. Out: how to get from there to the caller.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "collector/unwind/rule.hpp"

namespace fanlight::unwind {

inline constexpr std::uint64_t kLinkageEntry = 16;

/// The rule for the 16 bytes at an aligned address; empty: no entry of a linkage table. Entries jump through memory at
/// once; some push their number afterwards, for the dynamic linker. Source: System V ABI for x86-64, 5.2, and what
/// GNU ld, lld and mold write (with endbr64, with the number in r11).
std::optional<Rule> linkage_rule(std::span<const std::uint8_t, kLinkageEntry> entry);

/// From `at` bytes on, until the next.
struct LinkageStep {
  std::uint8_t at = 0;
  Rule rule{};
};
/// What stands before the entries, the way to the dynamic linker, which pushes what that asks for.
struct LinkageHead {
  std::array<LinkageStep, 3> steps;
  std::size_t count = 0;    // of steps
  std::uint64_t bytes = 0;  // up to the first entry
};
/// Empty: it is none. `code` may be longer than the head.
std::optional<LinkageHead> linkage_head(std::span<const std::uint8_t> code);

}  // namespace fanlight::unwind
