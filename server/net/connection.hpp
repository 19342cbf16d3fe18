// A connection, from accept until it closes or becomes a subscriber. In: a socket. Out: answers; sessions for the hub.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>

#include "server/hub/subscriber.hpp"
#include "server/net/desk.hpp"

namespace fanlight::server::net {

/// Serves requests one after the other. Bounds: 8 KiB of header, `max_body_bytes`, a deadline per request and answer.
/// Runs on the desk's worker; its frame is gone once a subscription goes live.
boost::asio::awaitable<void> converse(Desk& desk, boost::asio::ip::tcp::socket socket, hub::Ticket ticket);

/// Answers 503 to a connection that is one too many, whatever it asks.
boost::asio::awaitable<void> refuse(Desk& desk, boost::asio::ip::tcp::socket socket);

}  // namespace fanlight::server::net
