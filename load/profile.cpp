#include "load/profile.hpp"

#include <array>

#include "core/units.hpp"

namespace fanlight::load {
namespace {

constexpr std::array<ProfileHelp, 14> kProfiles{{
    {"plain", "", "", "reads what comes, as soon as it comes"},
    {"slow-reader", "BYTES", "1K", "reads so many bytes per second, with a small receive buffer"},
    {"stalled-reader", "", "", "reads the response head and nothing after it"},
    {"resetter", "TIME", "1s", "resets its connection (RST) after about so long, and comes back"},
    {"half-open", "", "", "sends half of a request and then nothing; never has a stream"},
    {"half-closed", "", "", "ends its sending side (FIN) and goes on reading"},
    {"reconnect-storm", "TIME", "2s", "all of the group leave and come back at once, so often"},
    {"headers-minimal", "", "", "the shortest request that the protocol allows"},
    {"headers-browser", "", "", "what a browser sends: 15 fields, 0.8 KiB"},
    {"headers-large", "", "", "a cookie of 6 KiB"},
    {"headers-absurd", "", "", "100 odd but legal fields, 7 KiB"},
    {"headers-dribble", "", "", "a request that comes byte by byte, a byte per round"},
    {"ws-fragmented", "", "", "a WebSocket message in 64 fragments with a ping between"},
    {"ws-oversized", "", "", "a WebSocket message of 2 MiB, which nobody asked for"},
}};
Result<std::chrono::nanoseconds> time_of(std::string_view value) {
  auto time = parse_duration(value);
  if (time && *time < std::chrono::milliseconds(10)) return fail(0, "'" + std::string(value) + "': at least 10ms");
  return time;
}

}  // namespace

std::span<const ProfileHelp> profiles() { return kProfiles; }

Result<Profile> parse_profile(std::string_view text) {
  const std::size_t equals = text.find('=');
  const std::string_view name = text.substr(0, equals);
  const ProfileHelp* help = nullptr;
  for (const ProfileHelp& known : kProfiles)
    if (known.name == name) help = &known;
  const std::string where = "profile '" + std::string(text) + "'";
  if (help == nullptr) return fail(0, where + ": there is none of this name", "fanlight-load --help lists them");
  if (equals != std::string_view::npos && help->value.empty())
    return fail(0, where + ": takes no value", "write " + std::string(name));
  const std::string_view value = equals == std::string_view::npos ? help->usual : text.substr(equals + 1);

  Profile profile;
  profile.name = text;
  if (name == "slow-reader") {
    auto bytes = parse_bytes(value);
    if (!bytes) return within(where, std::move(bytes.error()));
    if (*bytes == 0) return fail(0, where + ": above 0; see stalled-reader");
    profile.read_bytes_per_s = *bytes;
  } else if (name == "resetter" || name == "reconnect-storm") {
    auto time = time_of(value);
    if (!time) return within(where, std::move(time.error()));
    (name == "resetter" ? profile.reset_after : profile.storm_every) = *time;
  }
  profile.stalled = name == "stalled-reader";
  profile.half_open = name == "half-open";
  profile.half_closed = name == "half-closed";
  if (name == "headers-minimal") profile.headers = Headers::minimal;
  if (name == "headers-browser") profile.headers = Headers::browser;
  if (name == "headers-large") profile.headers = Headers::large;
  if (name == "headers-absurd") profile.headers = Headers::absurd;
  if (name == "headers-dribble") profile.headers = Headers::dribble;
  if (name == "ws-fragmented") profile.frames = ClientFrames::fragmented;
  if (name == "ws-oversized") profile.frames = ClientFrames::oversized;
  return profile;
}

}  // namespace fanlight::load
