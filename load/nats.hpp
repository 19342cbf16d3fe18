// NATS's protocol, the client's side. In: bytes off the wire, cut anywhere. Out: messages and control lines; commands.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "load/found.hpp"

namespace fanlight::load {

enum class NatsKind : std::uint8_t { info, message, ping, pong, ok, error };

/// Views into the bytes parsed.
struct NatsItem {
  NatsKind kind = NatsKind::ok;
  std::string_view text;  // message: its payload; error: what it says; info: JSON
};

/// Threads: any. Errors: another word, a payload of more than kMaxItem. Source: docs.nats.io, "Client Protocol".
Found next_nats(std::string_view& bytes, NatsItem& item);

/// What a client says first. `verbose`: every command is answered +OK. `tls`: it came over TLS.
std::string nats_connect(std::string_view token, bool verbose, bool tls);

}  // namespace fanlight::load
