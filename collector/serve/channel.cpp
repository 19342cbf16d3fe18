#include "collector/serve/channel.hpp"

#include <exception>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/stream_traits.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>

namespace fanlight::serve {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::ip::tcp;

constexpr auto kResult = asio::as_tuple(asio::use_awaitable);

class Channel::Below {
 public:
  virtual ~Below() = default;
  virtual void read(Into into, Done done) = 0;
  virtual void write(From from, Done done) = 0;
  virtual asio::awaitable<Error> greet() = 0;
  virtual asio::awaitable<void> leave() = 0;
  virtual beast::tcp_stream& lowest() = 0;
};

namespace {

class Plain final : public Channel::Below {
 public:
  explicit Plain(tcp::socket socket) : stream_(std::move(socket)) {}
  void read(Channel::Into into, Channel::Done done) override { stream_.async_read_some(into, std::move(done)); }
  void write(Channel::From from, Channel::Done done) override { stream_.async_write_some(from, std::move(done)); }
  asio::awaitable<Channel::Error> greet() override { co_return Channel::Error{}; }
  asio::awaitable<void> leave() override {
    Channel::Error ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
    co_return;
  }
  beast::tcp_stream& lowest() override { return stream_; }

 private:
  beast::tcp_stream stream_;
};

class Tls final : public Channel::Below {
 public:
  Tls(tcp::socket socket, asio::ssl::context& context) : stream_(std::move(socket), context) {}
  void read(Channel::Into into, Channel::Done done) override { stream_.async_read_some(into, std::move(done)); }
  void write(Channel::From from, Channel::Done done) override { stream_.async_write_some(from, std::move(done)); }
  asio::awaitable<Channel::Error> greet() override {
    const auto [error] = co_await stream_.async_handshake(asio::ssl::stream_base::server, kResult);
    co_return error;
  }
  asio::awaitable<void> leave() override { co_await stream_.async_shutdown(kResult); }
  beast::tcp_stream& lowest() override { return beast::get_lowest_layer(stream_); }

 private:
  beast::ssl_stream<beast::tcp_stream> stream_;
};

}  // namespace

Channel::Channel(tcp::socket socket, asio::ssl::context* tls) {
  if (tls == nullptr) {
    below_ = std::make_unique<Plain>(std::move(socket));
  } else {
    below_ = std::make_unique<Tls>(std::move(socket), *tls);
  }
}
Channel::Channel(Channel&&) noexcept = default;
Channel& Channel::operator=(Channel&&) noexcept = default;
Channel::~Channel() = default;

Channel::executor_type Channel::get_executor() noexcept { return below_->lowest().get_executor(); }
void Channel::expires_after(std::chrono::nanoseconds time) {
  if (time.count() < 0) {
    below_->lowest().expires_never();
  } else {
    below_->lowest().expires_after(time);
  }
}
asio::awaitable<Channel::Error> Channel::greet() { return below_->greet(); }
asio::awaitable<void> Channel::leave() {
  expires_after(std::chrono::seconds(1));
  return below_->leave();
}
void Channel::leave(std::move_only_function<void(Error)> done) {
  asio::co_spawn(get_executor(), leave(), [done = std::move(done)](std::exception_ptr) mutable { done(Error{}); });
}
void Channel::close() { below_->lowest().close(); }
void Channel::read(Into into, Done done) { below_->read(into, std::move(done)); }
void Channel::write(From from, Done done) { below_->write(from, std::move(done)); }

void teardown(beast::role_type, Channel& channel, Channel::Error& error) {
  error = {};
  channel.close();
}

void beast_close_socket(Channel& channel) { channel.close(); }

}  // namespace fanlight::serve
