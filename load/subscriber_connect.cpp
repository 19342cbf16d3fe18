// A pool's subscribers on their way to a stream: connecting, TLS, the request, its answer.
#include <cerrno>

#include "core/clock.hpp"
#include "load/nats_upgrade.hpp"
#include "load/subscriber_pool.hpp"

namespace fanlight::load {
namespace {

constexpr int kSmallBuffer = 4096;

std::uint32_t in_ms(std::uint64_t ns) { return static_cast<std::uint32_t>(ns / 1'000'000); }

bool is_pending(const Connection& connection) {
  return connection.phase == Connection::Phase::connecting || connection.phase == Connection::Phase::securing ||
         connection.phase == Connection::Phase::opening;
}

}  // namespace

void SubscriberPool::connect(std::size_t index, std::uint64_t now_ns) {
  Connection& connection = connections_[index];
  const Approach& approach = approach_of(connection);
  Tally& tally = tally_of(connection);
  const Source* source = nullptr;
  if (!approach.sources.empty()) {
    source = &approach.sources[next_source_ % approach.sources.size()];
    next_source_ += share_.pools;
  }
  connection.began_ns = now_ns;
  connection.watched = 0;
  if (tally.connecting_from_ns == 0) tally.connecting_from_ns = now_ns;
  const bool pieces = approach.profile.headers == Headers::dribble || approach.profile.frames != ClientFrames::none;
  auto socket = begin_connect(approach.endpoint, {source, approach.profile.reads_late() ? kSmallBuffer : 0, pieces});
  if (!socket) return lose(index, socket.error().what, now_ns);
  connection.wire = Wire(std::move(*socket));
  connection.phase = Connection::Phase::connecting;
  const std::string last_id = connection.has_number ? std::to_string(connection.last_number)
                              : connection.extras   ? connection.extras->text_id
                                                    : "";
  connection.opening = std::make_unique<Opening>(approach, last_id, random_);
  if (!approach.profile.never_subscribes()) give_ups_.push_back({static_cast<std::uint32_t>(index), in_ms(now_ns)});
  // On loopback the connection stands already: then the request goes out without asking epoll first.
  if (approach.tls == nullptr) send_request(index, now_ns);
  if (connection.wire.open()) watch(index);
}

void SubscriberPool::on_connected(std::size_t index, std::uint64_t now_ns) {
  Connection& connection = connections_[index];
  tally_of(connection).connect.add(now_ns - connection.began_ns);
  connection.phase = Connection::Phase::opening;
}

void SubscriberPool::secure(std::size_t index, std::uint64_t now_ns) {
  Connection& connection = connections_[index];
  const Approach& approach = approach_of(connection);
  connection.phase = Connection::Phase::securing;
  if (!connection.wire.is_tls()) {
    std::string cause;
    const Upgrade upgrade =
        approach.protocol == Protocol::nats ? take_nats_info(connection.wire.fd(), cause) : Upgrade::ready;
    if (upgrade == Upgrade::failed) return lose(index, cause, now_ns);
    if (upgrade == Upgrade::more) return;
    auto session = tls_session(*approach.tls, connection.wire.fd(), approach.endpoint.url.host, approach.verify);
    if (!session) return lose(index, session.error().what, now_ns);
    connection.wire.secure(std::move(*session));
    connection.opening->tls_from_ns = now_ns;
  }
  if (connection.wire.handshake() != 1) {
    if (errno == EAGAIN) return;
    return lose(index, connection.wire.cause(errno), now_ns);
  }
  tally_of(connection).tls.add(now_ns - connection.opening->tls_from_ns);
  connection.phase = Connection::Phase::opening;
  send_request(index, now_ns);
}

void SubscriberPool::send_request(std::size_t index, std::uint64_t now_ns) {
  Connection& connection = connections_[index];
  Opening& opening = *connection.opening;
  if (!opening.all_sent()) {
    const ssize_t sent = connection.wire.send(opening.to_send());
    if (sent < 0) {
      if (errno == EAGAIN || errno == EINTR) return;
      const std::string step = connection.phase == Connection::Phase::connecting ? "connect: " : "send: ";
      return lose(index, step + connection.wire.cause(errno), now_ns);
    }
    if (connection.phase == Connection::Phase::connecting) on_connected(index, monotonic_ns());
    opening.sent(static_cast<std::size_t>(sent));
  }
  if (opening.all_sent()) {
    opening.sent_ns = monotonic_ns();
    if (approach_of(connection).profile.never_subscribes()) settle(connection);
  } else if (approach_of(connection).profile.headers == Headers::dribble) {
    timers_.set({now_ns + 2'000'000, index, connection.began_ns, Timer::Kind::dribble});
  }
}

void SubscriberPool::on_stream(std::size_t index, std::uint64_t now_ns) {
  Connection& connection = connections_[index];
  Tally& tally = tally_of(connection);
  // An answer that comes before the whole request is out has no time of its own.
  if (connection.opening->sent_ns != 0) tally.head.add(now_ns - connection.opening->sent_ns);
  connection.body = connection.opening->body();
  connection.body_left = connection.opening->length();
  connection.opening.reset();
  connection.dechunk = {};
  connection.sse = {};
  connection.websocket = {};
  connection.phase = Connection::Phase::streaming;
  connection.stream_ns = now_ns;
  bump(live_.streams);
  settle(connection);
  if (!connection.ever_streamed) {
    connection.ever_streamed = true;
    ++tally.established;
    connection.joined_late = shared_->measure_from_ns.load(std::memory_order_relaxed) != kNever;
    if (connection.joined_late)
      ++tally.joined_late;
    else
      tally.connecting_to_ns = now_ns;
    bump(live_.established);
    if (!connection.faulty) bump(live_.expecting);
    for (std::size_t phase = 0; phase < shared_->phases.load(std::memory_order_acquire); ++phase)
      tally.phase(phase).before_joining += shared_->posted[phase].load(std::memory_order_relaxed);
    receiver_.set_state(connection, ClientState::syncing);
  } else {
    ++tally.reconnects;
    bump(live_.reconnects);
    connection.catching_up = true;
    receiver_.set_state(connection, ClientState::recovering);
  }
  begin_profile(index, now_ns);
}

void SubscriberPool::begin_profile(std::size_t index, std::uint64_t now_ns) {
  Connection& connection = connections_[index];
  const Profile& profile = approach_of(connection).profile;
  if (profile.stalled) connection.paused = true;
  if (profile.half_closed) connection.wire.end_sending();
  if (profile.reset_after.count() > 0) {
    // Half to one and a half times, so that they do not all go at once.
    const auto mean = static_cast<double>(profile.reset_after.count());
    const double share = 0.5 + static_cast<double>(random_() % 1000) / 1000;
    timers_.set({now_ns + static_cast<std::uint64_t>(mean * share), index, connection.began_ns, Timer::Kind::reset});
  }
  const auto mask = [&] { return static_cast<std::uint32_t>(random_()); };
  if (profile.frames == ClientFrames::fragmented) {
    std::string& out = connection.more().out;
    for (int i = 0; i < 64; ++i) {
      out += client_frame(i == 0 ? WsKind::text : WsKind::continuation, "fragment", mask(), i == 63);
      if (i == 31) out += client_frame(WsKind::ping, "between fragments", mask());
    }
  } else if (profile.frames == ClientFrames::oversized) {
    connection.more().out += client_frame(WsKind::text, std::string(kMaxItem, 'x'), mask());
  }
}

void SubscriberPool::give_up_late(std::uint64_t now_ns) {
  const auto limit = static_cast<std::uint64_t>(plan_.connect_timeout.count());
  for (; !give_ups_.empty(); give_ups_.pop_front()) {
    const GiveUp& oldest = give_ups_.front();
    const Connection& connection = connections_[oldest.index];
    if (in_ms(connection.began_ns) != oldest.began_ms || !is_pending(connection)) continue;
    if (now_ns - connection.began_ns < limit) return;
    lose(oldest.index, "no answer in time", now_ns);
  }
}

}  // namespace fanlight::load
