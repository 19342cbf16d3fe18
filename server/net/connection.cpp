#include "server/net/connection.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket/rfc6455.hpp>

#include "core/clock.hpp"
#include "server/hub/topic.hpp"
#include "server/net/answer.hpp"
#include "server/net/route.hpp"
#include "server/net/subscribe.hpp"

namespace fanlight::server::net {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;

constexpr auto kAsResult = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kMaxHeaderBytes = 8 * 1024;
constexpr std::size_t kReadBytes = 4 * 1024;        // of a connection that waits for a request
constexpr std::size_t kMaxBufferBytes = 64 * 1024;  // read at one time; a body is longer, piece by piece
constexpr std::chrono::seconds kRefusalDeadline{1};

using Parser = http::request_parser<http::string_body>;

std::string_view text_of(beast::string_view text) { return {text.data(), text.size()}; }

/// The answer to a request that could not be read; empty when the peer is not there to read one.
std::optional<Response> answer_to(const beast::error_code& error, const Desk& desk) {
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return problem(http::status::request_header_fields_too_large, "the request header is above 8 KiB", "send less");
  }
  if (error == http::error::body_limit) {
    return problem(http::status::payload_too_large,
                   "the body is above " + std::to_string(desk.options.max_body_bytes) + " bytes",
                   "send less, or start the server with a higher --max-body");
  }
  if (error == beast::error::timeout) return std::nullopt;
  if (error.category() == make_error_code(http::error::bad_method).category() && error != http::error::end_of_stream &&
      error != http::error::partial_message) {
    return problem(http::status::bad_request, "this is not an HTTP/1 request", "see RFC 9112");
  }
  return std::nullopt;
}

void count_read_error(const beast::error_code& error, bool answered, DeskReading& counts) {
  if (answered) {
    ++counts.malformed;
  } else if (error == beast::error::timeout) {
    ++counts.timeouts;
  } else {
    ++counts.disconnects;
  }
}

/// Sends one answer. True: the connection may carry another request.
asio::awaitable<bool> send(Desk& desk, beast::tcp_stream& stream, Response response, bool keep, bool head_only) {
  ++desk.counts.answers[response.result_int()];
  response.keep_alive(keep);
  stream.expires_after(desk.options.request_deadline);
  http::response_serializer<http::string_body> serializer(response);
  beast::error_code error;
  if (head_only) {
    std::tie(error, std::ignore) = co_await http::async_write_header(stream, serializer, kAsResult);
  } else {
    std::tie(error, std::ignore) = co_await http::async_write(stream, serializer, kAsResult);
  }
  if (error) ++desk.counts.disconnects;
  co_return keep && !error;
}

/// Ends the connection so that the peer can read the last answer: what it still sends is read and thrown away, because
/// closing over unread bytes would reset the connection under that answer.
asio::awaitable<void> hang_up(beast::tcp_stream& stream) {
  beast::error_code error;
  stream.socket().shutdown(tcp::socket::shutdown_send, error);
  stream.expires_after(kRefusalDeadline);
  std::array<char, 4096> ignored;
  for (std::size_t total = 0; !error && total < (1u << 20);) {
    std::size_t got = 0;
    std::tie(error, got) = co_await stream.async_read_some(asio::buffer(ignored), kAsResult);
    total += got;
  }
}

/// Waits for the first byte of the next request. False: none came, and the connection is to end.
asio::awaitable<bool> next_request(Desk& desk, beast::tcp_stream& stream, beast::flat_buffer& buffer, bool first) {
  if (buffer.size() > 0) co_return true;
  if (desk.stopping && !first) co_return false;
  stream.expires_after(first ? desk.options.request_deadline : desk.options.idle_deadline);
  desk.idle.insert(&stream);
  const auto [error, got] = co_await stream.async_read_some(buffer.prepare(kReadBytes), kAsResult);
  desk.idle.erase(&stream);
  buffer.commit(got);
  if (error == beast::error::timeout && first) ++desk.counts.timeouts;
  co_return !error;
}

Response publish(Desk& desk, std::string_view topic, std::string_view body) {
  const hub::Receipt receipt = desk.hub.publish(topic, body, monotonic_ns());
  return answer(
      http::status::accepted, kJson,
      "{\"subscribers\":" + std::to_string(receipt.subscribers) + ",\"id\":" + std::to_string(receipt.id) + "}\n");
}

/// Everything that has an answer of one piece; subscriptions have left before.
asio::awaitable<Response> respond(Desk& desk, const Route& route, const Request& request) {
  switch (route.endpoint) {
    case Endpoint::publish: co_return publish(desk, route.topic, request.body());
    case Endpoint::metrics:
      co_return answer(http::status::ok, "text/plain; version=0.0.4; charset=utf-8", co_await desk.metrics_page());
    case Endpoint::healthz:
      if (desk.stopping) co_return problem(http::status::service_unavailable, "stopping", "try another server");
      co_return answer(http::status::ok, kJson, "{\"status\":\"ok\"}\n");
    case Endpoint::wrong_method: {
      Response response = problem(http::status::method_not_allowed, "this path does not take that method",
                                  "the Allow header names those that it takes");
      response.set(http::field::allow, beast::string_view(route.allowed.data(), route.allowed.size()));
      co_return response;
    }
    case Endpoint::bad_topic:
      co_return problem(http::status::bad_request, "not a topic name: " + std::string(hub::kTopicRule),
                        "POST /topics/news, GET /sse/news or GET /ws/news");
    default:
      co_return problem(http::status::not_found, "no such path",
                        "GET /sse/{topic}, GET /ws/{topic}, POST /topics/{topic}, GET /metrics, GET /healthz");
  }
}

/// Why a subscription cannot be; empty: it can.
std::optional<Response> objection(const Desk& desk, const Route& route, const Request& request) {
  if (desk.stopping) return problem(http::status::service_unavailable, "the server is stopping", "try another server");
  if (route.endpoint == Endpoint::subscribe_websocket && !beast::websocket::is_upgrade(request)) {
    Response response = problem(http::status::upgrade_required, "this path speaks WebSocket",
                                "connect with a WebSocket client, or GET /sse/{topic}");
    response.set(http::field::upgrade, "websocket");
    return response;
  }
  return std::nullopt;
}

}  // namespace

asio::awaitable<void> converse(Desk& desk, tcp::socket socket, hub::Ticket ticket) {
  beast::tcp_stream stream(std::move(socket));
  beast::flat_buffer buffer(kMaxBufferBytes);
  bool keep = true;
  for (bool first = true; keep; first = false) {
    if (!co_await next_request(desk, stream, buffer, first)) co_return;

    Parser parser;
    parser.header_limit(kMaxHeaderBytes);
    parser.body_limit(desk.options.max_body_bytes);
    stream.expires_after(desk.options.request_deadline);  // for header and body together
    beast::error_code error;
    std::tie(error, std::ignore) = co_await http::async_read_header(stream, buffer, parser, kAsResult);
    if (!error && !parser.is_done()) {
      if (beast::iequals(parser.get()[http::field::expect], "100-continue")) {
        constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
        std::tie(error, std::ignore) = co_await asio::async_write(stream, asio::buffer(kContinue), kAsResult);
      }
      if (!error) std::tie(error, std::ignore) = co_await http::async_read(stream, buffer, parser, kAsResult);
    }
    if (error) {
      std::optional<Response> response = answer_to(error, desk);
      count_read_error(error, response.has_value(), desk.counts);
      if (!response) co_return;
      co_await send(desk, stream, std::move(*response), false, false);
      break;
    }

    Request request = parser.release();
    const Route route = route_of(request.method(), text_of(request.target()));
    const bool stream_wanted = route.endpoint == Endpoint::subscribe_sse;
    if (stream_wanted || route.endpoint == Endpoint::subscribe_websocket) {
      std::optional<Response> refusal = objection(desk, route, request);
      if (!refusal) {
        const auto wire = stream_wanted ? codec::Wire::sse : codec::Wire::websocket;
        const auto session = desk.worker.join(route.topic, wire, std::move(ticket));
        if (session && stream_wanted) {
          co_return co_await become_stream(desk, *session, std::move(stream), std::move(buffer));
        }
        if (session) {
          co_return co_await become_websocket(desk, *session, std::move(stream), std::move(request), std::move(buffer));
        }
        refusal = problem(http::status::service_unavailable, session.error().what, session.error().hint);
      }
      co_await send(desk, stream, std::move(*refusal), false, false);
      break;
    }
    Response response = co_await respond(desk, route, request);
    keep = co_await send(desk, stream, std::move(response), request.keep_alive() && !desk.stopping,
                         request.method() == http::verb::head);
  }
  co_await hang_up(stream);
}

asio::awaitable<void> refuse(Desk& desk, tcp::socket socket) {
  beast::tcp_stream stream(std::move(socket));
  co_await send(desk, stream,
                problem(http::status::service_unavailable, "as many connections as may be are open",
                        "try again later, or raise --max-connections"),
                false, false);
  co_await hang_up(stream);
}

}  // namespace fanlight::server::net
