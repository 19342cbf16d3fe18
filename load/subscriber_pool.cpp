#include "load/subscriber_pool.hpp"

#include <signal.h>
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "core/clock.hpp"
#include "load/cpu.hpp"

namespace fanlight::load {
namespace {

constexpr std::uint64_t kTickNs = 20'000'000;
constexpr std::size_t kRead = 128u << 10;
constexpr std::size_t kConnectsPerRound = 64;
constexpr int kSmallBuffer = 4096;
constexpr std::uint64_t kAfterResetNs = 100'000'000;

std::string words_of(int error) { return std::generic_category().message(error); }

bool is_pending(const Connection& connection) {
  return connection.phase == Connection::Phase::connecting || connection.phase == Connection::Phase::securing ||
         connection.phase == Connection::Phase::opening;
}

}  // namespace

Result<std::unique_ptr<SubscriberPool>> SubscriberPool::make(const Plan& plan, const std::vector<Approach>& approaches,
                                                             const Expectation& expectation, Shared& shared,
                                                             Share share) {
  Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return fail(errno, "epoll");
  return std::unique_ptr<SubscriberPool>(
      new SubscriberPool(plan, approaches, expectation, shared, share, std::move(epoll)));
}

SubscriberPool::SubscriberPool(const Plan& plan, const std::vector<Approach>& approaches,
                               const Expectation& expectation, Shared& shared, Share share, Fd epoll)
    : plan_(plan),
      approaches_(approaches),
      expectation_(expectation),
      shared_(shared),
      share_(share),
      epoll_(std::move(epoll)),
      random_(expectation.run + share.index),
      alive_(approaches.size()),
      tallies_(approaches.size()),
      live_(shared.pools()[share.index]),
      receiver_(expectation_, shared.board(), live_, shared.reach(share.index), tallies_, random_),
      buffer_(kRead),
      next_source_(share.index) {
  plan_arrivals();
}

void SubscriberPool::plan_arrivals() {
  std::vector<unsigned> missing(approaches_.size());
  unsigned most = 0;
  for (std::size_t group = 0; group < approaches_.size(); ++group) {
    missing[group] = share_.of(shared_->wanted[group].load(std::memory_order_relaxed));
    most = std::max(most, missing[group]);
    tallies_[group].wanted = missing[group];
    alive_[group] = missing[group];
  }
  // Alternating, so that all groups meet the server in the same order and load.
  for (unsigned round = 0; round < most; ++round)
    for (std::size_t group = 0; group < missing.size(); ++group)
      if (round < missing[group]) arrivals_.push_back(static_cast<std::uint8_t>(group));
  std::reverse(arrivals_.begin(), arrivals_.end());
}

void SubscriberPool::arrive_due(std::uint64_t now_ns) {
  const double rate = shared_->connect_rate.load(std::memory_order_relaxed) / share_.pools;
  if (rate != arrive_rate_ || arrivals_.empty()) {
    arrive_rate_ = rate;
    arrive_from_ns_ = now_ns;
    arrived_ = 0;
  }
  std::size_t due = kConnectsPerRound;
  if (rate > 0) {
    const auto until_now = static_cast<std::uint64_t>(static_cast<double>(now_ns - arrive_from_ns_) / 1e9 * rate) + 1;
    due = until_now > arrived_ ? std::min<std::size_t>(due, until_now - arrived_) : 0;
  }
  for (; due > 0 && !arrivals_.empty(); --due) {
    const std::uint8_t group = arrivals_.back();
    arrivals_.pop_back();
    ++arrived_;
    Connection& connection = connections_.emplace_back();
    connection.group = group;
    connection.faulty = approaches_[group].profile.faulty();
    bump(live_.states[static_cast<std::size_t>(ClientState::idle)]);
    receiver_.expect_connections(connections_.size());
    connect(connections_.size() - 1, now_ns);
  }
}

void SubscriberPool::adjust_to_board(std::uint64_t now_ns) {
  for (std::size_t group = 0; group < approaches_.size(); ++group) {
    const unsigned wanted = share_.of(shared_->wanted[group].load(std::memory_order_relaxed));
    for (; alive_[group] < wanted; ++alive_[group]) {
      if (arrivals_.empty()) arrive_rate_ = -1;  // the pace begins anew
      arrivals_.insert(arrivals_.begin(), static_cast<std::uint8_t>(group));
      ++tallies_[group].wanted;
    }
    for (std::size_t i = connections_.size(); i-- > 0 && alive_[group] > wanted;) {
      const Connection& connection = connections_[i];
      if (connection.group != group || connection.phase == Connection::Phase::gone) continue;
      --alive_[group];
      leave(i, now_ns);
    }
  }
}

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
  auto socket = begin_connect(approach.endpoint, source, approach.profile.reads_late() ? kSmallBuffer : 0);
  if (!socket) return lose(index, socket.error().what, now_ns);
  connection.wire = Wire(std::move(*socket));
  connection.phase = Connection::Phase::connecting;
  const std::string last_id = connection.has_number ? std::to_string(connection.last_number)
                              : connection.extras   ? connection.extras->text_id
                                                    : "";
  connection.opening = std::make_unique<Opening>(approach, last_id, random_);
  if (!approach.profile.never_subscribes()) give_ups_.push_back({.index = index, .began_ns = now_ns});
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
  if (!connection.wire.is_tls()) {
    auto session = tls_session(*approach.tls, connection.wire.fd(), approach.endpoint.url.host, approach.verify);
    if (!session) return lose(index, session.error().what, now_ns);
    connection.wire.secure(std::move(*session));
    connection.opening->tls_from_ns = now_ns;
    connection.phase = Connection::Phase::securing;
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

void SubscriberPool::settle(Connection& connection) {
  if (connection.settled) return;
  connection.settled = true;
  bump(live_.settled);
}

void SubscriberPool::on_stream(std::size_t index, std::uint64_t now_ns) {
  Connection& connection = connections_[index];
  Tally& tally = tally_of(connection);
  // An answer that comes before the whole request is out has no time of its own.
  if (connection.opening->sent_ns != 0) tally.head.add(now_ns - connection.opening->sent_ns);
  tally.connecting_to_ns = now_ns;
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

void SubscriberPool::watch(std::size_t index) {
  Connection& connection = connections_[index];
  const bool dribbles = connection.opening && approach_of(connection).profile.headers == Headers::dribble;
  const bool writes =
      connection.phase == Connection::Phase::connecting || connection.wire.wants_write() ||
      (connection.phase == Connection::Phase::opening && !connection.opening->all_sent() && !dribbles) ||
      (connection.extras && !connection.extras->out.empty());
  const auto wanted = static_cast<std::uint8_t>(4 | (connection.paused ? 0 : 1) | (writes ? 2 : 0));
  if (wanted == connection.watched) return;
  epoll_event event{};
  // Edges: the kernel would ask each socket again, after it has been read, whether there is more.
  event.events = EPOLLET | ((wanted & 1) != 0 ? EPOLLIN | EPOLLRDHUP : 0u) | ((wanted & 2) != 0 ? EPOLLOUT : 0u);
  event.data.u64 = index;
  const int operation = connection.watched == 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD;
  if (::epoll_ctl(epoll_.get(), operation, connection.wire.fd(), &event) != 0)
    return lose(index, "epoll: " + words_of(errno), monotonic_ns());
  connection.watched = wanted;
}

void SubscriberPool::on_events(std::size_t index, std::uint32_t events) {
  Connection& connection = connections_[index];
  if (!connection.wire.open()) return;
  const bool broken = (events & (EPOLLERR | EPOLLHUP)) != 0;
  if (connection.phase == Connection::Phase::connecting) {
    if ((events & EPOLLOUT) == 0 && !broken) return;
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(connection.wire.fd(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
    const std::uint64_t now = monotonic_ns();
    if (error != 0) return lose(index, "connect: " + words_of(error), now);
    on_connected(index, now);
    if (approach_of(connection).tls != nullptr)
      secure(index, now);
    else
      send_request(index, now);
  } else if (connection.phase == Connection::Phase::securing) {
    secure(index, monotonic_ns());
  } else {
    if ((events & EPOLLOUT) != 0 && connection.opening) send_request(index, monotonic_ns());
    if (((events & EPOLLIN) != 0 || broken) && connection.wire.open())
      on_readable(index, broken || (events & EPOLLRDHUP) != 0);
  }
  if (!connection.wire.open()) return;
  if (connection.extras && !connection.extras->out.empty() && connection.phase == Connection::Phase::streaming)
    send_out(index);
  if (connection.wire.open()) watch(index);
}

void SubscriberPool::on_readable(std::size_t index, bool hangup) {
  Connection& connection = connections_[index];
  const std::uint64_t pace = approach_of(connection).profile.read_bytes_per_s;
  for (bool more = true; more;) {
    const std::size_t rest = connection.rest_size;
    if (buffer_.size() < rest + kRead) buffer_.resize(rest + kRead);
    if (rest > 0) std::memcpy(buffer_.data(), connection.rest.get(), rest);
    std::size_t room = kRead;
    const bool paced = pace != 0 && connection.phase == Connection::Phase::streaming;
    if (paced) room = std::clamp<std::size_t>(static_cast<std::size_t>(pace / 10), 1, kRead);
    const ssize_t got = connection.wire.receive(std::span(buffer_).subspan(rest, room));
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    const std::uint64_t now = monotonic_ns();
    if (got < 0) return lose(index, "receive: " + connection.wire.cause(errno), now);
    if (got == 0) return lose(index, "closed by the server", now);
    if (paced) {
      connection.paused = true;
      const auto pause = static_cast<std::uint64_t>(static_cast<double>(got) * 1e9 / static_cast<double>(pace));
      timers_.set({now + pause, index, connection.began_ns, Timer::Kind::read_again});
    }
    // A read that was not filled has emptied the socket; TLS does not say what it left there.
    more = static_cast<std::size_t>(got) == room || hangup || connection.wire.is_tls();
    take(index, static_cast<std::size_t>(got), now);
    more = more && connection.wire.open() && !connection.paused;
  }
}

void SubscriberPool::take(std::size_t index, std::size_t bytes, std::uint64_t now_ns) {
  Connection& connection = connections_[index];
  std::size_t begin = 0, fresh = connection.rest_size;
  const std::size_t end = fresh + bytes;
  if (connection.rest_size > 0) {
    connection.rest.reset();
    connection.rest_size = 0;
  }
  if (connection.phase == Connection::Phase::opening) {
    std::string_view all(buffer_.data(), end);
    switch (connection.opening->take(all)) {
      case Opening::Step::more: return keep(connection, all);
      case Opening::Step::failed: return lose(index, connection.opening->cause(), now_ns);
      case Opening::Step::streaming: break;
    }
    on_stream(index, now_ns);
    begin = fresh = end - all.size();
  }
  Tally& tally = tally_of(connection);
  tally.bytes += bytes;
  ++tally.reads;
  bump(live_.bytes, bytes);
  std::size_t body = end - fresh;
  if (connection.body == Body::chunked) body = connection.dechunk.take(std::span(buffer_).subspan(fresh, body));
  if (connection.body == Body::counted) {
    body = static_cast<std::size_t>(std::min<std::uint64_t>(body, connection.body_left));
    connection.body_left -= body;
  }
  std::string_view stream(buffer_.data() + begin, fresh - begin + body);
  std::string cause;
  if (!receiver_.feed(connection, index, approach_of(connection).protocol, stream, now_ns, cause))
    return lose(index, cause, now_ns);
  if (connection.body == Body::chunked && connection.dechunk.failed()) return lose(index, "malformed chunks", now_ns);
  if ((connection.body == Body::chunked && connection.dechunk.finished()) ||
      (connection.body == Body::counted && connection.body_left == 0))
    return lose(index, "stream ended by the server", now_ns);
  keep(connection, stream);
}

void SubscriberPool::keep(Connection& connection, std::string_view bytes) {
  if (bytes.empty()) return;
  connection.rest = std::make_unique_for_overwrite<char[]>(bytes.size());
  std::memcpy(connection.rest.get(), bytes.data(), bytes.size());
  connection.rest_size = static_cast<std::uint32_t>(bytes.size());
}

void SubscriberPool::send_out(std::size_t index) {
  Connection& connection = connections_[index];
  Extras& extras = *connection.extras;
  const ssize_t sent = connection.wire.send(std::string_view(extras.out).substr(extras.out_sent));
  if (sent < 0) {
    if (errno == EAGAIN || errno == EINTR) return;
    return lose(index, "send: " + connection.wire.cause(errno), monotonic_ns());
  }
  extras.out_sent += static_cast<std::size_t>(sent);
  if (extras.out_sent < extras.out.size()) return;
  extras.out = {};
  extras.out_sent = 0;
}

void SubscriberPool::end_stream(Connection& connection) {
  bump(live_.streams, static_cast<std::uint64_t>(-1));
  connection.more().cut_ns = monotonic_ns();
  connection.extras->out = {};
  connection.extras->out_sent = 0;
}

void SubscriberPool::lose(std::size_t index, const std::string& cause, std::uint64_t now_ns) {
  Connection& connection = connections_[index];
  const Profile& profile = approach_of(connection).profile;
  Tally& tally = tally_of(connection);
  if (connection.phase == Connection::Phase::streaming) {
    ++tally.disconnects[cause];
    bump(live_.cuts);
    if (!connection.ever_cut) ++tally.disconnected;
    connection.ever_cut = true;
    end_stream(connection);
  } else if (connection.ever_streamed) {
    ++tally.reconnect_failures[cause];
  } else {
    ++tally.connect_failures[cause];
    if (!connection.settled) bump(live_.failed);
  }
  connection.wire.close();
  connection.opening.reset();
  connection.rest.reset();
  connection.rest_size = 0;
  connection.paused = false;
  settle(connection);
  receiver_.set_state(connection, ClientState::idle);
  const bool returns = plan_.reconnect || profile.reset_after.count() > 0 || profile.storm_every.count() > 0;
  if (!connection.ever_streamed || !returns) {
    connection.phase = Connection::Phase::gone;
    return;
  }
  connection.phase = Connection::Phase::waiting;
  timers_.set(
      {now_ns + connection.retry_ms * std::uint64_t{1'000'000}, index, connection.began_ns, Timer::Kind::reconnect});
}

void SubscriberPool::cut(std::size_t index, bool reset, std::uint64_t again_ns, std::uint64_t now_ns) {
  Connection& connection = connections_[index];
  ++tally_of(connection).own_cuts;
  end_stream(connection);
  reset ? connection.wire.reset() : connection.wire.close();
  connection.rest.reset();
  connection.rest_size = 0;
  connection.phase = Connection::Phase::waiting;
  connection.paused = false;
  receiver_.set_state(connection, ClientState::idle);
  timers_.set({std::max(again_ns, now_ns), index, connection.began_ns, Timer::Kind::reconnect});
}

void SubscriberPool::leave(std::size_t index, std::uint64_t) {
  Connection& connection = connections_[index];
  Tally& tally = tally_of(connection);
  if (connection.ever_streamed) {
    ++tally.left;
    for (std::size_t phase = 0; phase < shared_->phases.load(std::memory_order_acquire); ++phase)
      tally.phase(phase).until_leaving += shared_->accepted[phase].load(std::memory_order_relaxed);
  } else if (!connection.settled) {
    ++tally.connect_failures["told to leave first"];
  }
  if (connection.phase == Connection::Phase::streaming) end_stream(connection);
  settle(connection);
  connection.wire.close();
  connection.opening.reset();
  connection.phase = Connection::Phase::gone;
  receiver_.set_state(connection, ClientState::idle);
}

void SubscriberPool::on_timer(const Timer& timer, std::uint64_t now_ns) {
  if (timer.kind == Timer::Kind::storm) {
    const auto period = static_cast<std::uint64_t>(approaches_[timer.index].profile.storm_every.count());
    for (std::size_t i = 0; i < connections_.size(); ++i)
      if (connections_[i].group == timer.index && connections_[i].phase == Connection::Phase::streaming)
        cut(i, false, now_ns, now_ns);
    timers_.set({timer.due_ns + period, timer.index, 0, Timer::Kind::storm});
    return;
  }
  Connection& connection = connections_[timer.index];
  if (connection.began_ns != timer.began_ns || connection.phase == Connection::Phase::gone) return;
  switch (timer.kind) {
    case Timer::Kind::reconnect: return connect(timer.index, now_ns);
    case Timer::Kind::read_again:
      connection.paused = false;
      if (connection.wire.open()) watch(timer.index);
      return;
    case Timer::Kind::reset:
      if (connection.phase == Connection::Phase::streaming) cut(timer.index, true, now_ns + kAfterResetNs, now_ns);
      return;
    case Timer::Kind::dribble:
      if (connection.phase == Connection::Phase::opening) send_request(timer.index, now_ns);
      return;
    case Timer::Kind::storm: return;
  }
}

void SubscriberPool::give_up_late(std::uint64_t now_ns) {
  const auto limit = static_cast<std::uint64_t>(plan_.connect_timeout.count());
  for (; !give_ups_.empty(); give_ups_.pop_front()) {
    const Timer& oldest = give_ups_.front();
    const Connection& connection = connections_[oldest.index];
    if (connection.began_ns != oldest.began_ns || !is_pending(connection)) continue;
    if (now_ns - oldest.began_ns < limit) return;
    lose(oldest.index, "no answer in time", now_ns);
  }
}

void SubscriberPool::finish() {
  for (const Connection& connection : connections_) {
    if (!connection.ever_streamed) continue;
    Tally& tally = tally_of(connection);
    tally.deliveries.add(connection.received);
    if (connection.received > 0) tally.connection_mean.add(connection.latency_sum_ns / connection.received);
  }
}

void SubscriberPool::run() {
  // OpenSSL writes without MSG_NOSIGNAL.
  sigset_t pipe;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
  for (std::size_t group = 0; group < approaches_.size(); ++group)
    if (const auto every = static_cast<std::uint64_t>(approaches_[group].profile.storm_every.count()); every > 0)
      timers_.set({(monotonic_ns() / every + 1) * every, group, 0, Timer::Kind::storm});  // the same for all pools
  std::array<epoll_event, 512> events;
  std::uint64_t adjusted_ns = 0;
  while (!shared_->stop.load(std::memory_order_relaxed)) {
    std::uint64_t now = monotonic_ns();
    if (now - adjusted_ns >= kTickNs) {
      adjust_to_board(now);
      give_up_late(now);
      live_.cpu_ns.store(thread_cpu_ns(), std::memory_order_relaxed);
      adjusted_ns = now;
    }
    if (!arrivals_.empty()) arrive_due(now);
    while (const auto timer = timers_.take(now)) on_timer(*timer, now);
    std::uint64_t most = kTickNs;
    if (!arrivals_.empty()) most = arrive_rate_ > 0 ? static_cast<std::uint64_t>(std::min(1e9 / arrive_rate_, 2e7)) : 0;
    now = monotonic_ns();
    const std::uint64_t wait = timers_.wait_ns(now, most);
    const int ready = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()),
                                   static_cast<int>((wait + 999'999) / 1'000'000));
    for (int i = 0; i < ready; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      on_events(static_cast<std::size_t>(event.data.u64), event.events);
    }
  }
  finish();
}

}  // namespace fanlight::load
