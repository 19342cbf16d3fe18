#include "collector/serve/server.hpp"

#include <atomic>
#include <chrono>
#include <string>
#include <thread>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>

#include "beast/conversations.hpp"
#include "collector/serve/guard.hpp"
#include "collector/serve/routes.hpp"
#include "collector/serve/tls.hpp"
#include "collector/wire/wire.hpp"
#include "core/clock.hpp"

namespace fanlight::serve {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace websocket = beast::websocket;
using asio::ip::tcp;

constexpr auto kAsResult = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kMaxConnections = 64;
constexpr std::size_t kMaxRequestBytes = 8 * 1024;
constexpr std::chrono::seconds kRequestDeadline{10};
constexpr std::chrono::seconds kWriteDeadline{30};

std::string_view text_of(beast::string_view text) { return {text.data(), text.size()}; }

}  // namespace

struct Server::State {
  State(Options options_in, Source source_in) : options(std::move(options_in)), source(std::move(source_in)) {}
  ~State() {
    context.stop();
    if (thread.joinable()) thread.join();
  }

  asio::awaitable<void> serve_one(tcp::socket socket);
  // A stream is a beast::tcp_stream, or TLS over one.
  template <class Stream>
  asio::awaitable<void> converse(Stream& stream);
  template <class Stream>
  asio::awaitable<void> refuse(Stream& stream, beast::error_code error);
  template <class Stream>
  asio::awaitable<void> respond(Stream& stream, const http::request<http::string_body>& request, bool& keep);
  template <class Stream>
  asio::awaitable<void> feed(Stream stream, http::request<http::string_body> request);
  bool may_come_in(const http::request<http::string_body>& request) const;
  bool knows_token(const http::request<http::string_body>& request) const;

  Options options;
  Source source;
  std::uint16_t port = 0;
  std::size_t connections = 0;
  asio::io_context context{1};
  tcp::acceptor acceptor{context};
  std::unique_ptr<asio::ssl::context> tls;  // none: plain
  std::thread thread;
};

bool Server::State::may_come_in(const http::request<http::string_body>& request) const {
  return may_ask(text_of(request[http::field::host]), text_of(request[http::field::origin]), options.address, port,
                 tls != nullptr);
}

bool Server::State::knows_token(const http::request<http::string_body>& request) const {
  if (options.token.empty()) return true;
  return same_secret(text_of(request[http::field::authorization]), "Bearer " + options.token);
}

/// Says what was wrong with bytes that are no request; who closed or was too slow hears nothing.
template <class Stream>
asio::awaitable<void> Server::State::refuse(Stream& stream, beast::error_code error) {
  if (error.category() != beast::error_code(http::error::bad_method).category() ||
      error == http::error::end_of_stream || error == http::error::partial_message) {
    co_return;
  }
  const bool header = error == http::error::header_limit || error == http::error::buffer_overflow;
  http::response<http::string_body> response{header ? http::status::request_header_fields_too_large
                                             : error == http::error::body_limit ? http::status::payload_too_large
                                                                                : http::status::bad_request,
                                             11};
  response.set(http::field::content_type, "text/plain; charset=utf-8");
  response.keep_alive(false);
  response.body() = error.message() + "\n";
  response.prepare_payload();
  beast::get_lowest_layer(stream).expires_after(kWriteDeadline);
  co_await http::async_write(stream, response, kAsResult);
}

template <class Stream>
asio::awaitable<void> Server::State::respond(Stream& stream, const http::request<http::string_body>& request,
                                             bool& keep) {
  const std::uint64_t from_ns = monotonic_ns();
  const std::string target(text_of(request.target()));
  Answer reply;
  if (!may_come_in(request)) {
    reply = {.status = 403, .body = "this page answers only to its own address\n"};
  } else if (!knows_token(request)) {
    reply = {.status = 401, .body = "send the header Authorization: Bearer TOKEN\n"};
  } else if (request.method() != http::verb::get && request.method() != http::verb::head) {
    reply = {.status = 405, .body = "only GET and HEAD\n"};
  } else if (const auto wait = wait_of(target); !wait) {
    reply = {.status = 400, .body = "seconds: a whole number from 1 to 300\n"};
  } else {
    if (wait->time.count() > 0) {
      const auto until_ns = from_ns + static_cast<std::uint64_t>(std::chrono::nanoseconds(wait->time).count());
      asio::steady_timer timer(context, wait->time);
      co_await timer.async_wait(kAsResult);
      // The last seconds are in a slice that is still open.
      for (int i = 0; i < 40 && source.since_attach().to_ns < until_ns; ++i) {
        timer.expires_after(std::chrono::milliseconds(50));
        co_await timer.async_wait(kAsResult);
      }
    }
    reply = answer(target, from_ns, source);
  }
  http::response<http::string_body> response{static_cast<http::status>(reply.status), request.version()};
  response.set(http::field::content_type, reply.type);
  response.set(http::field::cache_control, "no-store");
  response.set("X-Content-Type-Options", "nosniff");
  if (reply.status == 401) response.set(http::field::www_authenticate, "Bearer");
  if (!reply.download.empty()) response.set(http::field::content_disposition, "attachment; filename=" + reply.download);
  response.keep_alive(request.keep_alive());
  if (!reply.upgrade.empty()) {
    response.set(http::field::upgrade, reply.upgrade);
    response.set(http::field::connection, request.keep_alive() ? "upgrade" : "upgrade, close");
  }
  response.content_length(reply.body.size());
  if (request.method() != http::verb::head) response.body() = std::move(reply.body);
  beast::get_lowest_layer(stream).expires_after(kWriteDeadline);
  if (request.method() == http::verb::head) {
    http::response_serializer<http::string_body> head(response);
    const auto [error, bytes] = co_await http::async_write_header(stream, head, kAsResult);
    keep = !error && response.keep_alive();
    co_return;
  }
  const auto [error, bytes] = co_await http::async_write(stream, response, kAsResult);
  keep = !error && response.keep_alive();
}

template <class Stream>
asio::awaitable<void> Server::State::feed(Stream stream, http::request<http::string_body> request) {
  beast::get_lowest_layer(stream).expires_never();
  // Without compression, which would take a minute to compile and is never offered.
  websocket::stream<Stream, false> socket(std::move(stream));
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

template <class Stream>
asio::awaitable<void> Server::State::converse(Stream& stream) {
  beast::flat_buffer buffer(kMaxRequestBytes);
  bool keep = true;
  while (keep) {
    http::request_parser<http::string_body> parser;
    parser.header_limit(kMaxRequestBytes);
    parser.body_limit(kMaxRequestBytes);  // read only to be refused with words
    beast::get_lowest_layer(stream).expires_after(kRequestDeadline);
    const auto [error, bytes] = co_await http::async_read(stream, buffer, parser, kAsResult);
    if (error) {
      co_await refuse(stream, error);
      co_return;
    }
    http::request<http::string_body> request = parser.release();
    const bool allowed = may_come_in(request) && knows_token(request);
    if (allowed && websocket::is_upgrade(request) && text_of(request.target()) == "/live") {
      co_await feed(std::move(stream), std::move(request));
      co_return;
    }
    co_await respond(stream, request, keep);
  }
}

asio::awaitable<void> Server::State::serve_one(tcp::socket socket) {
  beast::error_code ignored;
  if (tls == nullptr) {
    beast::tcp_stream stream(std::move(socket));
    co_await converse(stream);
    stream.socket().shutdown(tcp::socket::shutdown_send, ignored);
    co_return;
  }
  beast::ssl_stream<beast::tcp_stream> stream(std::move(socket), *tls);
  beast::get_lowest_layer(stream).expires_after(kRequestDeadline);
  if (const auto [error] = co_await stream.async_handshake(asio::ssl::stream_base::server, kAsResult); error) co_return;
  co_await converse(stream);
  beast::get_lowest_layer(stream).expires_after(std::chrono::seconds(1));
  co_await stream.async_shutdown(kAsResult);
}

Server::Server(std::unique_ptr<State> state) : state_(std::move(state)) {}
Server::Server(Server&&) noexcept = default;
Server& Server::operator=(Server&&) noexcept = default;
Server::~Server() = default;

std::uint16_t Server::port() const { return state_->port; }

Result<Server> Server::start(const Options& options, Source source) {
  const std::string where = "serve on " + options.address + ":" + std::to_string(options.port);
  auto state = std::make_unique<State>(options, std::move(source));
  beast::error_code error;
  const auto address = asio::ip::make_address(options.address, error);
  if (error) return fail(0, where + ": not an IP address", "write it like 127.0.0.1 or ::1");
  const bool secret = !options.token.empty() && !options.certificate.empty() && !options.key.empty();
  if (!address.is_loopback() && !secret) {
    return fail(EPERM, where + ": stacks and labels are secrets, and others can reach this address",
                "give --token-file, --tls-cert and --tls-key, or listen on 127.0.0.1 and use ssh -L");
  }
  if (!options.certificate.empty() || !options.key.empty()) {
    auto context = tls_context(options.certificate, options.key);
    if (!context) return within(where, context.error());
    state->tls = std::move(*context);
  }
  const tcp::endpoint endpoint(address, options.port);
  if (error = listen_on(state->acceptor, endpoint); error) {
    return fail(error.value(), where,
                "choose another with --listen 127.0.0.1:0 (any free port), or stop what listens there: ss -ltnp");
  }
  state->port = state->acceptor.local_endpoint(error).port();
  State* running = state.get();
  asio::co_spawn(state->context,
                 converse_with_all(state->acceptor, kMaxConnections, state->connections,
                                   [running](tcp::socket socket) { return running->serve_one(std::move(socket)); }),
                 asio::detached);
  state->thread = std::thread([running] { running->context.run(); });
  return Server(std::move(state));
}

}  // namespace fanlight::serve
