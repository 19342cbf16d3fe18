// NATS before TLS: the server speaks first, and in the clear. In: a connected socket. Out: its INFO taken off.
#pragma once

#include <cstdint>
#include <string>

namespace fanlight::load {

enum class Upgrade : std::uint8_t { more, ready, failed };

/// Takes INFO off a non-blocking socket, and nothing behind it. `more`: ask again when there is more to read.
/// `failed`: `cause` says why, a server without TLS for one. Threads: any.
/// Source: docs.nats.io, "Client Protocol", INFO and TLS: the handshake begins right after it.
Upgrade take_nats_info(int socket, std::string& cause);

}  // namespace fanlight::load
