#include "load/subscriber_pool.hpp"

#include <malloc.h>
#include <signal.h>
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <numeric>
#include <system_error>

#include "core/clock.hpp"
#include "load/cpu.hpp"

namespace fanlight::load {
namespace {

constexpr std::uint64_t kTickNs = 20'000'000;
constexpr std::uint64_t kAfterResetNs = 100'000'000;
// A server may ask for no pause at all; one that is gone would then be asked without end.
constexpr std::uint64_t kLeastRetryMs = 10;

std::string words_of(int error) { return std::generic_category().message(error); }

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
  for (std::size_t group = 0; group < approaches_.size(); ++group) {
    missing[group] = share_.of(shared_->wanted[group].load(std::memory_order_relaxed));
    tallies_[group].wanted = missing[group];
    alive_[group] = missing[group];
  }
  arrivals_.plan(missing);
  const std::size_t planned = std::accumulate(missing.begin(), missing.end(), std::size_t{0});
  connections_.reserve(planned);
  receiver_.reserve(planned);
}

void SubscriberPool::arrive_due(std::uint64_t now_ns) {
  const double rate = shared_->connect_rate.load(std::memory_order_relaxed) / share_.pools;
  for (std::size_t due = arrivals_.due(now_ns, rate); due > 0; --due) {
    const std::uint8_t group = arrivals_.take();
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
      arrivals_.add(static_cast<std::uint8_t>(group));
      ++tallies_[group].wanted;
    }
    // Those that are gone already go first: who asks for five means five streams.
    for (const bool gone : {true, false})
      for (std::size_t i = connections_.size(); i-- > 0 && alive_[group] > wanted;) {
        Connection& connection = connections_[i];
        if (connection.group != group || connection.told_to_leave) continue;
        if ((connection.phase == Connection::Phase::gone) != gone) continue;
        --alive_[group];
        connection.told_to_leave = true;
        if (!gone) leave(i, now_ns);
      }
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

void SubscriberPool::settle(Connection& connection) {
  if (connection.settled) return;
  connection.settled = true;
  bump(live_.settled);
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
  timers_.set({now_ns + std::max<std::uint64_t>(connection.retry_ms, kLeastRetryMs) * 1'000'000, index,
               connection.began_ns, Timer::Kind::reconnect});
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

void SubscriberPool::end_stream(Connection& connection) {
  bump(live_.streams, static_cast<std::uint64_t>(-1));
  connection.more().cut_ns = monotonic_ns();
  connection.extras->out = {};
  connection.extras->out_sent = 0;
}

/// What handshakes took is free by then, but the allocator keeps it: with thousands on their way at once some 1 KB
/// each.
void SubscriberPool::trim_when_settled() {
  if (trimmed_ || !arrivals_.empty() || live_.settled.load(std::memory_order_relaxed) < connections_.size()) return;
  ::malloc_trim(0);
  trimmed_ = true;
}

void SubscriberPool::finish() {
  for (const Connection& connection : connections_) {
    if (!connection.ever_streamed) continue;
    Tally& tally = tally_of(connection);
    if (connection.phase == Connection::Phase::streaming) ++tally.standing;
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
      trim_when_settled();
      live_.cpu_ns.store(thread_cpu_ns(), std::memory_order_relaxed);
      adjusted_ns = now;
    }
    if (!arrivals_.empty()) arrive_due(now);
    while (const auto timer = timers_.take(now)) on_timer(*timer, now);
    std::uint64_t most = kTickNs;
    if (!arrivals_.empty()) most = arrivals_.wait_ns();
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
