#include "server/hub/group.hpp"

#include <algorithm>
#include <array>

#include "server/hub/slots.hpp"

namespace fanlight::server::hub {
namespace {

constexpr std::array<std::string_view, 3> kNames = {"round-robin", "range", "sticky"};

/// The finalizer of MurmurHash3: spreads what differs in a few bits. Source: github.com/aappleby/smhasher
std::uint64_t mix(std::uint64_t x) {
  x = (x ^ x >> 33) * 0xff51afd7ed558ccdu;
  x = (x ^ x >> 33) * 0xc4ceb9fe1a85ec53u;
  return x ^ x >> 33;
}

}  // namespace

std::optional<Assignment> assignment(std::string_view name) {
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<Assignment>(i);
  }
  return std::nullopt;
}

std::string_view name_of(Assignment assignment) { return kNames[static_cast<std::size_t>(assignment)]; }

bool Group::leave(unsigned worker, SessionRef session) {
  return std::erase_if(members_,
                       [&](const Member& member) { return member.worker == worker && member.session == session; }) > 0;
}

const Group::Member* Group::pick(std::string_view key, std::uint64_t id) {
  if (members_.empty()) return nullptr;
  if (how_ == Assignment::round_robin) {
    turn_ = (turn_ + 1) % members_.size();
    return &members_[turn_];
  }
  const std::uint32_t hash = key.empty() ? static_cast<std::uint32_t>(mix(id)) : hash_of(key);
  if (how_ == Assignment::range) return &members_[std::uint64_t{hash} * members_.size() >> 32];
  return &*std::ranges::max_element(
      members_, {}, [hash](const Member& member) { return mix(std::uint64_t{hash} << 32 | member.id); });
}

}  // namespace fanlight::server::hub
