// The live feed: a dashboard's questions over one WebSocket. In: an upgrade request. Out: answers until it leaves.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

#include "collector/serve/channel.hpp"
#include "collector/serve/server.hpp"

namespace fanlight::serve {

/// Accepts `request` and answers each `wire::Request` with what `source` knows of it (docs/architecture.md). Who sends
/// anything else is told so and let go. `source` outlives this. Threads: the channel's.
boost::asio::awaitable<void> feed_live(Channel channel,
                                       boost::beast::http::request<boost::beast::http::string_body> request,
                                       const Source& source);

}  // namespace fanlight::serve
