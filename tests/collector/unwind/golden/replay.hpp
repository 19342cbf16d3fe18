// Walks golden stacks. In: a golden stack. Out: its frames, by our walker and by elfutils.
#pragma once

#include <cstdint>
#include <vector>

#include "collector/unwind/walk.hpp"
#include "tests/collector/unwind/golden/golden_stack.hpp"

namespace fanlight::unwind::testing {

/// By tables that are built from the small ELF files, as those of a target are. No frames: a file gave no table.
Walked walk_golden(const GoldenStack& stack);
/// By elfutils, from the same files.
std::vector<std::uint64_t> reference_golden(const GoldenStack& stack);

}  // namespace fanlight::unwind::testing
