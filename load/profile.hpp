// How a subscriber behaves. In: a profile's name and value. Out: what its connections do beside receiving.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "core/error.hpp"

namespace fanlight::load {

/// The request that subscribes: what RFC 9110 asks for, what a browser sends, and more than anybody should.
enum class Headers : std::uint8_t { usual, minimal, browser, large, absurd, dribble };

/// What a WebSocket subscriber sends when its stream stands.
enum class ClientFrames : std::uint8_t { none, fragmented, oversized };

struct Profile {
  std::string name = "plain";               // as it was written: "slow-reader=2K"
  std::uint64_t read_bytes_per_s = 0;       // 0: all that comes
  bool stalled = false;                     // reads the response head and nothing after it
  bool half_open = false;                   // sends half of a request, then nothing
  bool half_closed = false;                 // ends its sending side when the stream stands
  std::chrono::nanoseconds reset_after{0};  // RST so long after the stream stands (half to one and a half times that)
  std::chrono::nanoseconds storm_every{0};  // all of the group cut their streams and come back at once, so often
  Headers headers = Headers::usual;
  ClientFrames frames = ClientFrames::none;

  /// It does not read everything, or leaves: what it misses is its own doing and stays out of the totals.
  bool faulty() const {
    return read_bytes_per_s != 0 || stalled || half_open || half_closed || reset_after.count() != 0 ||
           storm_every.count() != 0 || frames == ClientFrames::oversized;
  }
  /// It never has a stream, on purpose.
  bool never_subscribes() const { return half_open; }
  /// Its socket takes little, so that the server soon has to wait for it.
  bool reads_late() const { return read_bytes_per_s != 0 || stalled; }
  bool operator==(const Profile&) const = default;
};

struct ProfileHelp {
  std::string_view name;
  std::string_view value;  // what "=VALUE" stands for; empty: it takes none
  std::string_view usual;  // the value without "=VALUE"
  std::string_view says;
};

/// All there are, in the order of the help.
std::span<const ProfileHelp> profiles();

/// "slow-reader=2K". Errors: no such profile, a value that it does not take.
Result<Profile> parse_profile(std::string_view text);

}  // namespace fanlight::load
