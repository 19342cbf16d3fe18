#include "server/hub/worker.hpp"

#include <pthread.h>
#include <sched.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <utility>

#include "core/clock.hpp"
#include "server/codec/deflate.hpp"
#include "server/codec/sse.hpp"

namespace fanlight::server::hub {
namespace {

constexpr std::uint64_t kTenthNs = 100'000'000;  // of a second; in each, a tenth of the sessions is looked after
constexpr std::uint32_t kEventSlot = 0xFFFF'FFFF;
constexpr std::uint32_t kWatchedSlot = 0xFFFF'0000;  // and what follows

std::uint64_t tag_of(SessionRef ref) { return std::uint64_t{ref.generation} << 32 | ref.slot; }

void pin_to(int cpu) {
  if (cpu < 0) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(static_cast<unsigned>(cpu), &set);
  ::pthread_setaffinity_np(::pthread_self(), sizeof set, &set);
}

codec::Frame heartbeat_of(codec::Wire wire) {
  if (wire == codec::Wire::sse) return codec::sse_heartbeat();
  if (wire != codec::Wire::sse_gzip) return codec::websocket_ping();
  static const codec::Frame frame = [] {
    std::string bytes;
    codec::append_deflated(bytes, codec::sse_heartbeat()->bytes());
    return codec::control_frame(std::move(bytes));
  }();
  return frame;
}

}  // namespace

Worker::Worker(unsigned index, const WorkerOptions& options, AnyRegistry& registry, Topics& topics,
               Published& published)
    : index_(index),
      options_(options),
      registry_(registry),
      per_core_(registry.per_core()),
      topics_(topics),
      published_(published),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      inbox_(options.queue, options.inbox_messages),
      iovecs_(IOV_MAX) {
  epoll_event event{.events = EPOLLIN, .data = {.u64 = kEventSlot}};
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, event_.get(), &event);
  next_tick_ns_ = monotonic_ns() + kTenthNs;
}

Worker::~Worker() { end_all(); }

void Worker::run() {
  const inprocess::ThreadScope scope(("worker-" + std::to_string(index_)).c_str());
  pin_to(options_.cpu);
  if (options_.send == SendMode::uring) {
    if (auto ring = SendRing::make()) ring_ = std::move(*ring);
    sending_.reserve(SendRing::kMost);
  }
  while (!finished_) {
    try {
      turn();
    } catch (...) {
      ++counts_.exceptions;  // most likely memory ran out; the other connections go on
    }
  }
}

bool Worker::idle() const {
  return inbox_.empty() && !any_posted_.load(std::memory_order_acquire) && to_flush_.empty() && !fanout_.message;
}

void Worker::turn() {
  ++counts_.turns;
  if (!sending_.empty()) sending_.front().frame != nullptr ? send_together() : flush_together();  // after an exception
  int timeout_ms = 0;
  if (idle()) {
    sleeping_.store(true);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    const std::uint64_t now = monotonic_ns();
    if (idle()) timeout_ms = now >= next_tick_ns_ ? 0 : static_cast<int>((next_tick_ns_ - now) / 1'000'000 + 1);
  }
  const int ready = ::epoll_wait(epoll_.get(), events_.data(), static_cast<int>(events_.size()), timeout_ms);
  sleeping_.store(false);
  for (int i = 0; i < ready; ++i) handle(events_[static_cast<std::size_t>(i)]);
  run_tasks();
  deliver_some();
  flush();
  if (monotonic_ns() >= next_tick_ns_) tend_some();
}

void Worker::handle(const epoll_event& event) {
  const auto slot = static_cast<std::uint32_t>(event.data.u64);
  if (slot == kEventSlot) {
    std::uint64_t ignored;
    [[maybe_unused]] const ssize_t got = ::read(event_.get(), &ignored, sizeof ignored);
    return;
  }
  if (slot >= kWatchedSlot) {
    const std::size_t which = slot - kWatchedSlot;
    if (which < watched_.size() && watched_[which].fd >= 0) watched_[which].ready();
    return;
  }
  const SessionRef ref{.slot = slot, .generation = static_cast<std::uint32_t>(event.data.u64 >> 32) & 0xFFFFFF};
  if (Session* session = find(ref); session != nullptr) on_event(*session, event.events);
}

void Worker::post(Task task) {
  {
    const std::scoped_lock lock(posting_);
    posted_.push_back(std::move(task));
    any_posted_.store(true, std::memory_order_release);
  }
  wake();
}

void Worker::after(std::chrono::milliseconds delay, Task task) {
  timers_.push_back({.due_ns = monotonic_ns() + static_cast<std::uint64_t>(std::chrono::nanoseconds(delay).count()),
                     .task = std::move(task)});
}

double Worker::recent_p95_ns() { return static_cast<double>(std::exchange(recent_, {}).percentile(0.95)); }

void Worker::run_tasks() {
  if (!any_posted_.load(std::memory_order_acquire)) return;
  {
    const std::scoped_lock lock(posting_);
    std::swap(tasks_, posted_);
    any_posted_.store(false, std::memory_order_release);
  }
  for (Task& task : tasks_) task();
  tasks_.clear();
}

void Worker::wake() {
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (!sleeping_.load(std::memory_order_relaxed) || !sleeping_.exchange(false)) return;
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t put = ::write(event_.get(), &one, sizeof one);
}

void Worker::watch(int fd, std::function<void()> ready) {
  auto place = std::ranges::find(watched_, -1, &Watched::fd);
  if (place == watched_.end()) place = watched_.insert(place, Watched{});
  *place = {.fd = fd, .ready = std::move(ready)};
  epoll_event event{.events = EPOLLIN,
                    .data = {.u64 = kWatchedSlot + static_cast<std::uint32_t>(place - watched_.begin())}};
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event);
}

void Worker::unwatch(int fd) {
  const auto place = std::ranges::find(watched_, fd, &Watched::fd);
  if (place == watched_.end()) return;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
  place->fd = -1;
}

Session& Worker::adopt(Fd socket, Ticket ticket, SslPtr tls, void* address, std::uint32_t deadline_seconds) {
  if (free_slots_.empty()) {
    if (slots_ % kSlab == 0) slabs_.push_back(std::make_unique<Session[]>(kSlab));
    free_slots_.reserve(slots_ + 1);  // so that giving a slot back cannot fail
    free_slots_.push_back(slots_);
    at(slots_).ref.slot = slots_;
    ++slots_;
  }
  Session& session = at(free_slots_.back());
  session.stage = tls ? Session::Stage::tls : Session::Stage::http;
  session.plain = !tls;
  session.tls = std::move(tls);
  session.fd = socket.release();
  session.ticket = std::move(ticket);
  session.address = address;
  session.sent_tick = tick_;
  session.deadline_tick = tick_ + deadline_seconds + 1;
  free_slots_.pop_back();
  ++counts_.http_connections;
  std::uint32_t events = EPOLLIN | EPOLLRDHUP;
  if (options_.edge_triggered) {
    events |= EPOLLOUT | EPOLLET;
    session.watches_writes = true;
  }
  epoll_event event{.events = events, .data = {.u64 = tag_of(session.ref)}};
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, session.fd, &event);
  return session;
}

Session* Worker::find(SessionRef ref) {
  if (ref.slot >= slots_) return nullptr;
  Session& session = at(ref.slot);
  return session.stage != Session::Stage::free && session.ref.generation == ref.generation ? &session : nullptr;
}

void Worker::free_slot(Session& session) {
  const std::uint32_t slot = session.ref.slot;
  const std::uint32_t generation = session.ref.generation + 1;
  if (session.fd >= 0) ::close(session.fd);
  session = Session();
  session.ref.slot = slot;
  session.ref.generation = generation & 0xFFFFFF;
  free_slots_.push_back(slot);
}

void Worker::end(Session& session, End cause) {
  unsubscribe_all(session);
  if (session.subscriber) {
    const Drop drop = cause == End::shutdown  ? Drop::shutdown
                      : cause == End::evicted ? Drop::evicted
                                              : Drop::disconnected;
    count_dropped(session.wire(), drop, session.outbox.clear());
    WireReading& counts = account(session);
    --counts.sessions;
    ++counts.ended[static_cast<std::size_t>(cause)];
    published_.connections.add(-1);
  } else {
    --counts_.http_connections;
  }
  if (reception_ != nullptr) reception_->on_gone(session);
  free_slot(session);
}

template <class Each>
void Worker::each_session(Each&& each) {
  for (std::uint32_t slot = 0; slot < slots_; ++slot) {
    if (at(slot).stage != Session::Stage::free) each(at(slot));
  }
}

void Worker::tend_some() {
  const std::uint64_t now = monotonic_ns();
  next_tick_ns_ = std::max(next_tick_ns_ + kTenthNs, now);
  for (std::size_t i = 0; i < timers_.size();) {
    if (timers_[i].due_ns > now) {
      ++i;
      continue;
    }
    Task due = std::move(timers_[i].task);
    timers_.erase(timers_.begin() + static_cast<std::ptrdiff_t>(i));
    due();  // may add one
  }
  if (++tenth_ == 10) {
    tenth_ = 0;
    ++tick_;
    std::uint64_t delivered = 0;
    for (const WireReading& wire : counts_.wires) delivered += wire.delivered;
    counts_.deliveries_last_second = delivered - std::exchange(delivered_before_, delivered);
  }
  for (std::uint32_t slot = tenth_; slot < slots_; slot += 10) {
    if (at(slot).stage != Session::Stage::free) tend(at(slot));
  }
}

void Worker::tend(Session& session) {
  switch (session.stage) {
    case Session::Stage::free: return;
    case Session::Stage::tls:
    case Session::Stage::http:
      if (session.deadline_tick != 0 && tick_ >= session.deadline_tick) reception_->on_overdue(session);
      return;
    case Session::Stage::closing:
    case Session::Stage::lingering:
      if (session.deadline_tick != 0 && tick_ >= session.deadline_tick) end(session, session.end);
      return;
    case Session::Stage::live: break;
  }
  if (Conversation* talk = session.conversation.get(); talk != nullptr && talk->pong_tick != 0) {
    if (tick_ >= talk->pong_tick) return end(session, End::silent);
  }
  if (session.topic && session.topic->policy.max_age.count() > 0 && !session.outbox.empty()) {
    const auto age = static_cast<std::uint64_t>(std::chrono::nanoseconds(session.topic->policy.max_age).count());
    count_dropped(session.wire(), Drop::too_old, session.outbox.drop_older(monotonic_ns() - age));
  }
  if (tick_ - session.sent_tick < options_.limits.heartbeat.count()) return;
  // To a stream, what waits in the outbox shows that the server is there, as soon as it reads. A WebSocket client has
  // to answer: a peer that is gone without a word fills its outbox, too.
  if (!session.outbox.empty() && codec::is_stream(session.wire())) return;
  const codec::Frame heartbeat = heartbeat_of(session.wire());
  if (!codec::is_stream(session.wire())) {
    std::uint32_t& overdue = session.conversation->pong_tick;
    // An answer that is awaited already is not given more time by asking again.
    if (overdue == 0) overdue = tick_ + static_cast<std::uint32_t>(options_.limits.pong_window.count()) + 1;
    count_dropped(session.wire(), Drop::outbox_full, session.outbox.offer_first(heartbeat));
    session.sent_tick = tick_;
  } else {
    session.outbox.offer(heartbeat);
  }
  ++account(session).heartbeats;
  queue_flush(session);
}

void Worker::begin_drain(const std::function<std::chrono::milliseconds()>& advice) {
  drain_inbox();
  each_session([&](Session& session) {
    if (session.stage == Session::Stage::http && !session.exchange && session.outbox.empty())
      return end(session, End::shutdown);
    if (session.stage != Session::Stage::live) return;
    unsubscribe_all(session);
    if (!codec::is_stream(session.wire())) {
      session.outbox.append(codec::websocket_close(codec::CloseCode::going_away));
    } else if (advice) {
      std::string text;
      codec::append_sse_retry(text, advice());
      if (session.wire() == codec::Wire::sse_gzip) {
        std::string squeezed;
        codec::append_deflated(squeezed, text);
        text = std::move(squeezed);
      }
      session.outbox.append(codec::control_frame(std::move(text)));
    }
    session.end = End::shutdown;
    session.deadline_tick = 0;
    session.stage = Session::Stage::closing;
    queue_flush(session);
    if (session.outbox.empty()) all_sent(session);
  });
}

void Worker::end_all() {
  drain_inbox();
  each_session([&](Session& session) { end(session, End::shutdown); });
}

void Worker::finish() { finished_ = true; }

WorkerReading Worker::reading() {
  drain_inbox();
  WorkerReading reading = counts_;
  reading.inbox_messages = inbox_.size();
  each_session([&](const Session& session) {
    if (session.subscriber) reading.wires[codec::index_of(session.wire())].queued_outbox += session.outbox.events();
  });
  return reading;
}

std::vector<Worker::Outline> Worker::fullest(std::size_t most) const {
  std::vector<Outline> outlines;
  for (std::uint32_t slot = 0; slot < slots_; ++slot) {
    const Session& session = at(slot);
    if (!session.subscriber || session.outbox.empty()) continue;
    outlines.push_back({.ref = session.ref,
                        .topic = session.topic ? session.topic->name : std::string(),
                        .topics = topics_of(session),
                        .frames = session.outbox.frames(),
                        .bytes = session.outbox.bytes(),
                        .blocked = session.awaits_writable});
  }
  const std::size_t kept = std::min(most, outlines.size());
  std::ranges::partial_sort(outlines, outlines.begin() + static_cast<std::ptrdiff_t>(kept), std::ranges::greater(),
                            &Outline::bytes);
  outlines.resize(kept);
  return outlines;
}

}  // namespace fanlight::server::hub
