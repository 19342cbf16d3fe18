#include "tests/ui/live_collector.hpp"

#include <chrono>
#include <mutex>
#include <thread>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>

#include "collector/wire/wire.hpp"

namespace fanlight::ui::testing {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using tcp = asio::ip::tcp;
constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

}  // namespace

struct LiveCollector::State {
  State(profile::Window shown, Manner chosen, std::uint16_t port, bool growing)
      : window(std::move(shown)), manner(chosen), grow(growing), acceptor(context) {
    const tcp::endpoint where(asio::ip::address_v4::loopback(), port);
    acceptor.open(where.protocol());
    acceptor.set_option(tcp::acceptor::reuse_address(true));
    acceptor.bind(where);
    acceptor.listen();
    bound_port = acceptor.local_endpoint().port();
    asio::co_spawn(context, accept(), asio::detached);
    thread = std::thread([this] { context.run(); });
  }
  ~State() {
    context.stop();
    thread.join();
  }

  asio::awaitable<void> accept() {
    for (;;) {
      auto [error, socket] = co_await acceptor.async_accept(as_result);
      if (error) co_return;
      asio::co_spawn(context, serve(std::move(socket)), asio::detached);
    }
  }

  asio::awaitable<void> serve(tcp::socket socket) {
    beast::websocket::stream<beast::tcp_stream> stream(std::move(socket));
    beast::flat_buffer buffer;
    beast::http::request<beast::http::string_body> upgrade;
    const auto [unread, size] = co_await beast::http::async_read(stream.next_layer(), buffer, upgrade, as_result);
    if (unread) co_return;
    {
      const std::lock_guard hold(mutex);
      host = upgrade[beast::http::field::host];
    }
    if (manner == Manner::plain || upgrade.target() != "/live") {
      beast::http::response<beast::http::string_body> refusal(beast::http::status::not_found, 11);
      refusal.prepare_payload();
      co_await beast::http::async_write(stream.next_layer(), refusal, as_result);
      co_return;
    }
    const auto [declined] = co_await stream.async_accept(upgrade, as_result);
    if (declined) co_return;
    stream.binary(true);
    for (;;) {
      beast::flat_buffer message;
      const auto [lost, got] = co_await stream.async_read(message, as_result);
      if (lost) co_return;
      requests.fetch_add(1);
      if (manner == Manner::silent) continue;
      const std::string reply = answer({static_cast<const char*>(message.data().data()), got});
      const auto [unsent, sent] = co_await stream.async_write(asio::buffer(reply), as_result);
      if (unsent) co_return;
    }
  }

  std::string answer(std::string_view bytes) {
    if (manner == Manner::garbage) return "\x01\x02 no reply at all";
    const auto request = wire::decode_request(bytes);
    if (!request) return wire::encode_reply({0, std::string("bad request")});
    if (manner == Manner::refusing) return wire::encode_reply({request->id, std::string("nothing is being watched")});
    std::uint64_t to = request->to_ns;
    if (grow) {
      const auto age = std::chrono::steady_clock::now() - started;
      const auto slices = std::min<std::size_t>(2 + static_cast<std::size_t>(age / std::chrono::milliseconds(200)),
                                                window.slices().size());
      to = std::min(to, window.slices()[slices - 1].to_ns);
    }
    profile::Profile profile = window.query(request->from_ns, to);
    if (grow) std::erase_if(profile.seconds, [to](const profile::SecondPoint& second) { return second.to_ns > to; });
    return wire::encode_reply(request->id, profile);
  }

  profile::Window window;
  Manner manner;
  bool grow;
  std::chrono::steady_clock::time_point started = std::chrono::steady_clock::now();
  asio::io_context context{1};
  tcp::acceptor acceptor;
  std::uint16_t bound_port = 0;
  std::atomic<std::uint64_t> requests{0};
  std::mutex mutex;
  std::string host;
  std::thread thread;
};

LiveCollector::LiveCollector(profile::Window window, Manner manner, std::uint16_t port, bool grow)
    : state_(std::make_unique<State>(std::move(window), manner, port, grow)) {}
LiveCollector::~LiveCollector() = default;
std::uint16_t LiveCollector::port() const { return state_->bound_port; }
std::uint64_t LiveCollector::requests() const { return state_->requests.load(); }
std::string LiveCollector::host_header() const {
  const std::lock_guard hold(state_->mutex);
  return state_->host;
}

}  // namespace fanlight::ui::testing
