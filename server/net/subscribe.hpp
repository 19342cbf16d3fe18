// From a request to a subscriber. In: a stream whose request has been read. Out: a live session in the worker's table.
#pragma once

#include <string>

#include <boost/asio/awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>

#include "server/hub/subscriber.hpp"
#include "server/net/desk.hpp"

namespace fanlight::server::net {

using Request = boost::beast::http::request<boost::beast::http::string_body>;

/// Sends the head of an event stream and hands the socket over. `session` has joined already.
boost::asio::awaitable<void> become_stream(Desk& desk, hub::SessionRef session, boost::beast::tcp_stream stream,
                                           boost::beast::flat_buffer early);

/// Lets Beast answer the upgrade (it checks version and key, and answers itself when they are wrong), then hands over.
boost::asio::awaitable<void> become_websocket(Desk& desk, hub::SessionRef session, boost::beast::tcp_stream stream,
                                              Request request, boost::beast::flat_buffer early);

}  // namespace fanlight::server::net
