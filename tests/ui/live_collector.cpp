#include "tests/ui/live_collector.hpp"

#include <chrono>
#include <limits>
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
      if (manner == Manner::truncated || manner == Manner::absurd || manner == Manner::trickle) {
        co_await lie(stream.next_layer());
        co_return;
      }
      const std::string reply = answer({static_cast<const char*>(message.data().data()), got});
      const auto [unsent, sent] = co_await stream.async_write(asio::buffer(reply), as_result);
      if (unsent) co_return;
    }
  }

  /// Below the WebSocket: frames that are none.
  asio::awaitable<void> lie(beast::tcp_stream& socket) {
    std::string frame = "\x82\x7e\x7f\x00";  // binary, 32,512 bytes
    frame[3] = '\0';
    frame.resize(4);
    if (manner == Manner::absurd) frame.assign("\x82\x7f\x00\x00\x01\x00\x00\x00\x00\x00", 10);
    if (manner == Manner::truncated) frame += std::string(1000, '\x12');
    const auto [unsent, sent] = co_await asio::async_write(socket, asio::buffer(frame), as_result);
    if (unsent || manner == Manner::truncated) co_return;
    asio::steady_timer timer(context);
    for (;;) {
      timer.expires_after(std::chrono::milliseconds(20));
      co_await timer.async_wait(as_result);
      const auto [lost, byte] = co_await asio::async_write(socket, asio::buffer("\x0a", 1), as_result);
      if (lost) co_return;
    }
  }

  /// What no collector would say, in words that every decoder takes.
  static void spoil(profile::Profile& profile) {
    profile.from_ns = ~std::uint64_t{0} - 5;
    profile.to_ns = ~std::uint64_t{0};
    profile.realtime_offset_ns = std::numeric_limits<std::int64_t>::min();
    profile.cost.cpu_ns = ~std::uint64_t{0};
    for (profile::Thread& thread : profile.threads) {
      thread.ns.fill(~std::uint64_t{0});
      thread.from_ns = 7;
      thread.to_ns = 3;
      thread.name = std::string(5000, 'x') + "\xff\x00\n";
    }
    for (profile::SampleRow& row : profile.samples) row.weight = row.count = row.time_ns = ~std::uint64_t{0};
    for (profile::SecondPoint& second : profile.seconds) std::swap(second.from_ns, second.to_ns);
    if (!profile.seconds.empty()) profile.seconds.back() = {.from_ns = 0, .to_ns = ~std::uint64_t{0}};
    for (profile::ThreadPoint& point : profile.thread_points) point.ns = point.kernel_ns = ~std::uint64_t{0};
    for (profile::TimelineRow& row : profile.timeline) row.time_ns = ~row.time_ns;
    for (profile::Metric& metric : profile.metrics) metric.value = std::numeric_limits<double>::quiet_NaN();
    for (profile::SecondPoint& second : profile.seconds)
      for (profile::Metric& metric : second.metrics) metric.value = std::numeric_limits<double>::infinity();
  }

  std::string answer(std::string_view bytes) {
    if (manner == Manner::garbage) return "\x01\x02 no reply at all";
    const auto request = wire::decode_request(bytes);
    if (!request) return wire::encode_reply({0, std::string("bad request")});
    if (manner == Manner::aged) {
      std::string reply = wire::encode_reply({request->id, std::string("old")});
      reply[1] = 99;  // the version is the first field
      return reply;
    }
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
    if (manner == Manner::nested && !profile.samples.empty()) profile.samples[0].stack = 1u << 30;
    if (manner == Manner::insane) spoil(profile);
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
