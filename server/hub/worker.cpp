#include "server/hub/worker.hpp"

#include <netinet/in.h>
#include <sys/uio.h>

#include <algorithm>
#include <climits>
#include <utility>

#include <boost/asio/post.hpp>

#include "server/codec/sse.hpp"

namespace fanlight::server::hub {
namespace {

// A peer that neither reads its close frame nor closes is given this long.
constexpr std::uint32_t kLingerSeconds = 3;

}  // namespace

Worker::Worker(unsigned index, const WorkerOptions& options, MutexRegistry& registry, Published& published)
    : index_(index),
      options_(options),
      registry_(registry),
      published_(published),
      iovecs_(std::clamp<std::size_t>(options.outbox_frames, Outbox::kMinFrames, IOV_MAX)) {}

void Worker::run() {
  const inprocess::ThreadScope scope(("worker-" + std::to_string(index_)).c_str());
  schedule_tick();
  for (;;) {
    try {
      context_.run();
      return;
    } catch (...) {
      ++counts_.exceptions;  // most likely memory ran out; the other subscribers go on
    }
  }
}

void Worker::wake() {
  boost::asio::post(context_, [this] { drain_inbox(); });
}

Result<SessionRef> Worker::join(std::string_view topic, codec::Wire wire, Ticket ticket) {
  if (free_slots_.empty()) {
    sessions_.emplace_back();
    free_slots_.reserve(sessions_.capacity());  // so that giving a slot back cannot fail
    generations_.push_back(0);
    free_slots_.push_back(static_cast<std::uint32_t>(sessions_.size() - 1));
  }
  auto session = std::make_unique<Session>(options_.outbox_frames, wire, std::string(topic), std::move(ticket));
  const std::uint32_t slot = free_slots_.back();
  session->ref = {.slot = slot, .generation = generations_[slot]};
  session->sent_tick = tick_;
  if (auto inserted = registry_.insert(topic, index_, wire, session->ref); !inserted) {
    return std::unexpected(std::move(inserted.error()));
  }
  session->subscribed = true;
  free_slots_.pop_back();
  WireReading& counts = account(*session);
  ++counts.sessions;
  ++counts.joined;
  published_.connections.add(1);
  const SessionRef ref = session->ref;
  sessions_[slot] = std::move(session);
  return ref;
}

void Worker::start(SessionRef ref, boost::asio::ip::tcp::socket socket, std::span<const std::byte> early) {
  Session* session = find(ref);
  if (session == nullptr) return;  // the server stopped meanwhile; the socket closes here
  boost::system::error_code error;
  socket.native_non_blocking(true, error);
  session->socket.emplace(std::move(socket));
  if (error) return end(*session, End::reset);
  if (session->stage == Session::Stage::handshake) session->stage = Session::Stage::live;
  session->sent_tick = tick_;
  if (!session->outbox.empty() || session->stage == Session::Stage::closing) queue_flush(*session);
  if (!early.empty()) on_bytes(*session, early);
  await_readable(*session);
}

void Worker::abandon(SessionRef ref) {
  if (Session* session = find(ref); session != nullptr) end(*session, End::handshake);
}

Session* Worker::find(SessionRef ref) {
  if (ref.slot >= sessions_.size() || generations_[ref.slot] != ref.generation) return nullptr;
  return sessions_[ref.slot].get();
}

void Worker::unsubscribe(Session& session) {
  if (!std::exchange(session.subscribed, false)) return;
  registry_.remove(session.topic, index_, session.wire, session.ref);
  published_.connections.add(-1);
}

void Worker::count_dropped(codec::Wire wire, Drop cause, std::uint64_t events) {
  if (events == 0) return;
  counts_.wires[codec::index_of(wire)].dropped[static_cast<std::size_t>(cause)] += events;
  published_.dropped_frames.add(events);
}

void Worker::free_slot(Session& session) {
  const std::uint32_t slot = session.ref.slot;
  ++generations_[slot];
  free_slots_.push_back(slot);
  sessions_[slot].reset();
}

void Worker::end(Session& session, End cause) {
  unsubscribe(session);
  count_dropped(session.wire, cause == End::shutdown ? Drop::shutdown : Drop::disconnected, session.outbox.clear());
  WireReading& counts = account(session);
  --counts.sessions;
  ++counts.ended[static_cast<std::size_t>(cause)];
  if (session.socket) {
    boost::system::error_code ignored;
    session.socket->close(ignored);  // its waits end as aborted and find the slot's generation changed
  }
  free_slot(session);
}

void Worker::begin_close(Session& session, codec::CloseCode code, End cause) {
  unsubscribe(session);
  count_dropped(session.wire, Drop::disconnected, session.outbox.clear_waiting());
  session.outbox.offer(codec::websocket_close(code));
  session.stage = Session::Stage::closing;
  session.end = cause;
  session.linger_tick = tick_ + kLingerSeconds;
  queue_flush(session);
}

void Worker::all_sent(Session& session) {
  // A stream's client learns of the end from the FIN behind the last byte; only WebSocket has a reply to wait for.
  if (session.wire == codec::Wire::sse) return end(session, session.end);
  boost::system::error_code error;
  session.socket->shutdown(boost::asio::ip::tcp::socket::shutdown_send, error);
  if (error) return end(session, session.end);
  session.stage = Session::Stage::lingering;
  session.linger_tick = tick_ + kLingerSeconds;
}

void Worker::drain_inbox() {
  inbox_.take(batch_);
  auto session_ref = batch_.sessions.cbegin();
  for (Inbox::Entry& entry : batch_.entries) {
    std::uint64_t left = 0;
    std::uint64_t full = 0;
    for (std::size_t i = 0; i < entry.sessions; ++i, ++session_ref) {
      Session* session = find(*session_ref);
      if (session == nullptr || !session->subscribed) {
        ++left;
        continue;
      }
      full += session->outbox.offer(entry.frame);
      queue_flush(*session);
    }
    count_dropped(entry.wire, Drop::left, left);
    count_dropped(entry.wire, Drop::outbox_full, full);
    entry.frame.reset();
  }
}

void Worker::schedule_tick() {
  ticker_.expires_after(std::chrono::seconds(1));
  ticker_.async_wait([this](boost::system::error_code error) {
    if (error) return;
    schedule_tick();
    on_tick();
  });
}

void Worker::on_tick() {
  ++tick_;
  for (const auto& session : sessions_) {
    if (session) tend(*session);
  }
}

void Worker::tend(Session& session) {
  switch (session.stage) {
    case Session::Stage::handshake: return;  // has a deadline of its own
    case Session::Stage::live:
      // What waits in the outbox shows a client that the server is there, as soon as it reads.
      if (!session.outbox.empty() || tick_ - session.sent_tick < options_.heartbeat.count()) return;
      session.outbox.offer(session.wire == codec::Wire::sse ? codec::sse_heartbeat() : codec::websocket_ping());
      ++account(session).heartbeats;
      return queue_flush(session);
    case Session::Stage::closing:
    case Session::Stage::lingering:
      if (session.linger_tick != 0 && tick_ >= session.linger_tick) end(session, session.end);
      return;
  }
}

void Worker::begin_drain() {
  drain_inbox();
  for (const auto& session : sessions_) {
    if (!session || session->stage == Session::Stage::closing || session->stage == Session::Stage::lingering) continue;
    unsubscribe(*session);
    if (session->wire == codec::Wire::websocket) {
      count_dropped(session->wire, Drop::outbox_full,
                    session->outbox.offer(codec::websocket_close(codec::CloseCode::going_away)));
    }
    session->end = End::shutdown;
    session->linger_tick = 0;
    session->stage = Session::Stage::closing;
    queue_flush(*session);
  }
}

void Worker::end_all() {
  drain_inbox();
  for (const auto& session : sessions_) {
    if (session) end(*session, End::shutdown);
  }
}

void Worker::finish() {
  ticker_.cancel();
  work_.reset();
}

WorkerReading Worker::reading() const {
  WorkerReading reading = counts_;
  const Inbox::Counts inbox = inbox_.counts();
  for (std::size_t i = 0; i < codec::kWires; ++i) {
    reading.wires[i].offered = inbox.offered[i];
    reading.wires[i].dropped[static_cast<std::size_t>(Drop::inbox_full)] = inbox.dropped[i];
    reading.wires[i].queued_inbox = inbox.queued[i];
  }
  for (const auto& session : sessions_) {
    if (session) reading.wires[codec::index_of(session->wire)].queued_outbox += session->outbox.events();
  }
  return reading;
}

}  // namespace fanlight::server::hub
