#include "collector/serve/live_feed.hpp"

#include <string>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket.hpp>

#include "collector/wire/wire.hpp"

namespace fanlight::serve {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;

asio::awaitable<void> feed_live(Channel channel, http::request<http::string_body> request, const Source& source) {
  constexpr auto kAsResult = asio::as_tuple(asio::use_awaitable);
  channel.expires_after(std::chrono::nanoseconds(-1));
  // Without compression, which would take a minute to compile and is never offered.
  websocket::stream<Channel, false> socket(std::move(channel));
  socket.set_option(websocket::stream_base::timeout::suggested(beast::role_type::server));
  socket.read_message_max(1024);  // a request is a few bytes
  if (const auto [error] = co_await socket.async_accept(request, kAsResult); error) co_return;
  socket.binary(true);
  beast::flat_buffer buffer;
  for (;;) {
    buffer.clear();
    if (const auto [error, bytes] = co_await socket.async_read(buffer, kAsResult); error) co_return;
    const auto data = buffer.cdata();
    const auto asked = wire::decode_request({static_cast<const char*>(data.data()), data.size()});
    if (!asked) {
      co_await socket.async_close({websocket::close_code::bad_payload, asked.error().what.substr(0, 100)}, kAsResult);
      co_return;
    }
    const std::string reply = wire::encode_reply(asked->id, source.query(asked->from_ns, asked->to_ns));
    if (const auto [error, bytes] = co_await socket.async_write(asio::buffer(reply), kAsResult); error) co_return;
  }
}

}  // namespace fanlight::serve
