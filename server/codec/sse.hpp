// Server-sent events. In: a payload, an id, a name. Out: the bytes of one event, comment or advice.
// Source: html.spec.whatwg.org, 9.2 "Server-sent events".
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "server/codec/frame.hpp"

namespace fanlight::server::codec {

/// Names of events: 1 to 64 of A-Z a-z 0-9 . _ -
bool is_event_name(std::string_view name);

/// Appends one event: `id:` when there is one, `event:` unless the name is empty, one `data:` line per line of the
/// payload (CR, LF or CRLF end a line), an empty line. `name` is an event name. Cost: one pass.
void append_sse(std::string& out, std::optional<std::uint64_t> id, std::string_view name, std::string_view payload);

/// ": text". Control characters become spaces; cut to 256 bytes.
void append_sse_comment(std::string& out, std::string_view text);

/// "retry: N": how long clients wait before they come back.
void append_sse_retry(std::string& out, std::chrono::milliseconds wait);

/// The comment that keeps a silent stream open.
Frame sse_heartbeat();

}  // namespace fanlight::server::codec
