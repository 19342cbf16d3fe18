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
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket/rfc6455.hpp>

#include "beast/conversations.hpp"
#include "collector/serve/channel.hpp"
#include "collector/serve/guard.hpp"
#include "collector/serve/live_feed.hpp"
#include "collector/serve/routes.hpp"
#include "collector/serve/tls.hpp"
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
  // Whether the channel is still here to be taken leave of.
  asio::awaitable<bool> converse(Channel& channel);
  asio::awaitable<void> refuse(Channel& channel, beast::error_code error);
  asio::awaitable<void> respond(Channel& channel, const http::request<http::string_body>& request, bool& keep);
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
asio::awaitable<void> Server::State::refuse(Channel& channel, beast::error_code error) {
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
  channel.expires_after(kWriteDeadline);
  co_await http::async_write(channel, response, kAsResult);
}

asio::awaitable<void> Server::State::respond(Channel& channel, const http::request<http::string_body>& request,
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
  channel.expires_after(kWriteDeadline);
  if (request.method() == http::verb::head) {
    http::response_serializer<http::string_body> head(response);
    const auto [error, bytes] = co_await http::async_write_header(channel, head, kAsResult);
    keep = !error && response.keep_alive();
    co_return;
  }
  const auto [error, bytes] = co_await http::async_write(channel, response, kAsResult);
  keep = !error && response.keep_alive();
}

asio::awaitable<bool> Server::State::converse(Channel& channel) {
  beast::flat_buffer buffer(kMaxRequestBytes);
  bool keep = true;
  while (keep) {
    http::request_parser<http::string_body> parser;
    parser.header_limit(kMaxRequestBytes);
    parser.body_limit(kMaxRequestBytes);  // read only to be refused with words
    channel.expires_after(kRequestDeadline);
    const auto [error, bytes] = co_await http::async_read(channel, buffer, parser, kAsResult);
    if (error) {
      co_await refuse(channel, error);
      co_return true;
    }
    http::request<http::string_body> request = parser.release();
    const bool allowed = may_come_in(request) && knows_token(request);
    if (allowed && websocket::is_upgrade(request) && text_of(request.target()) == "/live") {
      co_await feed_live(std::move(channel), std::move(request), source);
      co_return false;
    }
    co_await respond(channel, request, keep);
  }
  co_return true;
}

asio::awaitable<void> Server::State::serve_one(tcp::socket socket) {
  Channel channel(std::move(socket), tls.get());
  channel.expires_after(kRequestDeadline);
  if (co_await channel.greet()) co_return;
  if (co_await converse(channel)) co_await channel.leave();
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
