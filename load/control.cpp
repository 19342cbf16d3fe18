#include "load/control.hpp"

#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include "beast/conversations.hpp"
#include "load/listen_address.hpp"
#include "load/metrics.hpp"

namespace fanlight::load {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;

constexpr auto kAsResult = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kMaxConnections = 32;
constexpr std::size_t kMaxRequestBytes = 16 * 1024;
constexpr std::size_t kMaxBodyBytes = 1024 * 1024;
constexpr std::chrono::seconds kDeadline{10};

std::string_view text_of(beast::string_view text) { return {text.data(), text.size()}; }

struct Answer {
  http::status status = http::status::ok;
  std::string type = "text/plain; charset=utf-8";
  std::string body;
};

}  // namespace

struct Control::State {
  State(const Running& running_in) : running(running_in) {}
  ~State() {
    context.stop();
    if (thread.joinable()) thread.join();
  }

  /// A page of another site must not steer a run through the user's browser.
  bool may_ask(std::string_view host, std::string_view origin) const {
    const std::string port = address.substr(address.rfind(':'));
    const auto ours = [&](std::string_view name) {
      return name == address || name == "127.0.0.1" + port || name == "localhost" + port || name == "[::1]" + port;
    };
    constexpr std::string_view kScheme = "http://";
    return ours(host) && (origin.empty() || (origin.starts_with(kScheme) && ours(origin.substr(kScheme.size()))));
  }

  Answer answer(const http::request<http::string_body>& request) const {
    const std::string_view target = text_of(request.target());
    const bool reads = request.method() == http::verb::get || request.method() == http::verb::head;
    if (!may_ask(text_of(request[http::field::host]), text_of(request[http::field::origin])))
      return {http::status::forbidden, {}, "this answers only to its own address\n"};
    if (target == "/policy" && request.method() == http::verb::post) {
      if (const auto applied = apply_policy(request.body(), running); !applied)
        return {http::status::bad_request, {}, applied.error().what + "\nhint: " + applied.error().hint + "\n"};
      return {http::status::ok, "application/json", policy_text(running)};
    }
    if (!reads) return {http::status::method_not_allowed, {}, "GET, and POST of /policy\n"};
    if (target == "/metrics")
      return {http::status::ok, "text/plain; version=0.0.4; charset=utf-8", metrics_text(running)};
    if (target == "/policy") return {http::status::ok, "application/json", policy_text(running)};
    if (target == "/healthz") return {http::status::ok, {}, "ok\n"};
    return {http::status::not_found, {}, "there are /metrics, /policy and /healthz\n"};
  }

  asio::awaitable<void> converse(tcp::socket socket) {
    beast::tcp_stream stream(std::move(socket));
    beast::flat_buffer buffer(kMaxRequestBytes);
    for (bool keep = true; keep;) {
      http::request_parser<http::string_body> parser;
      parser.header_limit(kMaxRequestBytes);
      parser.body_limit(kMaxBodyBytes);
      stream.expires_after(kDeadline);
      if (const auto [error, bytes] = co_await http::async_read(stream, buffer, parser, kAsResult); error) break;
      const http::request<http::string_body> request = parser.release();
      // Read all the same: whoever is not read to the end does not read the answer either.
      const bool too_long = request.body().size() > kMaxRequestBytes;
      Answer reply =
          too_long ? Answer{http::status::payload_too_large, {}, "a policy takes 16 KiB at most\n"} : answer(request);
      http::response<http::string_body> response{reply.status, request.version()};
      response.set(http::field::content_type, reply.type.empty() ? "text/plain; charset=utf-8" : reply.type);
      response.set(http::field::cache_control, "no-store");
      response.keep_alive(request.keep_alive());
      response.content_length(reply.body.size());
      if (request.method() != http::verb::head) response.body() = std::move(reply.body);
      http::response_serializer<http::string_body> serializer(response);
      stream.expires_after(kDeadline);
      if (request.method() == http::verb::head) {
        const auto [error, bytes] = co_await http::async_write_header(stream, serializer, kAsResult);
        keep = !error && response.keep_alive();
      } else {
        const auto [error, bytes] = co_await http::async_write(stream, serializer, kAsResult);
        keep = !error && response.keep_alive();
      }
    }
    beast::error_code ignored;
    stream.socket().shutdown(tcp::socket::shutdown_send, ignored);
  }

  Running running;
  std::string address;
  std::size_t connections = 0;
  asio::io_context context{1};
  tcp::acceptor acceptor{context};
  std::thread thread;
};

Control::Control(std::unique_ptr<State> state) : state_(std::move(state)) {}
Control::Control(Control&&) noexcept = default;
Control& Control::operator=(Control&&) noexcept = default;
Control::~Control() = default;
const std::string& Control::address() const { return state_->address; }

Result<Control> Control::start(std::string_view listen, const Running& running) {
  const std::string where = "--listen " + std::string(listen);
  const auto parsed = parse_listen("--listen", listen);
  if (!parsed) return std::unexpected(parsed.error());
  tcp::endpoint endpoint;
  endpoint.resize(parsed->size);
  std::memcpy(endpoint.data(), &parsed->address, parsed->size);
  beast::error_code error;
  auto state = std::make_unique<State>(running);
  if (error = listen_on(state->acceptor, endpoint); error)
    return fail(error.value(), where, "choose another port, or 127.0.0.1:0 for any that is free");
  state->address = std::string(listen.substr(0, listen.rfind(':'))) + ":" +
                   std::to_string(state->acceptor.local_endpoint(error).port());
  State* running_state = state.get();
  asio::co_spawn(
      state->context,
      converse_with_all(state->acceptor, kMaxConnections, state->connections,
                        [running_state](tcp::socket socket) { return running_state->converse(std::move(socket)); }),
      asio::detached);
  state->thread = std::thread([running_state] { running_state->context.run(); });
  return Control(std::move(state));
}

}  // namespace fanlight::load
