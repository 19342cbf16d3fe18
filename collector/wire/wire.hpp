// Profiles and requests as bytes, for the WebSocket /live. In: `Profile`. Out: protobuf (live.proto), and back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "collector/profile/profile.hpp"
#include "core/error.hpp"

namespace fanlight::wire {

/// Longer messages are refused before they are parsed; give this to the WebSocket as its limit, too.
inline constexpr std::size_t kMaxBytes = std::size_t{64} << 20;

/// Which version of live.proto both sides speak. A decoder refuses others.
inline constexpr std::uint32_t kVersion = 1;

/// Histograms travel as counts; their sums are estimated anew, as `Histogram::from_counts` does. Cost: O(profile).
std::string encode(const profile::Profile& profile);
/// Every index is checked, so that what comes back may be used without looking. Errors: too long, not a profile,
/// another version, an index that refers to nothing. Threads: any.
Result<profile::Profile> decode(std::string_view bytes);

/// The range that the dashboard asks for, CLOCK_MONOTONIC [from_ns, to_ns).
struct Request {
  std::uint64_t id = 0;  // comes back in the reply
  std::uint64_t from_ns = 0;
  std::uint64_t to_ns = ~std::uint64_t{0};
  bool operator==(const Request&) const = default;
};
std::string encode_request(const Request& request);
Result<Request> decode_request(std::string_view bytes);

struct Reply {
  std::uint64_t id = 0;
  std::variant<profile::Profile, std::string> answer;  // the profile, or what went wrong
};
std::string encode_reply(const Reply& reply);
/// The same without a copy of the profile, for the side that serves.
std::string encode_reply(std::uint64_t id, const profile::Profile& profile);
Result<Reply> decode_reply(std::string_view bytes);

}  // namespace fanlight::wire
