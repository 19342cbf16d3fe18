#include "collector/kernel/connections.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <ctime>

namespace fanlight::kernel {

std::string endpoint(std::uint16_t family, const std::uint8_t (&address)[16], std::uint16_t port) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (family != AF_INET && family != AF_INET6) return "family " + std::to_string(family);
  // A buffer of this size fits every address of both families.
  ::inet_ntop(family, address, text.data(), text.size());
  const std::string host = text.data();
  return (family == AF_INET ? host : "[" + host + "]") + ":" + std::to_string(port);
}

std::string connection_state(std::uint16_t state) {
  constexpr std::array<const char*, 13> kNames{
      "",       "established", "SYN sent", "SYN received", "FIN wait 1", "FIN wait 2",       "time wait",
      "closed", "close wait",  "last ACK", "listening",    "closing",    "new SYN received",
  };
  return state > 0 && state < kNames.size() ? kNames[state] : "state " + std::to_string(state);
}

std::uint64_t Connections::tick() {
  timespec resolution{};
  constexpr std::uint64_t kCommon = 4'000'000;
  if (::clock_getres(CLOCK_MONOTONIC_COARSE, &resolution) != 0 || resolution.tv_nsec == 0) return kCommon;
  return static_cast<std::uint64_t>(resolution.tv_nsec);
}

ConnectionReading Connections::reading_of(const fanlight_connection& raw, Known& known) const {
  const auto since = [](std::uint64_t now, std::uint64_t base) { return now - std::min(now, base); };
  if (raw.queued == 0 || raw.bytes_acked != known.acked) known.moved_ns = raw.time_ns;
  known.acked = raw.bytes_acked;
  known.most_queued = std::max<std::uint64_t>(known.most_queued, raw.queued);
  const std::uint64_t watched_ns = since(raw.time_ns, known.first_ns);
  // The kernel counts these in ticks, of which the last may not be over.
  const auto ticks = [&](std::uint64_t now, std::uint64_t base) {
    return std::min(since(now, base) * tick_ns_, watched_ns);
  };
  return {.id = known.id,
          .local = endpoint(raw.family, raw.local, raw.local_port),
          .peer = endpoint(raw.family, raw.peer, raw.peer_port),
          .state = connection_state(raw.state),
          .watched_ns = watched_ns,
          .sent_bytes = since(raw.bytes_sent, known.base.bytes_sent),
          .acknowledged_bytes = since(raw.bytes_acked, known.base.bytes_acked),
          .received_bytes = since(raw.bytes_received, known.base.bytes_received),
          .retransmits = since(raw.retransmits, known.base.retransmits),
          .busy_ns = ticks(raw.busy, known.base.busy),
          .peer_limited_ns = ticks(raw.peer_limited, known.base.peer_limited),
          .buffer_limited_ns = ticks(raw.buffer_limited, known.base.buffer_limited),
          .queued_bytes = raw.queued,
          .most_queued_bytes = known.most_queued,
          .unsent_bytes = raw.unsent,
          .unread_bytes = raw.unread,
          .stalled_ns = since(raw.time_ns, known.moved_ns),
          .rtt_ns = std::uint64_t{raw.rtt_us} * 1000,
          .rtt_deviation_ns = std::uint64_t{raw.rtt_deviation_us} * 1000};
}

void Connections::take(std::span<const std::byte> pass) {
  const bool first = passes_++ == 0;
  readings_.clear();
  for (; pass.size() >= sizeof(fanlight_connection); pass = pass.subspan(sizeof(fanlight_connection))) {
    fanlight_connection raw;
    std::memcpy(&raw, pass.data(), sizeof raw);
    const std::string peer(reinterpret_cast<const char*>(raw.peer), sizeof raw.peer);
    const auto [place, added] = known_.try_emplace({raw.socket, raw.local_port, raw.peer_port, peer});
    Known& known = place->second;
    // The kernel has used the same memory, and the peer the same port, for another connection.
    const bool anew = !added && (raw.bytes_sent < known.base.bytes_sent || raw.bytes_acked < known.acked);
    if (added || anew) {
      known = {.id = next_id_++, .first_ns = raw.time_ns, .acked = raw.bytes_acked, .moved_ns = raw.time_ns};
      if (first) known.base = raw;
    } else if (known.pass == passes_) {
      continue;
    }
    known.pass = passes_;
    readings_.push_back(reading_of(raw, known));
  }
  std::erase_if(known_, [&](const auto& entry) { return entry.second.pass != passes_; });
  std::ranges::sort(readings_, {}, &ConnectionReading::id);
}

}  // namespace fanlight::kernel
