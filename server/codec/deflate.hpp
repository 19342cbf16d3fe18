// Compression that is done once and shared. In: a message's bytes. Out: bytes that fit into any stream at any place.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "server/codec/websocket.hpp"

namespace fanlight::server::codec {

/// Appends `text` as raw deflate blocks that refer to nothing before them and end on a byte (a sync flush, 00 00 FF FF
/// last). Such pieces, one after the other in any order, are one deflate stream: that is what lets connections with
/// different histories share them. Threads: any; each keeps a compressor of its own. Source: RFC 1951; zlib's manual.
void append_deflated(std::string& out, std::string_view text);

/// Appends one WebSocket frame of the payload: deflated when that makes it smaller, as it is otherwise. Source: RFC
/// 7692.
void append_deflated_websocket(std::string& out, Opcode opcode, std::string_view payload);

/// What a gzip stream begins with. Source: RFC 1952, 2.3.
std::string_view gzip_head();

enum class Inflated { good, too_big, broken };

/// Appends what `deflated` held, `00 00 FF FF` taken off by the sender as RFC 7692, 7.2.1 has it; at most `max_bytes`.
/// Threads: any.
Inflated append_inflated(std::string& out, std::string_view deflated, std::size_t max_bytes);

/// What became of a client's offer of extensions.
struct DeflateOffer {
  bool accepted = false;
  std::string answer;  // the Sec-WebSocket-Extensions header; empty: none
};

/// Accepts the first offer of permessage-deflate that leaves our window alone; neither side keeps its context, so that
/// a message is compressed once for everyone. Source: RFC 7692, 7.1.
DeflateOffer negotiate_deflate(std::string_view offers);

}  // namespace fanlight::server::codec
