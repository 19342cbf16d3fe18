// Shares of a whole, to the last unit. In: a total and weights. Out: whole numbers that add up to the total.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace fanlight::profile {

/// Cuts `total` in proportion to `weights`; the shares add up to `total` exactly. All weights 0: equal shares. No
/// weights: empty. Equal remainders: the earlier wins. Cost: O(n log n).
/// Source: the largest-remainder method (Hamilton's).
std::vector<std::uint64_t> scale(std::uint64_t total, std::span<const std::uint64_t> weights);

}  // namespace fanlight::profile
