#include "server/net/desk.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <utility>

#include "core/clock.hpp"
#include "server/hub/stages.hpp"
#include "server/net/exchange.hpp"
#include "server/net/page.hpp"

namespace fanlight::server::net {
namespace {

namespace http = boost::beast::http;
using codec::Header;
using codec::RequestHead;
using hub::Session;

constexpr std::size_t kMaxHeaderBytes = 8 * 1024;
constexpr std::size_t kMaxUnread = 64 * 1024;   // of requests behind one that is being answered
constexpr std::size_t kMaxUnsent = 256 * 1024;  // of answers that the client does not take
constexpr std::string_view kPaths =
    "GET /sse/{topic}, GET /ws/{topic}, GET /ws, POST /topics/{topic}, GET /topics/{topic}, GET "
    "/topics/{topic}/snapshot, "
    "GET /metrics, GET /healthz, GET /admin";

std::string_view text_of(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}
std::string_view text_of(boost::beast::string_view text) { return {text.data(), text.size()}; }

bool keeps(const RequestHead& head) {
  return head.minor_version == 1 && !codec::has_token(head[Header::connection], "close");
}

/// The same view of a request that Beast has read.
RequestHead head_of(const http::request<http::string_body>& request) {
  RequestHead head;
  head.method = text_of(request.method_string());
  head.target = text_of(request.target());
  head.minor_version = static_cast<std::uint8_t>(request.version() % 10);
  constexpr std::pair<http::field, Header> kFields[] = {
      {http::field::host, Header::host},
      {http::field::origin, Header::origin},
      {http::field::connection, Header::connection},
      {http::field::upgrade, Header::upgrade},
      {http::field::accept_encoding, Header::accept_encoding},
      {http::field::authorization, Header::authorization},
      {http::field::sec_websocket_key, Header::sec_websocket_key},
      {http::field::sec_websocket_version, Header::sec_websocket_version},
      {http::field::sec_websocket_protocol, Header::sec_websocket_protocol},
      {http::field::sec_websocket_extensions, Header::sec_websocket_extensions},
  };
  const auto set = [&](Header header, http::request<http::string_body>::const_iterator found) {
    if (found == request.end()) return;
    head.headers[static_cast<std::size_t>(header)] = text_of(found->value());
    head.seen = static_cast<std::uint16_t>(head.seen | 1u << static_cast<unsigned>(header));
  };
  for (const auto& [field, header] : kFields) set(header, request.find(field));
  if (request.count(http::field::host) > 1) head.seen &= static_cast<std::uint16_t>(~1u);  // none that could be meant
  set(Header::last_event_id, request.find("Last-Event-ID"));
  set(Header::traceparent, request.find("traceparent"));
  return head;
}

}  // namespace

void DeskReading::add(const DeskReading& other) {
  for (const auto& [status, count] : other.answers) answers[status] += count;
  accepted += other.accepted;
  refused += other.refused;
  refused_address += other.refused_address;
  refused_rate += other.refused_rate;
  timeouts += other.timeouts;
  disconnects += other.disconnects;
  accept_errors += other.accept_errors;
  tls_failures += other.tls_failures;
  unread += other.unread;
  commands += other.commands;
  for (std::size_t cause = 0; cause < kRefusals; ++cause) {
    refusals[cause] += other.refusals[cause];
    command_refusals[cause] += other.command_refusals[cause];
  }
  for (std::size_t source = 0; source < snapshots.size(); ++source) snapshots[source] += other.snapshots[source];
  parse_ns.merge(other.parse_ns);
}

Desk::Desk(hub::Hub& hub, hub::Worker& worker, const Office& office)
    : hub_(hub), worker_(worker), office_(office), limits_(office.options.limits()) {
  set_limits(limits_);
}

void Desk::set_limits(const Limits& limits) {
  limits_ = limits;
  // Each desk sees its share of the connections.
  retry.set_surge(limits.reconnect_surge / static_cast<double>(hub_.workers()));
  worker_.set_limits({.heartbeat = limits.heartbeat, .pong_window = limits.pong_window});
}

void Desk::begin_drain() {
  if (!office_.options.retry_advice) return worker_.begin_drain();
  worker_.begin_drain([this] { return retry.next(monotonic_ns(), true); });
}

void Desk::on_bytes(Session& session, std::span<const std::byte> bytes) {
  const hub::AtStage stage(hub::Stage::parse);
  const hub::SessionRef ref = session.ref;
  if (!session.exchange) {
    const std::string_view text = text_of(bytes);
    const std::size_t used = take_requests(session, text);
    Session* same = worker_.find(ref);
    if (same == nullptr || same->stage != Session::Stage::http || used == text.size()) return;
    HttpExchange& exchange = make_exchange(*same);
    if (exchange.input.empty() && !exchange.waiting) {
      same->deadline_tick = worker_.tick() + static_cast<std::uint32_t>(office_.options.request_deadline.count()) + 1;
    }
    exchange.input.append(text.substr(used));
    return feed(*same);
  }
  HttpExchange& exchange = *exchange_of(session);
  if (bytes.empty()) {
    exchange.ended = true;
    if (!exchange.waiting) return worker_.end(session, hub::End::client);
    return;
  }
  exchange.input.append(text_of(bytes));
  feed(session);
}

/// As many requests as are whole, simple and to be answered at once. Returns the bytes they took.
std::size_t Desk::take_requests(Session& session, std::string_view bytes) {
  const hub::SessionRef ref = session.ref;
  std::size_t used = 0;
  while (used < bytes.size()) {
    const std::string_view rest = bytes.substr(used);
    RequestHead head;
    const std::uint64_t before = monotonic_ns();
    const codec::HeadResult parsed = codec::parse_head(rest, head);
    if (parsed.kind != codec::HeadResult::Kind::complete || parsed.bytes > kMaxHeaderBytes) return used;
    if (head.has(Header::transfer_encoding) || head.has(Header::expect)) return used;
    std::size_t length = 0;
    if (head.has(Header::content_length)) {
      const std::string_view digits = head[Header::content_length];
      const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
      if (error != std::errc() || end != digits.data() + digits.size() || digits.empty()) return used;
      if (length > office_.options.max_body_bytes || length > rest.size() - parsed.bytes) return used;
    }
    counts.parse_ns.add(monotonic_ns() - before);
    used += parsed.bytes + length;
    handle(session, {.head = head,
                     .route = route_of(head.method, head.target),
                     .body = rest.substr(parsed.bytes, length),
                     .keep = keeps(head) && !office_.stopping.load(std::memory_order_relaxed)});
    const Session* same = worker_.find(ref);
    if (same == nullptr) return bytes.size();
    if (same->stage == Session::Stage::live) {
      worker_.on_bytes(session, std::as_bytes(std::span(bytes.substr(used))));
      return bytes.size();
    }
    if (same->stage != Session::Stage::http) return bytes.size();
    if (same->exchange && exchange_of(session)->waiting) return used;
    if (session.outbox.bytes() > kMaxUnsent) {
      make_exchange(session);
      return used;
    }
  }
  return used;
}

void Desk::feed(Session& session) {
  const hub::SessionRef ref = session.ref;
  for (;;) {
    HttpExchange& exchange = *exchange_of(session);
    if (exchange.waiting || session.outbox.bytes() > kMaxUnsent) {
      if (exchange.input.size() > kMaxUnread) {
        ++counts.unread;
        worker_.end(session, hub::End::protocol);
      }
      return;
    }
    if (!exchange.parser) {
      const std::string input = std::exchange(exchange.input, {});
      const std::size_t used = take_requests(session, input);
      const Session* same = worker_.find(ref);
      if (same == nullptr || same->stage != Session::Stage::http) return;
      HttpExchange& now = make_exchange(session);
      now.input.insert(0, input.substr(used));
      if (now.waiting || session.outbox.bytes() > kMaxUnsent) continue;
      if (now.input.empty()) {
        session.exchange.reset();
        return;
      }
      now.parser = std::make_unique<HttpExchange::Parser>();
      now.parser->eager(true);
      now.parser->header_limit(kMaxHeaderBytes);
      now.parser->body_limit(office_.options.max_body_bytes);
      now.continued = false;
    }
    if (!parse_with_beast(session, *exchange_of(session))) return;
    const Session* same = worker_.find(ref);
    if (same == nullptr || same->stage != Session::Stage::http) return;
  }
}

/// True: a request was handled, look again.
bool Desk::parse_with_beast(Session& session, HttpExchange& exchange) {
  boost::beast::error_code error;
  const std::size_t used = exchange.parser->put(boost::asio::buffer(exchange.input), error);
  exchange.input.erase(0, used);
  if (error == http::error::need_more) error = {};
  if (!error && !exchange.parser->is_done()) {
    if (exchange.input.size() > kMaxHeaderBytes && !exchange.parser->is_header_done())
      error = http::error::header_limit;
  }
  if (error) {
    const bool large = error == http::error::header_limit || error == http::error::buffer_overflow;
    Answer said = large ? problem(Refusal::head_too_large, 431, "the request header is above 8 KiB", "send less")
                  : error == http::error::body_limit
                      ? problem(Refusal::body_too_large, 413,
                                "the body is above " + std::to_string(office_.options.max_body_bytes) + " bytes",
                                "send less, or start the server with a higher --max-body")
                      : problem(Refusal::malformed, 400, "this is not an HTTP/1 request", "see RFC 9112");
    answer(session, std::move(said), false);
    return false;
  }
  if (!exchange.parser->is_done()) {
    if (exchange.parser->is_header_done() && !exchange.continued &&
        boost::beast::iequals(exchange.parser->get()[http::field::expect], "100-continue")) {
      exchange.continued = true;
      worker_.send(session, codec::control_frame("HTTP/1.1 100 Continue\r\n\r\n"));
    }
    return false;
  }
  const http::request<http::string_body> request = exchange.parser->release();
  exchange.parser.reset();
  const RequestHead head = head_of(request);
  const hub::SessionRef ref = session.ref;
  std::string early = std::exchange(exchange.input, {});
  handle(session, {.head = head,
                   .route = route_of(head.method, head.target),
                   .body = request.body(),
                   .keep = keeps(head) && !office_.stopping.load(std::memory_order_relaxed)});
  Session* same = worker_.find(ref);
  if (same == nullptr) return false;
  if (same->stage == Session::Stage::live) worker_.on_bytes(*same, std::as_bytes(std::span(early)));
  if (same->stage != Session::Stage::http) return false;
  make_exchange(*same).input = std::move(early);
  return true;
}

void Desk::handle(Session& session, const Asked& asked) {
  session.answered = true;
  const bool head_only = asked.head.method == "HEAD";
  // RFC 9112, 3.2: 400 it must be, and whose pages may connect is judged by it.
  if (asked.head.minor_version == 1 && !asked.head.has(Header::host))
    return answer(session, problem(Refusal::malformed, 400, "the request does not name one host", "send Host once"),
                  false, head_only);
  switch (asked.route.endpoint) {
    case Endpoint::subscribe_sse: return become_stream(session, asked);
    case Endpoint::echo:
      if (!office_.options.echo) break;
      [[fallthrough]];
    case Endpoint::subscribe_websocket:
    case Endpoint::converse: return become_websocket(session, asked);
    case Endpoint::publish: return publish(session, asked);
    case Endpoint::presence: {
      const hub::TopicPtr topic = hub_.topics().find(asked.route.topic);
      const std::uint32_t subscribers = topic ? topic->subscribers.load() : 0;
      return answer(session,
                    {.body = "{\"topic\":\"" + std::string(asked.route.topic) +
                             "\",\"subscribers\":" + std::to_string(subscribers) + "}\n",
                     .headers = "Access-Control-Allow-Origin: *\r\n"},
                    asked.keep);
    }
    case Endpoint::snapshot: return answer_snapshot(session, asked);
    case Endpoint::metrics:
    case Endpoint::admin: {
      const Endpoint page = asked.route.endpoint;
      answer_later(session, asked.keep);
      return office_.page(worker_, page, [this, ref = session.ref, page, head_only](std::string body) {
        Session* same = worker_.find(ref);
        if (same == nullptr || !same->exchange) return;
        HttpExchange& exchange = *exchange_of(*same);
        exchange.waiting = false;
        answer(*same,
               {.type = page == Endpoint::metrics ? "text/plain; version=0.0.4; charset=utf-8" : kJson,
                .body = std::move(body)},
               exchange.keep, head_only);
        same = worker_.find(ref);
        if (same != nullptr && same->stage == Session::Stage::http) feed(*same);
      });
    }
    case Endpoint::healthz:
      if (office_.stopping.load()) break;
      return answer(session, {.body = "{\"status\":\"ok\"}\n"}, asked.keep, head_only);
    case Endpoint::page:
      return answer(session,
                    {.type = "text/html; charset=utf-8",
                     .body = std::string(page_html()),
                     .headers = "Content-Security-Policy: default-src 'none'; script-src 'unsafe-inline'; style-src "
                                "'unsafe-inline'; connect-src 'self' ws: wss:\r\n"},
                    asked.keep, head_only);
    case Endpoint::preflight:
      return answer(session,
                    {.status = 204,
                     .headers = "Access-Control-Allow-Origin: *\r\nAccess-Control-Allow-Methods: POST\r\n"
                                "Access-Control-Allow-Headers: Authorization, Content-Type\r\n"},
                    asked.keep);
    case Endpoint::wrong_method: {
      Answer said = problem(Refusal::wrong_method, 405, "this path does not take that method",
                            "the Allow header names those that it takes");
      said.headers.append("Allow: ").append(asked.route.allowed).append("\r\n");
      return answer(session, std::move(said), asked.keep, head_only);
    }
    case Endpoint::bad_topic:
      return answer(session,
                    problem(Refusal::bad_topic, 400, "not a topic name: " + std::string(hub::kTopicRule),
                            "POST /topics/news, GET /sse/news or GET /ws/news"),
                    asked.keep, head_only);
    case Endpoint::not_found: break;
  }
  if (asked.route.endpoint == Endpoint::healthz)
    return answer(session, problem(Refusal::stopping, 503, "stopping", "try another server"), asked.keep, head_only);
  answer(session, problem(Refusal::not_found, 404, "no such path", kPaths), asked.keep, head_only);
}

void Desk::answer_later(Session& session, bool keep) {
  HttpExchange& exchange = make_exchange(session);
  exchange.waiting = true;
  exchange.keep = keep;
  session.deadline_tick = 0;  // it is we who take our time
}

void Desk::answer(Session& session, Answer said, bool keep, bool head_only) {
  ++counts.answers[said.status];
  if (said.refusal) ++count_of(counts.refusals, *said.refusal);
  session.deadline_tick = worker_.tick() + static_cast<std::uint32_t>(office_.options.idle_deadline.count()) + 1;
  worker_.send(session, codec::control_frame(net::text_of(said, keep, head_only)));
  if (keep) return;
  session.exchange.reset();
  worker_.finish_sending(session, hub::End::client);
}

void Desk::refuse(Session& session, Refusal cause, std::string_view error, std::string_view hint) {
  answer(session, problem(cause, 503, error, hint), false);
}

void Desk::on_sent(Session& session) {
  HttpExchange* exchange = exchange_of(session);
  if (exchange == nullptr || exchange->waiting) return;
  if (exchange->ended) return worker_.end(session, hub::End::client);
  if (!exchange->input.empty() && !exchange->parser) feed(session);
}

void Desk::on_overdue(Session& session) {
  const bool in_request = session.exchange || !session.answered;
  if (in_request) ++counts.timeouts;
  session.exchange.reset();
  worker_.end(session, hub::End::handshake);
}

void Desk::on_gone(Session& session) {
  if (session.stage == Session::Stage::tls) {
    ++counts.tls_failures;
  } else if (session.exchange && !office_.stopping.load(std::memory_order_relaxed)) {
    ++counts.disconnects;
  }
  if (auto* address = static_cast<limits::Address*>(session.address)) address->release(monotonic_ns());
}

}  // namespace fanlight::server::net
