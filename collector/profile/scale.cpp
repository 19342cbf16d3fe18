#include "collector/profile/scale.hpp"

#include <algorithm>
#include <numeric>

namespace fanlight::profile {

__extension__ using Wide = unsigned __int128;

std::vector<std::uint64_t> scale(std::uint64_t total, std::span<const std::uint64_t> weights) {
  std::vector<std::uint64_t> shares(weights.size());
  if (weights.empty()) return shares;
  Wide whole = 0;
  for (const std::uint64_t weight : weights) whole += weight;
  const bool equal = whole == 0;
  if (equal) whole = weights.size();

  std::vector<Wide> remainders(weights.size());
  std::uint64_t given = 0;
  for (std::size_t i = 0; i < weights.size(); ++i) {
    const Wide product = static_cast<Wide>(total) * (equal ? 1 : weights[i]);
    shares[i] = static_cast<std::uint64_t>(product / whole);
    remainders[i] = product % whole;
    given += shares[i];
  }
  // Each share lost less than one unit to rounding, so fewer units are left than there are shares.
  std::vector<std::size_t> order(weights.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return remainders[a] > remainders[b]; });
  for (std::size_t i = 0; i < total - given; ++i) ++shares[order[i]];
  return shares;
}

}  // namespace fanlight::profile
