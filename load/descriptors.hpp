// Room for as many sockets as a run needs. In: a number. Out: the soft limit raised, or why it cannot be.
#pragma once

#include <cstdint>

#include "core/error.hpp"

namespace fanlight::load {

/// Descriptors that a run holds beside its sockets: standard streams, epolls, an output file, what libraries open.
inline constexpr std::uint64_t kSpareDescriptors = 32;

/// Sockets that fit below the hard limit.
std::uint64_t most_sockets();

/// Raises RLIMIT_NOFILE's soft limit, as far as the hard one. Errors: `sockets` and the spare ones do not fit; the hint
/// says how many would.
Result<> make_room_for(std::uint64_t sockets);

}  // namespace fanlight::load
