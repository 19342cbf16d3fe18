// What every small server on one io_context begins with. In: an address, what to say to a client. Out: conversations.
#pragma once

#include <chrono>
#include <cstddef>
#include <exception>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace fanlight {

/// Binds and listens. Errors: the address is not ours, the port is taken.
inline boost::system::error_code listen_on(boost::asio::ip::tcp::acceptor& acceptor,
                                           const boost::asio::ip::tcp::endpoint& endpoint) {
  boost::system::error_code error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(boost::asio::socket_base::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(boost::asio::socket_base::max_listen_connections, error);
  return error;
}

/// Accepts until the acceptor is cancelled and runs `converse(socket)`, a coroutine, for each; who comes when `most`
/// are there is hung up on. `now` counts them, and outlives this, as `converse` does. Threads: the acceptor's
/// context's.
template <class Converse>
boost::asio::awaitable<void> converse_with_all(boost::asio::ip::tcp::acceptor& acceptor, std::size_t most,
                                               std::size_t& now, Converse converse) {
  namespace asio = boost::asio;
  constexpr auto kAsResult = asio::as_tuple(asio::use_awaitable);
  for (;;) {
    auto [error, socket] = co_await acceptor.async_accept(kAsResult);
    if (error == asio::error::operation_aborted) co_return;
    if (error) {
      // Out of descriptors, most likely: wait for some to come back instead of spinning.
      asio::steady_timer pause(acceptor.get_executor(), std::chrono::milliseconds(100));
      co_await pause.async_wait(kAsResult);
      continue;
    }
    if (now >= most) continue;  // the socket closes here
    ++now;
    asio::co_spawn(acceptor.get_executor(), converse(std::move(socket)), [&now](std::exception_ptr) { --now; });
  }
}

}  // namespace fanlight
