#include "load/subscriber_pool.hpp"

#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>

#include "core/clock.hpp"

namespace fanlight::load {
namespace {

constexpr int kTickMs = 20;
constexpr std::size_t kBuffer = 128u << 10;

bool pending(const Subscriber& subscriber) {
  return subscriber.phase() == Subscriber::Phase::connecting || subscriber.phase() == Subscriber::Phase::handshake;
}

}  // namespace

Result<SubscriberPool> SubscriberPool::make(const Plan& plan, const Endpoint& endpoint, const Expectation& expectation,
                                            Shared& shared, unsigned sse, unsigned ws, std::uint32_t seed) {
  Fd epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll) return fail(errno, "epoll");
  return SubscriberPool(plan, endpoint, expectation, shared, std::move(epoll), sse, ws, seed);
}

SubscriberPool::SubscriberPool(const Plan& plan, const Endpoint& endpoint, const Expectation& expectation,
                               Shared& shared, Fd epoll, unsigned sse, unsigned ws, std::uint32_t seed)
    : plan_(&plan),
      endpoint_(&endpoint),
      expectation_(&expectation),
      shared_(&shared),
      epoll_(std::move(epoll)),
      random_(std::make_unique<std::minstd_rand>(seed)),
      buffer_(kBuffer) {
  // Alternating, so that both protocols meet the server in the same order and load.
  for (unsigned i = 0; i < std::max(sse, ws); ++i) {
    if (i < sse) wanted_.push_back(Protocol::sse);
    if (i < ws) wanted_.push_back(Protocol::websocket);
  }
  tallies_[static_cast<std::size_t>(Protocol::sse)].wanted = sse;
  tallies_[static_cast<std::size_t>(Protocol::websocket)].wanted = ws;
  subscribers_.reserve(wanted_.size());
}

void SubscriberPool::watch(Subscriber& subscriber, bool write) {
  epoll_event event{};
  event.events = EPOLLIN | (write ? EPOLLOUT : 0u);
  event.data.ptr = &subscriber;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, subscriber.fd(), &event) == 0) return;
  if (errno != ENOENT || ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, subscriber.fd(), &event) != 0)
    subscriber.close("epoll: " + std::generic_category().message(errno));
}

void SubscriberPool::account(Subscriber& subscriber, Subscriber::Phase before) {
  const Subscriber::Phase now = subscriber.phase();
  if (now == before) return;
  Tally& tally = tally_of(subscriber);
  const bool streamed = before == Subscriber::Phase::streaming;
  if (now == Subscriber::Phase::streaming) {
    ++tally.established;
    shared_->established.fetch_add(1, std::memory_order_relaxed);
  } else if (now == Subscriber::Phase::closed && streamed) {
    ++tally.disconnected;
    ++tally.disconnects[subscriber.cause()];
    shared_->disconnected.fetch_add(1, std::memory_order_relaxed);
  } else if (now == Subscriber::Phase::closed) {
    ++tally.connect_failures[subscriber.cause()];
    shared_->failed.fetch_add(1, std::memory_order_relaxed);
  }
}

void SubscriberPool::connect_due(std::uint64_t now_ns) {
  const double pace = plan_->connect_rate / plan_->threads;
  const auto due = static_cast<std::size_t>(static_cast<double>(now_ns - connect_from_ns_) / 1e9 * pace) + 1;
  while (subscribers_.size() < std::min(due, wanted_.size())) {
    auto& subscriber = *subscribers_.emplace_back(std::make_unique<Subscriber>(
        wanted_[subscribers_.size()], *endpoint_, plan_->topic, plan_->publishers, *random_));
    if (subscriber.connect(*endpoint_, now_ns)) watch(subscriber, true);
    account(subscriber, Subscriber::Phase::connecting);
  }
}

void SubscriberPool::give_up_late(std::uint64_t now_ns) {
  // They began in this order, so the first that still has time ends the search.
  for (; oldest_pending_ < subscribers_.size(); ++oldest_pending_) {
    Subscriber& subscriber = *subscribers_[oldest_pending_];
    if (!pending(subscriber)) continue;
    if (now_ns - subscriber.began_ns() < static_cast<std::uint64_t>(plan_->connect_timeout.count())) return;
    const Subscriber::Phase before = subscriber.phase();
    subscriber.close("no answer in time");
    account(subscriber, before);
  }
}

void SubscriberPool::on_events(Subscriber& subscriber, std::uint32_t events) {
  const Subscriber::Phase before = subscriber.phase();
  if (before == Subscriber::Phase::closed) return;
  const bool wanted_write = subscriber.wants_to_write();
  Tally& tally = tally_of(subscriber);
  const std::uint64_t received = tally.received;
  if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0 && wanted_write) subscriber.on_writable();
  if ((events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0 && subscriber.phase() != Subscriber::Phase::closed &&
      subscriber.phase() != Subscriber::Phase::connecting)
    subscriber.on_readable(buffer_, {*expectation_, shared_->measure_from_ns.load(std::memory_order_relaxed), tally});
  // A pong is due at once: most often there is room, and epoll need not be asked.
  if (subscriber.phase() == Subscriber::Phase::streaming && subscriber.wants_to_write()) subscriber.on_writable();
  if (subscriber.phase() != Subscriber::Phase::closed && subscriber.wants_to_write() != wanted_write)
    watch(subscriber, subscriber.wants_to_write());
  account(subscriber, before);
  if (tally.received != received) shared_->received.fetch_add(tally.received - received, std::memory_order_relaxed);
}

void SubscriberPool::run() {
  connect_from_ns_ = monotonic_ns();
  std::array<epoll_event, 256> events;
  while (!shared_->stop.load(std::memory_order_relaxed)) {
    const int ready = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), kTickMs);
    for (int i = 0; i < ready; ++i)
      on_events(*static_cast<Subscriber*>(events[static_cast<std::size_t>(i)].data.ptr),
                events[static_cast<std::size_t>(i)].events);
    const std::uint64_t now = monotonic_ns();
    if (subscribers_.size() < wanted_.size()) connect_due(now);
    if (oldest_pending_ < subscribers_.size()) give_up_late(now);
  }
}

}  // namespace fanlight::load
