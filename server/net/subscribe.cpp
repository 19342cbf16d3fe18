#include "server/net/subscribe.hpp"

#include <span>
#include <string_view>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/websocket.hpp>

#include "server/net/answer.hpp"

namespace fanlight::server::net {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;

constexpr auto kAsResult = asio::as_tuple(asio::use_awaitable);

// No length and no chunks: the stream lasts as long as the connection.
constexpr std::string_view kStreamHead =
    "HTTP/1.1 200 OK\r\n"
    "Server: fanlight-server\r\n"
    "Content-Type: text/event-stream\r\n"
    "Cache-Control: no-cache\r\n"
    "X-Accel-Buffering: no\r\n"
    "Connection: close\r\n"
    "\r\n";

std::span<const std::byte> bytes_of(const beast::flat_buffer& buffer) {
  return {static_cast<const std::byte*>(buffer.cdata().data()), buffer.size()};
}

}  // namespace

asio::awaitable<void> become_stream(Desk& desk, hub::SessionRef session, beast::tcp_stream stream,
                                    beast::flat_buffer early) {
  stream.expires_after(desk.options.request_deadline);
  const auto [error, bytes] = co_await asio::async_write(stream, asio::buffer(kStreamHead), kAsResult);
  if (error) {
    ++desk.counts.disconnects;
    desk.worker.abandon(session);
    co_return;
  }
  ++desk.counts.answers[200];
  stream.expires_never();
  desk.worker.start(session, stream.release_socket(), bytes_of(early));
}

asio::awaitable<void> become_websocket(Desk& desk, hub::SessionRef session, beast::tcp_stream stream, Request request,
                                       beast::flat_buffer early) {
  stream.expires_after(desk.options.request_deadline);
  websocket::stream<beast::tcp_stream> upgrade(std::move(stream));
  upgrade.set_option(websocket::stream_base::decorator([](websocket::response_type& response) {
    response.set(beast::http::field::server, beast::string_view(kServerName.data(), kServerName.size()));
  }));
  const auto [error] = co_await upgrade.async_accept(request, kAsResult);
  if (error) {
    ++desk.counts.malformed;
    desk.worker.abandon(session);
    co_return;
  }
  ++desk.counts.answers[101];
  upgrade.next_layer().expires_never();
  desk.worker.start(session, upgrade.next_layer().release_socket(), bytes_of(early));
}

}  // namespace fanlight::server::net
