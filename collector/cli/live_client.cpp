#include "collector/cli/live_client.hpp"

#include <cerrno>
#include <utility>
#include <variant>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/websocket.hpp>

#include "collector/wire/wire.hpp"

namespace fanlight::cli {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using asio::ip::tcp;

constexpr const char* kHint = "start it with sudo fanlight attach --pid N, or say where with --connect HOST:PORT";

}  // namespace

struct LiveClient::State {
  /// Starts one operation and runs it to its end, but not for ever.
  template <class Start>
  beast::error_code run(Start start) {
    beast::error_code result = asio::error::timed_out;
    start([&result](beast::error_code error, auto&&...) { result = error; });
    context.restart();
    context.run_for(patience);
    if (!context.stopped()) {
      beast::error_code ignored;
      beast::get_lowest_layer(socket).socket().close(ignored);
      context.run();
      result = asio::error::timed_out;
    }
    return result;
  }

  std::string where;
  std::chrono::milliseconds patience{5000};
  std::uint64_t last_id = 0;
  asio::io_context context{1};
  websocket::stream<beast::tcp_stream, false> socket{context};
};

LiveClient::LiveClient(std::unique_ptr<State> state) : state_(std::move(state)) {}
LiveClient::LiveClient(LiveClient&&) noexcept = default;
LiveClient& LiveClient::operator=(LiveClient&&) noexcept = default;
LiveClient::~LiveClient() = default;

Result<LiveClient> LiveClient::connect(const std::string& where, std::chrono::milliseconds patience) {
  auto state = std::make_unique<State>();
  state->where = where;
  state->patience = patience;
  const std::size_t colon = where.rfind(':');
  std::string host = where.substr(0, colon);
  const std::string port = colon == std::string::npos ? "9180" : where.substr(colon + 1);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  beast::error_code error;
  tcp::resolver resolver(state->context);
  const auto addresses = resolver.resolve(host, port, error);
  if (error) return fail(0, where + ": " + error.message(), kHint);
  error =
      state->run([&](auto done) { beast::get_lowest_layer(state->socket).async_connect(addresses, std::move(done)); });
  if (error) return fail(0, "no collector at " + where + ": " + error.message(), kHint);
  state->socket.read_message_max(wire::kMaxBytes);
  state->socket.binary(true);
  error = state->run([&](auto done) { state->socket.async_handshake(where, "/live", std::move(done)); });
  if (error) return fail(0, where + " is no collector: " + error.message(), kHint);
  return LiveClient(std::move(state));
}

Result<profile::Profile> LiveClient::ask(std::uint64_t from_ns, std::uint64_t to_ns) {
  State& state = *state_;
  const std::string request = wire::encode_request({++state.last_id, from_ns, to_ns});
  beast::error_code error =
      state.run([&](auto done) { state.socket.async_write(asio::buffer(request), std::move(done)); });
  if (error) return fail(0, "ask " + state.where + ": " + error.message());
  beast::flat_buffer buffer;
  error = state.run([&](auto done) { state.socket.async_read(buffer, std::move(done)); });
  if (error) return fail(0, "answer of " + state.where + ": " + error.message());
  const auto bytes = buffer.cdata();
  auto reply = wire::decode_reply({static_cast<const char*>(bytes.data()), bytes.size()});
  if (!reply) return within("answer of " + state.where, reply.error());
  if (auto* profile = std::get_if<profile::Profile>(&reply->answer)) return std::move(*profile);
  return fail(0, "answer of " + state.where + ": " + std::get<std::string>(reply->answer));
}

}  // namespace fanlight::cli
