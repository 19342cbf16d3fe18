// Server-sent events. In: a payload and an id. Out: the bytes of one event.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "server/codec/frame.hpp"

namespace fanlight::server::codec {

/// One event without its id yet: one `data:` line per line of the payload (CR, LF or CRLF end a line), then an empty
/// line. Cost: one allocation, one pass. Source: html.spec.whatwg.org, 9.2.6 "Interpreting an event stream".
std::shared_ptr<Encoded> encode_sse(std::string_view payload, std::uint64_t published_ns);

/// Puts `id: N` in front. Once, before the frame is shared. Cost: no allocation, about 20 ns.
/// The id is known only under the registry's lock, and the payload should not be copied there.
void set_sse_id(Encoded& event, std::uint64_t id);

/// The comment that keeps a silent stream open.
Frame sse_heartbeat();

}  // namespace fanlight::server::codec
