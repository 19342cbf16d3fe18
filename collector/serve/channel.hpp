// One accepted connection as one type. In: a socket, TLS or none. Out: what Beast calls an asynchronous stream.
// Plain and TLS hide behind virtual calls, so that Beast's HTTP and WebSocket operations are compiled once and not once
// for each; a call and an allocation an operation are nothing beside what is sent here.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <utility>

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/role.hpp>

namespace fanlight::serve {

/// A connection. Threads: its executor's. Errors: as the stream below reports them.
class Channel {
 public:
  using executor_type = boost::asio::any_io_executor;
  using Error = boost::system::error_code;
  using Done = std::move_only_function<void(Error, std::size_t)>;

  /// The first pieces of a buffer sequence, held by value; what does not fit is left to the next call, as a partial
  /// read or write is.
  template <class Buffer>
  class Pieces {
   public:
    using value_type = Buffer;
    using const_iterator = const Buffer*;
    template <class Sequence>
    explicit Pieces(const Sequence& from) {
      for (auto at = boost::asio::buffer_sequence_begin(from);
           at != boost::asio::buffer_sequence_end(from) && count_ < buffers_.size(); ++at) {
        buffers_[count_++] = *at;
      }
    }
    const_iterator begin() const { return buffers_.data(); }
    const_iterator end() const { return buffers_.data() + count_; }

   private:
    std::array<Buffer, 8> buffers_{};
    std::size_t count_ = 0;
  };
  using Into = Pieces<boost::asio::mutable_buffer>;
  using From = Pieces<boost::asio::const_buffer>;

  /// `tls` may be null: plain; else it outlives the channel.
  Channel(boost::asio::ip::tcp::socket socket, boost::asio::ssl::context* tls);
  Channel(Channel&&) noexcept;
  Channel& operator=(Channel&&) noexcept;
  ~Channel();

  executor_type get_executor() noexcept;
  /// Reads and writes begun from now on fail with `beast::error::timeout` after `time`; a negative time means never.
  void expires_after(std::chrono::nanoseconds time);
  /// TLS: the handshake. Plain: nothing.
  boost::asio::awaitable<Error> greet();
  /// Says goodbye in the way of the stream, within a second; the peer may not answer.
  boost::asio::awaitable<void> leave();
  /// The same, and calls `done` afterwards.
  void leave(std::move_only_function<void(Error)> done);
  /// Closes at once.
  void close();

  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_initiate<Token, void(Error, std::size_t)>(
        [this](auto handler, Into into) { read(into, Done(std::move(handler))); }, token, Into(buffers));
  }
  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return boost::asio::async_initiate<Token, void(Error, std::size_t)>(
        [this](auto handler, From from) { write(from, Done(std::move(handler))); }, token, From(buffers));
  }

  /// The stream below, plain or TLS.
  class Below;

 private:
  void read(Into into, Done done);
  void write(From from, Done done);
  std::unique_ptr<Below> below_;
};

/// What Beast's WebSocket asks of a stream that it does not know: how to end it when the closing handshake is done.
void teardown(boost::beast::role_type role, Channel& channel, Channel::Error& error);
template <class Handler>
void async_teardown(boost::beast::role_type, Channel& channel, Handler&& handler) {
  channel.leave(std::forward<Handler>(handler));
}
/// And how to end it when a time-out passed.
void beast_close_socket(Channel& channel);

}  // namespace fanlight::serve
