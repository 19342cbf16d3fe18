#include "load/publisher.hpp"

#include <poll.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <span>
#include <system_error>

#include "core/clock.hpp"
#include "load/payload.hpp"

namespace fanlight::load {
namespace {

constexpr std::uint64_t kReviveAfterNs = 100'000'000;
constexpr std::uint64_t kTickNs = 50'000'000;

std::string words_of(int error) { return std::generic_category().message(error); }

int socket_error(int fd) {
  int error = 0;
  socklen_t size = sizeof error;
  return ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 ? error : errno;
}

}  // namespace

Publisher::Publisher(const Plan& plan, const Endpoint& endpoint, const Expectation& expectation, Shared& shared)
    : plan_(plan),
      endpoint_(endpoint),
      expectation_(expectation),
      shared_(shared),
      connections_(plan.publishers),
      head_("POST /topics/" + plan.topic + " HTTP/1.1\r\nHost: " + endpoint.url.authority +
            "\r\nUser-Agent: fanlight-load\r\nContent-Type: text/plain\r\nContent-Length: " +
            std::to_string(plan.size) + "\r\n\r\n") {
  for (std::size_t i = 0; i < connections_.size(); ++i) connections_[i].index = static_cast<std::uint16_t>(i);
}

Result<> Publisher::begin(Connection& connection) {
  connection.reader.reset();
  auto socket = begin_connect(endpoint_);
  if (!socket) return std::unexpected(std::move(socket.error()));
  connection.fd = std::move(*socket);
  connection.phase = Phase::connecting;
  return {};
}

Result<> Publisher::connect() {
  epoll_ = Fd(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_) return fail(errno, "epoll");
  for (Connection& connection : connections_) {
    if (auto begun = begin(connection); !begun) return begun;
    pollfd wait{connection.fd.get(), POLLOUT, 0};
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(plan_.connect_timeout).count();
    if (::poll(&wait, 1, static_cast<int>(ms)) <= 0) return fail(ETIMEDOUT, "connect");
    if (const int error = socket_error(connection.fd.get()); error != 0) return fail(error, "connect");
    connection.phase = Phase::idle;
    set_open(connection, true);
    idle_.push_back(&connection);
    watch(connection, false);
  }
  return {};
}

void Publisher::watch(Connection& connection, bool write) {
  epoll_event event{};
  event.events = EPOLLIN | (write ? EPOLLOUT : 0u);
  event.data.ptr = &connection;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, connection.fd.get(), &event) == 0) return;
  if (errno != ENOENT || ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, connection.fd.get(), &event) != 0)
    fail_message(connection, "epoll: " + words_of(errno));
}

void Publisher::set_open(Connection& connection, bool open) {
  if (connection.open == open) return;
  connection.open = open;
  open_ += open ? 1 : -1;
  shared_.offline_since_ns = open_ == 0 ? monotonic_ns() : kNever;
}

/// The connection is of no use any more; a message that it carried is lost to our knowledge.
void Publisher::fail_message(Connection& connection, const std::string& cause) {
  if ((connection.phase == Phase::sending || connection.phase == Phase::waiting) && connection.measured) {
    ++result_.failed;
    ++result_.causes[cause];
  }
  std::erase(idle_, &connection);
  set_open(connection, false);
  connection.fd.reset();
  connection.phase = Phase::broken;
  connection.since_ns = monotonic_ns();
}

void Publisher::revive(std::uint64_t now_ns) {
  for (Connection& connection : connections_) {
    if (connection.phase != Phase::broken || now_ns - connection.since_ns < kReviveAfterNs) continue;
    connection.since_ns = now_ns;
    if (begin(connection)) watch(connection, true);
  }
}

void Publisher::post(Connection& connection, std::uint64_t due_ns, std::uint64_t now_ns) {
  connection.measured = due_ns >= measure_from_ns_;
  connection.out = head_;
  const std::size_t at = connection.out.size();
  connection.out.resize(at + plan_.size);
  encode({expectation_.run, connection.index, connection.sequence++, due_ns},
         std::span(connection.out).subspan(at, plan_.size));
  connection.out_sent = 0;
  connection.sent_ns = now_ns;
  connection.phase = Phase::sending;
  if (connection.measured) {
    result_.wait.add(now_ns - due_ns);
    const std::uint64_t possible_ns = std::max(due_ns, connection.since_ns);
    result_.queued.add(possible_ns - due_ns);
    result_.slip.add(now_ns - possible_ns);
  }
  flush(connection);
}

void Publisher::flush(Connection& connection) {
  const std::size_t left = connection.out.size() - connection.out_sent;
  const ssize_t sent =
      ::send(connection.fd.get(), connection.out.data() + connection.out_sent, left, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (sent < 0 && errno != EAGAIN && errno != EINTR) return fail_message(connection, "send: " + words_of(errno));
  if (sent > 0) connection.out_sent += static_cast<std::size_t>(sent);
  const bool rest = connection.out_sent < connection.out.size();
  if (rest) return watch(connection, true);
  if (connection.out_sent != left) watch(connection, false);  // it had taken more than one send
  connection.phase = Phase::waiting;
}

void Publisher::send_due(std::uint64_t now_ns) {
  if (shared_.stop_publishing.load(std::memory_order_relaxed))
    schedule_.set_end(std::min(now_ns + 1, schedule_.due_ns(schedule_.count())));
  while (next_ < schedule_.count() && !idle_.empty()) {
    const std::uint64_t due = schedule_.due_ns(next_);
    if (due > now_ns) return;
    // The one that has been idle longest: all are used in turn.
    Connection& connection = *idle_.front();
    idle_.erase(idle_.begin());
    ++next_;
    post(connection, due, now_ns);
    now_ns = monotonic_ns();
  }
}

void Publisher::on_answer(Connection& connection) {
  const std::uint64_t now = monotonic_ns();
  const unsigned status = connection.reader.head().status;
  if (connection.measured) {
    result_.answer.add(now - connection.sent_ns);
    if (status >= 200 && status < 300) {
      ++result_.accepted;
    } else {
      ++result_.refused;
      ++result_.causes["answered " + std::to_string(status)];
    }
  }
  shared_.published.fetch_add(1, std::memory_order_relaxed);
  connection.phase = Phase::idle;
  connection.since_ns = now;
  const bool close = connection.reader.head().field("connection") == "close";
  connection.reader.reset();
  if (close) {
    fail_message(connection, {});  // carries nothing now: only reconnects
    connection.since_ns = 0;
  } else {
    idle_.push_back(&connection);
  }
}

void Publisher::on_events(Connection& connection, std::uint32_t events) {
  if (connection.phase == Phase::broken) return;
  if (connection.phase == Phase::connecting) {
    if (const int error = socket_error(connection.fd.get()); error != 0) return fail_message(connection, {});
    connection.phase = Phase::idle;
    set_open(connection, true);
    connection.since_ns = monotonic_ns();
    idle_.push_back(&connection);
    return watch(connection, false);
  }
  if ((events & EPOLLOUT) != 0 && connection.phase == Phase::sending) flush(connection);
  if ((events & (EPOLLIN | EPOLLERR | EPOLLHUP)) == 0 || connection.phase == Phase::broken) return;
  std::array<char, 16384> buffer;
  const ssize_t got = ::recv(connection.fd.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got < 0) return fail_message(connection, "receive: " + words_of(errno));
  if (got == 0) return fail_message(connection, "closed by the server");
  std::string_view bytes(buffer.data(), static_cast<std::size_t>(got)), piece;
  if (connection.phase != Phase::waiting) return fail_message(connection, "answered before it was asked");
  for (;;) {
    switch (connection.reader.next(bytes, piece)) {
      case ResponseReader::Event::nothing: return;
      case ResponseReader::Event::head:
      case ResponseReader::Event::body: break;
      case ResponseReader::Event::complete: return on_answer(connection);
      case ResponseReader::Event::error: return fail_message(connection, "malformed HTTP");
    }
  }
}

bool Publisher::busy() const {
  return std::any_of(connections_.begin(), connections_.end(), [](const Connection& connection) {
    return connection.phase == Phase::sending || connection.phase == Phase::waiting;
  });
}

std::uint64_t Publisher::next_wake_ns(std::uint64_t now_ns, std::uint64_t deadline_ns) const {
  std::uint64_t wake = std::min(now_ns + kTickNs, deadline_ns);
  if (next_ < schedule_.count() && !idle_.empty()) wake = std::min(wake, schedule_.due_ns(next_));
  return wake;
}

void Publisher::settle(std::uint64_t measure_from_ns) {
  const std::uint64_t warmup = std::min(schedule_.count_before(measure_from_ns), schedule_.count());
  result_.scheduled = schedule_.count() - warmup;
  const std::uint64_t first = std::max(next_, warmup), count = schedule_.count();
  const std::uint64_t offline_ns = shared_.offline_since_ns;
  const std::uint64_t online =
      offline_ns == kNever ? count : std::clamp(schedule_.count_before(offline_ns), first, count);
  result_.unsent_busy = online - first;
  result_.unsent_no_connection = count - online;
  for (const Connection& connection : connections_)
    if ((connection.phase == Phase::sending || connection.phase == Phase::waiting) && connection.measured)
      ++result_.unanswered;
}

void Publisher::run(std::uint64_t start_ns) {
  ::prctl(PR_SET_TIMERSLACK, 1);  // the usual 50 us would be in every latency
  measure_from_ns_ = start_ns + static_cast<std::uint64_t>(plan_.warmup.count());
  const std::uint64_t planned_end = measure_from_ns_ + static_cast<std::uint64_t>(plan_.duration.count());
  schedule_ = Schedule(start_ns, planned_end, plan_.rate);
  std::array<epoll_event, 64> events;
  std::uint64_t end = planned_end;
  for (;;) {
    std::uint64_t now = monotonic_ns();
    if (shared_.stop_publishing.load(std::memory_order_relaxed)) end = std::min(end, now);
    const std::uint64_t deadline = end + static_cast<std::uint64_t>(plan_.drain.count());
    send_due(now);
    revive(now);
    const bool done = now >= end && next_ >= schedule_.count() && !busy();
    if (done || now >= deadline || shared_.stop.load(std::memory_order_relaxed)) break;
    if (shared_.abandon.load(std::memory_order_relaxed)) break;
    now = monotonic_ns();
    const std::uint64_t wake = next_wake_ns(now, deadline);
    const std::uint64_t wait = wake > now ? wake - now : 0;
    const timespec timeout{static_cast<time_t>(wait / 1'000'000'000u), static_cast<long>(wait % 1'000'000'000u)};
    // epoll_wait counts in milliseconds, and epoll_pwait2 is younger than kernels we run on.
    pollfd any{epoll_.get(), POLLIN, 0};
    if (::ppoll(&any, 1, &timeout, nullptr) <= 0) continue;
    const int ready = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
    for (int i = 0; i < ready; ++i)
      on_events(*static_cast<Connection*>(events[static_cast<std::size_t>(i)].data.ptr),
                events[static_cast<std::size_t>(i)].events);
  }
  result_.begin_ns = measure_from_ns_;
  result_.end_ns = std::max(end, measure_from_ns_);
  settle(measure_from_ns_);
}

}  // namespace fanlight::load
