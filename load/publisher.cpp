#include "load/publisher.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <span>
#include <system_error>

#include "core/clock.hpp"
#include "load/cpu.hpp"
#include "load/nats_upgrade.hpp"
#include "load/payload.hpp"

namespace fanlight::load {
namespace {

constexpr std::uint64_t kReviveAfterNs = 100'000'000;
constexpr std::uint64_t kTickNs = 50'000'000;
constexpr std::size_t kMaxAnswer = 256u << 10;  // kept of one that is not whole yet

}  // namespace

bool Mailbox::put(Phase phase, const Board& board) {
  const std::lock_guard lock(mutex_);
  if (board.phases.load() + 1 >= kMaxPhases) return false;
  phase_ = std::move(phase);
  return true;
}

std::optional<Phase> Mailbox::take() {
  const std::lock_guard lock(mutex_);
  return std::exchange(phase_, std::nullopt);
}

Publisher::Publisher(const Plan& plan, const Endpoint& endpoint, SSL_CTX* tls, const Expectation& expectation,
                     Shared& shared, Mailbox& mailbox)
    : plan_(plan),
      endpoint_(endpoint),
      tls_(tls),
      expectation_(expectation),
      shared_(shared),
      mailbox_(mailbox),
      connections_(plan.publishers),
      message_(plan.size, '.') {
  for (std::size_t i = 0; i < connections_.size(); ++i) connections_[i].index = static_cast<std::uint8_t>(i);
}

Result<> Publisher::begin(Connection& connection) {
  auto socket = begin_connect(endpoint_);
  if (!socket) return std::unexpected(std::move(socket.error()));
  connection.wire = Wire(std::move(*socket));
  connection.talk.emplace(make_talk(plan_, endpoint_.url, expectation_.run ^ (connection.index + 1u)));
  connection.in.clear();
  connection.out = std::visit([](auto& talk) { return talk.greeting(); }, *connection.talk);
  connection.out_sent = 0;
  connection.state = State::connecting;
  epoll_event event{};
  event.events = EPOLLIN | EPOLLOUT;
  event.data.ptr = &connection;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, connection.wire.fd(), &event) != 0) return fail(errno, "epoll");
  return {};
}

Result<> Publisher::connect() {
  epoll_ = Fd(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_) return fail(errno, "epoll");
  for (Connection& connection : connections_) {
    if (auto begun = begin(connection); !begun) return begun;
    const std::uint64_t deadline = monotonic_ns() + static_cast<std::uint64_t>(plan_.connect_timeout.count());
    while (connection.state != State::idle) {
      if (connection.state == State::broken) {
        // Refused is an errno that callers tell apart; the rest is words.
        const bool refused = connection.last_cause == "connect: " + std::generic_category().message(ECONNREFUSED);
        return refused ? fail(ECONNREFUSED, "connect") : fail(0, connection.last_cause);
      }
      const std::uint64_t now = monotonic_ns();
      if (now >= deadline) return fail(ETIMEDOUT, "connect");
      wait_for_events(std::min(deadline, now + kTickNs));
    }
  }
  return {};
}

void Publisher::watch(Connection& connection) {
  epoll_event event{};
  const bool writes = connection.state == State::connecting || connection.wire.wants_write() ||
                      (connection.state != State::securing && connection.out_sent < connection.out.size());
  event.events = EPOLLIN | (writes ? EPOLLOUT : 0u);
  event.data.ptr = &connection;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, connection.wire.fd(), &event) != 0)
    fail_message(connection, "epoll: " + std::generic_category().message(errno));
}

void Publisher::set_open(Connection& connection, bool open) {
  if (connection.open == open) return;
  connection.open = open;
  open_ += open ? 1 : -1;
  shared_->offline_since_ns = open_ == 0 ? monotonic_ns() : kNever;
}

/// The connection is of no use any more; a message that it carried is lost to our knowledge.
void Publisher::fail_message(Connection& connection, const std::string& cause) {
  if (connection.carries() && connection.measured) {
    ++result_.phases[connection.phase].outcomes.failed;
    ++result_.causes[cause];
  }
  std::erase(idle_, &connection);
  set_open(connection, false);
  connection.wire.close();
  connection.state = State::broken;
  connection.last_cause = cause;
  connection.since_ns = monotonic_ns();
}

void Publisher::revive(std::uint64_t now_ns) {
  for (Connection& connection : connections_) {
    if (connection.state != State::broken || now_ns - connection.since_ns < kReviveAfterNs) continue;
    connection.since_ns = now_ns;
    if (auto begun = begin(connection); !begun) fail_message(connection, begun.error().what);
  }
}

void Publisher::become_idle(Connection& connection, std::uint64_t now_ns) {
  set_open(connection, true);
  connection.state = State::idle;
  connection.since_ns = now_ns;
  idle_.push_back(&connection);
}

void Publisher::go_on_connecting(Connection& connection) {
  if (connection.state == State::connecting) {
    int error = 0;
    socklen_t size = sizeof error;
    if (::getsockopt(connection.wire.fd(), SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
    if (error != 0) return fail_message(connection, "connect: " + std::generic_category().message(error));
    connection.state = tls_ != nullptr && endpoint_.url.tls() ? State::securing : State::greeting;
  }
  if (connection.state == State::securing) {
    if (!connection.wire.is_tls()) {
      std::string cause;
      const Upgrade upgrade = endpoint_.url.nats() ? take_nats_info(connection.wire.fd(), cause) : Upgrade::ready;
      if (upgrade == Upgrade::failed) return fail_message(connection, cause);
      if (upgrade == Upgrade::more) return watch(connection);
      auto session = tls_session(*tls_, connection.wire.fd(), endpoint_.url.host, !plan_.security.insecure);
      if (!session) return fail_message(connection, session.error().what);
      connection.wire.secure(std::move(*session));
    }
    if (connection.wire.handshake() != 1)
      return errno == EAGAIN ? watch(connection) : fail_message(connection, connection.wire.cause(errno));
    connection.state = State::greeting;
  }
  if (!connection.out.empty()) return flush(connection);
  become_idle(connection, monotonic_ns());
  watch(connection);
}

void Publisher::post(Connection& connection, std::uint64_t due_ns, std::size_t phase, std::uint64_t now_ns) {
  connection.measured = due_ns >= measure_from_ns_;
  connection.phase = connection.measured ? phase - 1 : 0;
  encode({expectation_.run, connection.index, connection.sequence++, static_cast<std::uint32_t>(next_), due_ns},
         message_);
  // What is in it yet is a pong that found no room.
  std::visit([&](auto& talk) { talk.request(message_, connection.out); }, *connection.talk);
  connection.sent_ns = now_ns;
  connection.state = State::sending;
  if (connection.measured) {
    if (result_.first_number == kNever) result_.first_number = next_;
    bump(shared_->posted[connection.phase]);
    result_.wait.add(now_ns - due_ns);
    const std::uint64_t possible_ns = std::max(due_ns, connection.since_ns);
    result_.queued.add(possible_ns - due_ns);
    result_.slip.add(now_ns - possible_ns);
  }
  flush(connection);
}

void Publisher::flush(Connection& connection) {
  const bool was_whole = connection.out_sent == 0;
  const ssize_t sent = connection.wire.send(std::string_view(connection.out).substr(connection.out_sent));
  if (sent < 0 && errno != EAGAIN && errno != EINTR)
    return fail_message(connection, "send: " + connection.wire.cause(errno));
  if (sent > 0) connection.out_sent += static_cast<std::size_t>(sent);
  if (connection.out_sent < connection.out.size()) return watch(connection);
  connection.out.clear();
  connection.out_sent = 0;
  // It had taken more than one send, or is the first: epoll still looks for room to write.
  if (!was_whole || connection.state == State::greeting) watch(connection);
  if (connection.state != State::sending) return;
  connection.state = State::waiting;
  if (!std::visit([](const auto& talk) { return talk.answers(); }, *connection.talk)) on_outcome(connection, true, {});
}

void Publisher::send_due(std::uint64_t now_ns) {
  if (shared_->stop_publishing.load(std::memory_order_relaxed)) schedule_.set_end(now_ns + 1);
  while (next_ < schedule_.count() && !idle_.empty()) {
    const std::uint64_t due = schedule_.due_ns(next_);
    if (due > now_ns) return;
    // The one that has been idle longest: all are used in turn.
    Connection& connection = *idle_.front();
    idle_.erase(idle_.begin());
    post(connection, due, schedule_.phase_of(next_), now_ns);
    ++next_;
    now_ns = monotonic_ns();
  }
}

/// Each connection waits for its answer and then until its share of the rate is due again; what should have been sent
/// meanwhile is forgotten, and the clock starts at the send. That is the fault this mode is kept to show.
void Publisher::send_closed_loop(std::uint64_t now_ns) {
  const bool over = now_ns >= schedule_.end_ns() || shared_->stop_publishing.load(std::memory_order_relaxed);
  if (over) return;
  for (std::size_t i = 0; i < idle_.size();) {
    Connection& connection = *idle_[i];
    const std::uint64_t now = monotonic_ns();
    const std::size_t phase = schedule_.phase_at(now);
    const auto pause =
        static_cast<std::uint64_t>(1e9 * static_cast<double>(connections_.size()) / schedule_.rate_at(now));
    if (connection.sent_ns != 0 && now < connection.sent_ns + pause) {
      ++i;
      continue;
    }
    idle_.erase(idle_.begin() + static_cast<std::ptrdiff_t>(i));
    if (now >= measure_from_ns_) ++result_.phases[phase - 1].outcomes.scheduled;
    connection.since_ns = now;
    post(connection, now, phase, now);
    ++next_;
  }
}

void Publisher::on_outcome(Connection& connection, bool accepted, const std::string& cause) {
  const std::uint64_t now = monotonic_ns();
  if (connection.measured) {
    result_.answer.add(now - connection.sent_ns);
    Outcomes& outcomes = result_.phases[connection.phase].outcomes;
    if (accepted) {
      ++outcomes.accepted;
      bump(shared_->accepted[connection.phase]);
    } else {
      ++outcomes.refused;
      ++result_.causes[cause];
    }
  }
  bump(shared_->published);
  connection.state = State::idle;  // it carries nothing now
  if (std::visit([](const auto& talk) { return talk.last(); }, *connection.talk)) {
    fail_message(connection, {});  // only reconnects
    connection.since_ns = 0;
    return;
  }
  become_idle(connection, now);
}

void Publisher::on_bytes(Connection& connection, std::string_view bytes) {
  const bool kept = !connection.in.empty();
  if (kept) connection.in.append(bytes);
  std::string whole = kept ? std::exchange(connection.in, {}) : std::string();
  std::string_view rest = kept ? std::string_view(whole) : bytes;
  std::string reply, cause;
  for (;;) {
    const Heard heard = std::visit([&](auto& talk) { return talk.hear(rest, reply, cause); }, *connection.talk);
    if (heard == Heard::nothing) break;
    if (heard == Heard::broken) return fail_message(connection, cause);
    if (heard == Heard::ready) {
      become_idle(connection, monotonic_ns());
      continue;
    }
    if (connection.state != State::waiting) return fail_message(connection, "answered before it was asked");
    on_outcome(connection, heard == Heard::accepted, cause);
    if (connection.state == State::broken) return;
  }
  if (rest.size() > kMaxAnswer) return fail_message(connection, "an answer without end");
  connection.in = rest;
  if (reply.empty()) return;
  connection.out.append(reply);
  if (connection.state != State::sending) flush(connection);
}

void Publisher::on_end(Connection& connection) {
  std::string cause;
  const Heard heard = connection.state == State::waiting
                          ? std::visit([&](auto& talk) { return talk.hear_end(cause); }, *connection.talk)
                          : Heard::nothing;
  if (heard == Heard::nothing) return fail_message(connection, "closed by the server");
  on_outcome(connection, heard == Heard::accepted, cause);
}

void Publisher::on_events(Connection& connection, std::uint32_t events) {
  if (connection.state == State::broken) return;
  if (connection.state == State::connecting || connection.state == State::securing) return go_on_connecting(connection);
  if ((events & EPOLLOUT) != 0 && connection.out_sent < connection.out.size()) flush(connection);
  if ((events & (EPOLLIN | EPOLLERR | EPOLLHUP)) == 0) return;
  do {
    if (connection.state == State::broken) return;
    std::array<char, 16384> buffer;
    const ssize_t got = connection.wire.receive(buffer);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got < 0) return fail_message(connection, "receive: " + connection.wire.cause(errno));
    if (got == 0) return on_end(connection);
    on_bytes(connection, {buffer.data(), static_cast<std::size_t>(got)});
  } while (connection.wire.has_pending());
}

bool Publisher::busy() const {
  return std::any_of(connections_.begin(), connections_.end(),
                     [](const Connection& connection) { return connection.carries(); });
}

void Publisher::prepare(std::uint64_t start_ns) {
  measure_from_ns_ = start_ns + static_cast<std::uint64_t>(plan_.warmup.count());
  schedule_ = Schedule(start_ns);
  Phase warmup = plan_.phases.front();
  warmup.duration = plan_.warmup;
  if (warmup.shape == Shape::ramp) warmup.shape = Shape::steady;
  schedule_.append(warmup);
  Board& board = shared_.board();
  for (const Phase& phase : plan_.phases) {
    const std::uint64_t begin_ns = schedule_.end_ns();
    schedule_.append(phase);
    board.phase_from_ns[result_.phases.size()] = begin_ns;
    result_.phases.push_back({phase, begin_ns, schedule_.end_ns(), {}});
  }
  board.phases = static_cast<unsigned>(result_.phases.size());
  ++board.phase_epoch;
  board.track_every = std::bit_ceil(schedule_.count() / kTracked + 1);
  board.schedule_end_ns = schedule_.end_ns();
  board.measure_from_ns = measure_from_ns_;
}

void Publisher::follow_board(std::uint64_t now_ns) {
  // What is asked for during the warm-up holds from its end on.
  if (now_ns < measure_from_ns_ || now_ns >= schedule_.end_ns()) return;
  auto change = mailbox_.take();
  if (!change) return;
  Board& board = shared_.board();
  for (std::size_t i = 0; i < result_.phases.size(); ++i) {
    PublishedPhase& phase = result_.phases[i];
    phase.begin_ns = std::min(phase.begin_ns, now_ns);
    phase.end_ns = std::min(phase.end_ns, now_ns);
    board.phase_from_ns[i] = phase.begin_ns;
  }
  change->name += " (live " + std::to_string(result_.phases.size()) + ")";
  schedule_.replace(now_ns, *change);
  board.phase_from_ns[result_.phases.size()] = now_ns;
  result_.phases.push_back({*change, now_ns, schedule_.end_ns(), {}});
  ++board.phases;
  ++board.phase_epoch;
}

std::uint64_t Publisher::next_wake_ns(std::uint64_t now_ns, std::uint64_t deadline_ns) const {
  std::uint64_t wake = std::min(now_ns + kTickNs, deadline_ns);
  if (idle_.empty()) return wake;
  if (plan_.closed_loop) {
    const double rate = schedule_.rate_at(now_ns);
    for (const Connection* connection : idle_)
      wake = std::min(wake, connection->sent_ns +
                                static_cast<std::uint64_t>(1e9 * static_cast<double>(connections_.size()) / rate));
  } else if (next_ < schedule_.count()) {
    wake = std::min(wake, schedule_.due_ns(next_));
  }
  return wake;
}

void Publisher::wait_for_events(std::uint64_t until_ns) {
  const std::uint64_t now = monotonic_ns();
  const std::uint64_t wait = until_ns > now ? until_ns - now : 0;
  const timespec timeout{static_cast<time_t>(wait / 1'000'000'000u), static_cast<long>(wait % 1'000'000'000u)};
  // epoll_wait counts in milliseconds, and epoll_pwait2 is younger than kernels we run on.
  pollfd any{epoll_.get(), POLLIN, 0};
  if (::ppoll(&any, 1, &timeout, nullptr) <= 0) return;
  std::array<epoll_event, 64> events;
  const int ready = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
  for (int i = 0; i < ready; ++i)
    on_events(*static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr),
              events[static_cast<std::size_t>(i)].events);
}

void Publisher::settle() {
  const std::uint64_t count = schedule_.count();
  const std::uint64_t warmup = std::min(schedule_.count_before(measure_from_ns_), count);
  const std::uint64_t offline_ns = shared_->offline_since_ns;
  if (!plan_.closed_loop && plan_.publishers > 0) {
    for (std::uint64_t i = 0; i < result_.phases.size(); ++i)
      result_.phases[i].outcomes.scheduled = schedule_.count_in_phase(i + 1);
    for (std::uint64_t k = std::max(next_, warmup); k < count; ++k) {
      Outcomes& outcomes = result_.phases[schedule_.phase_of(k) - 1].outcomes;
      ++(schedule_.due_ns(k) >= offline_ns ? outcomes.unsent_no_connection : outcomes.unsent_busy);
    }
  }
  result_.first_number = std::min(result_.first_number, next_);
  result_.end_number = next_;
  for (const Connection& connection : connections_)
    if (connection.carries() && connection.measured) ++result_.phases[connection.phase].outcomes.unanswered;
  for (PublishedPhase& phase : result_.phases) {
    phase.end_ns = std::max(phase.begin_ns, std::min(phase.end_ns, result_.end_ns));
    result_.add(phase.outcomes);
  }
}

void Publisher::run(std::uint64_t start_ns) {
  ::prctl(PR_SET_TIMERSLACK, 1);  // the usual 50 us would be in every latency
  // OpenSSL writes without MSG_NOSIGNAL.
  sigset_t pipe;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  ::pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
  prepare(start_ns);
  std::uint64_t end = schedule_.end_ns();
  for (;;) {
    std::uint64_t now = monotonic_ns();
    follow_board(now);
    shared_->publisher_cpu_ns = thread_cpu_ns();
    if (shared_->stop_publishing.load(std::memory_order_relaxed)) end = std::min(end, now);
    const std::uint64_t deadline = end + static_cast<std::uint64_t>(plan_.drain.count());
    if (plan_.publishers > 0) {
      plan_.closed_loop ? send_closed_loop(now) : send_due(now);
      revive(now);
    }
    const bool sent = plan_.closed_loop || plan_.publishers == 0 || next_ >= schedule_.count();
    if ((now >= end && sent && !busy()) || now >= deadline || shared_->stop.load(std::memory_order_relaxed)) break;
    if (shared_->abandon.load(std::memory_order_relaxed)) break;
    now = monotonic_ns();
    wait_for_events(next_wake_ns(now, deadline));
  }
  result_.begin_ns = measure_from_ns_;
  result_.end_ns = std::max(end, measure_from_ns_);
  settle();
}

}  // namespace fanlight::load
