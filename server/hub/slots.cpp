#include "server/hub/slots.hpp"

#include <xxhash.h>

#include <algorithm>
#include <bit>

namespace fanlight::server::hub {

std::uint32_t hash_of(std::string_view key) { return XXH32(key.data(), key.size(), 0); }

Slots::Slots(std::size_t owners, std::size_t slots)
    : owners_(std::bit_ceil(std::clamp<std::size_t>(slots, 1, kRange))) {
  for (std::size_t slot = 0; slot < owners_.size(); ++slot)
    owners_[slot] = static_cast<unsigned>(slot % std::max<std::size_t>(owners, 1));
}

}  // namespace fanlight::server::hub
