// The half of `Worker` that touches sockets: what clients send, and the flush that sends to them.
#include <openssl/err.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <optional>
#include <utility>

#include "core/clock.hpp"
#include "server/hub/stages.hpp"
#include "server/hub/worker.hpp"

namespace fanlight::server::hub {
namespace {

constexpr std::size_t kBatchMessages = 64;  // bound on the batch's search
constexpr int kReadsPerTurn = 4;            // a client that floods us waits its turn
constexpr std::size_t kTlsRecord = 16 * 1024;
constexpr std::uint32_t kLingerSeconds = 3;

std::uint64_t tag_of(SessionRef ref) { return std::uint64_t{ref.generation} << 32 | ref.slot; }

/// What `SSL_get_error` says, in the words of errno.
ssize_t tls_failed(SSL* ssl, int result) {
  const int error = ::SSL_get_error(ssl, result);
  ::ERR_clear_error();
  if (error == SSL_ERROR_ZERO_RETURN) return 0;
  errno = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? EAGAIN : EPIPE;
  return -1;
}

/// Class of connection, topic and trace of what is being flushed. Most of what is flushed in a turn is of one topic and
/// class, so labels change only where these do.
class FlushLabels {
 public:
  /// Whether `become` has nothing to change.
  bool fit(const Session& session) const {
    const fanlight_trace* trace = trace_of(session);
    const bool same_trace = trace == nullptr || std::memcmp(trace, &trace_, sizeof trace_) == 0;
    return begun_ && session.topic.get() == topic_ && session.ref.wire == wire_ && session.subscriber == subscriber_ &&
           same_trace;
  }
  void become(const Session& session) {
    if (fit(session)) return;
    const fanlight_trace* trace = trace_of(session);
    begun_ = true;
    topic_ = session.topic.get();
    wire_ = session.ref.wire;
    subscriber_ = session.subscriber;
    trace_ = trace == nullptr ? fanlight_trace{} : *trace;
    // Inner before outer: each goes back to where the record stood before it came.
    message_.reset();
    class_.reset();
    class_.emplace(kClassKey, subscriber_ ? codec::name_of(wire_) : std::string_view("http"));
    if (topic_ != nullptr) message_.emplace(topic_->name, trace_);
  }
  ~FlushLabels() { message_.reset(); }

 private:
  static const fanlight_trace* trace_of(const Session& session) {
    return session.outbox.empty() ? nullptr : &session.outbox.frame(0).trace;
  }

  bool begun_ = false;
  bool subscriber_ = false;
  const Topic* topic_ = nullptr;
  codec::Wire wire_ = codec::Wire::sse;
  fanlight_trace trace_{};
  std::optional<inprocess::Label> class_;
  std::optional<ForMessage> message_;
};

}  // namespace

void Worker::on_event(Session& session, std::uint32_t events) {
  const SessionRef ref = session.ref;
  if ((events & EPOLLOUT) != 0 && session.awaits_writable) {
    session.awaits_writable = false;
    if (!options_.edge_triggered) watch_writes(session, false);
    queue_flush(session);
  }
  if (session.stage == Session::Stage::tls) {
    if (!shake_hands(session)) return;
  }
  if ((events & ~static_cast<std::uint32_t>(EPOLLOUT)) == 0) return;
  if (Session* same = find(ref); same != nullptr) on_readable(*same);
}

bool Worker::shake_hands(Session& session) {
  const int result = ::SSL_accept(session.tls.get());
  if (result == 1) {
    session.stage = Session::Stage::http;
    return true;
  }
  const int error = ::SSL_get_error(session.tls.get(), result);
  ::ERR_clear_error();
  if (error == SSL_ERROR_WANT_READ) return false;
  if (error == SSL_ERROR_WANT_WRITE) {
    await_writable(session);
    return false;
  }
  end(session, End::handshake);
  return false;
}

ssize_t Worker::receive(Session& session) {
  if (!session.tls) return ::recv(session.fd, received_.data(), received_.size(), MSG_DONTWAIT);
  const int got = ::SSL_read(session.tls.get(), received_.data(), static_cast<int>(received_.size()));
  return got > 0 ? got : tls_failed(session.tls.get(), got);
}

void Worker::on_readable(Session& first) {
  const SessionRef ref = first.ref;
  for (int turn = 0; turn < kReadsPerTurn; ++turn) {
    Session* session = find(ref);
    if (session == nullptr) return;
    const ssize_t got = receive(*session);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
    const bool ending = session->stage == Session::Stage::closing || session->stage == Session::Stage::lingering;
    if (got < 0) return end(*session, ending ? session->end : End::reset);
    if (got == 0 && session->stage == Session::Stage::http && session->exchange) {
      // Half closed: it may still wait for its answers.
      return reception_->on_bytes(*session, {});
    }
    if (got == 0 && session->stage == Session::Stage::http && !session->outbox.empty()) {
      return finish_sending(*session, End::client);  // half closed: its answer is on its way
    }
    if (got == 0) return end(*session, ending ? session->end : End::client);
    if (!ending) on_bytes(*session, std::span(received_).first(static_cast<std::size_t>(got)));
    const bool all = static_cast<std::size_t>(got) < received_.size();
    if (all && !(find(ref) != nullptr && find(ref)->tls)) return;
  }
  // An edge comes once: what is left is read in the next turn.
  const Session* session = find(ref);
  if (session == nullptr || !(options_.edge_triggered || session->tls)) return;
  post([this, ref] {
    if (Session* again = find(ref); again != nullptr) on_readable(*again);
  });
}

void Worker::on_bytes(Session& session, std::span<const std::byte> bytes) {
  if (session.stage == Session::Stage::http) return reception_->on_bytes(session, bytes);
  account(session).bytes_received += bytes.size();
  if (codec::is_stream(session.wire())) return;  // a stream's client has nothing to say
  const SessionRef ref = session.ref;
  for (Session* same = &session; same != nullptr && same->stage == Session::Stage::live; same = find(ref)) {
    codec::ClientRequest request = same->conversation->frames.next(bytes);
    switch (request.kind) {
      case codec::ClientRequest::Kind::none: return;
      case codec::ClientRequest::Kind::pong:
        count_dropped(same->wire(), Drop::outbox_full,
                      same->outbox.offer_first(codec::websocket_pong(request.payload)));
        queue_flush(*same);
        break;
      case codec::ClientRequest::Kind::ponged: same->conversation->pong_tick = 0; break;
      case codec::ClientRequest::Kind::message:
        same->conversation->pong_tick = 0;
        reception_->on_message(*same, std::move(request.payload), request.text);
        break;
      case codec::ClientRequest::Kind::close:
        if (!request.by_client) ++counts_.violations[request.why];
        return begin_close(*same, request.code, request.by_client ? End::client : End::protocol);
    }
  }
}

void Worker::send(Session& session, const codec::Frame& frame) {
  session.outbox.append(frame);
  queue_flush(session);
}

void Worker::queue_flush(Session& session) {
  if (session.flush_queued || session.awaits_writable || session.stage == Session::Stage::tls) return;
  session.flush_queued = true;
  to_flush_.push_back(session.ref);
}

void Worker::flush() {
  if (to_flush_.empty()) return;
  const AtStage stage(Stage::flush);
  FlushLabels labels;
  const std::size_t until = std::min(to_flush_.size(), flushed_ + options_.flush_slice);
  while (flushed_ < until) {
    const SessionRef ref = to_flush_[flushed_++];
    Session* session = find(ref);
    if (session == nullptr) continue;
    session->flush_queued = false;
    const bool together = ring_ && !session->tls && !session->outbox.empty();
    if (!sending_.empty() && !(together && labels.fit(*session) && gathered_.keeps(session->outbox))) {
      flush_together();
      session = find(ref);
      if (session == nullptr) continue;
    }
    labels.become(*session);
    if (together && !session->outbox.empty()) {
      flush_with_others(*session);
    } else {
      flush_one(*session);
    }
  }
  flush_together();
  close_batch();
  gathered_.forget();
  if (flushed_ < to_flush_.size()) {
    // What has gone is cut off now and then, so that steady fan-out cannot grow the list for ever.
    if (flushed_ < 64 * options_.flush_slice) return;
    to_flush_.erase(to_flush_.begin(), to_flush_.begin() + static_cast<std::ptrdiff_t>(flushed_));
  } else {
    to_flush_.clear();
  }
  flushed_ = 0;
}

ssize_t Worker::transmit(Session& session, std::size_t& asked) {
  const AtStage stage(Stage::send);
  asked = 0;
  ++counts_.sends;
  if (session.tls) {
    bool shared = false;
    const std::string_view bytes = gathered_.gather(session.outbox, shared);
    asked = std::min(bytes.size(), kTlsRecord);
    const int put = ::SSL_write(session.tls.get(), bytes.data(), static_cast<int>(asked));
    if (put > 0) return put;
    // The same bytes have to be offered again: none of the frames that they come from may go.
    std::size_t pinned = 0;
    for (std::size_t covered = 0; covered < session.outbox.head_sent() + asked; ++pinned)
      covered += session.outbox.frame(pinned).bytes().size();
    session.outbox.pin(pinned);
    const ssize_t failed = tls_failed(session.tls.get(), put);
    if (failed == 0) errno = EPIPE;
    return -1;
  }
  if (options_.send != SendMode::gather) {
    bool shared = false;
    const std::string_view bytes = gathered_.gather(session.outbox, shared);
    counts_.shared_sends += shared ? 1 : 0;
    asked = bytes.size();
    return ::send(session.fd, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  }
  const std::span<const iovec> queued = session.outbox.gather(iovecs_);
  for (const iovec& part : queued) asked += part.iov_len;
  const msghdr message{.msg_iov = const_cast<iovec*>(queued.data()), .msg_iovlen = queued.size()};
  return ::sendmsg(session.fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

void Worker::flush_one(Session& session) {
  while (!session.outbox.empty()) {
    std::size_t asked = 0;
    const ssize_t took = transmit(session, asked);
    if (took < 0) {
      if (errno == EINTR) continue;
      return not_taken(session, errno);
    }
    account_sent(session, static_cast<std::size_t>(took));
    if (static_cast<std::size_t>(took) < asked && !session.tls) return await_writable(session);
  }
  all_sent(session);
}

/// What is queued, as far as the socket takes it. Ends nothing, since a topic's subscribers are being walked: a broken
/// connection ends when it is flushed.
void Worker::send_now(Session& session) {
  while (!session.outbox.empty()) {
    std::size_t asked = 0;
    const ssize_t took = transmit(session, asked);
    if (took < 0 && errno == EINTR) continue;
    if (took < 0 && errno != EAGAIN && errno != EWOULDBLOCK) return;
    if (took < 0) {
      ++counts_.would_block;
      return await_writable(session);
    }
    account_sent(session, static_cast<std::size_t>(took));
    if (static_cast<std::size_t>(took) < asked && !session.tls) return await_writable(session);
  }
}

void Worker::not_taken(Session& session, int error) {
  if (error == EAGAIN || error == EWOULDBLOCK) {
    ++counts_.would_block;
    return await_writable(session);
  }
  const bool ending = session.stage == Session::Stage::closing;
  end(session, ending ? session.end : End::reset);
}

void Worker::account_sent(Session& session, std::size_t sent) {
  session.sent_tick = tick_;
  if (session.subscriber) {
    WireReading& counts = account(session);
    counts.bytes_sent += sent;
    session.outbox.sent(sent, [&](const codec::Encoded& frame) {
      if (frame.kind != codec::Encoded::Kind::event) return;
      ++counts.delivered;
      ++batch_deliveries_;
      if (session.unmeasured > 0) {
        --session.unmeasured;
      } else {
        latency_.add(frame.published_ns);
      }
    });
  } else {
    session.outbox.sent(sent, [](const codec::Encoded&) {});
  }
  if (++batch_sends_ >= LatencyBatch::kSends || latency_.messages() >= kBatchMessages) close_batch();
}

void Worker::flush_with_others(Session& session) {
  bool shared = false;
  const std::string_view bytes = gathered_.gather(session.outbox, shared);
  counts_.shared_sends += shared ? 1 : 0;
  ++counts_.sends;
  ring_->add(session.fd, bytes);
  sending_.push_back({.session = session.ref, .bytes = bytes.size()});
  if (ring_->full()) flush_together();
}

void Worker::flush_together() {
  if (sending_.empty()) return;
  {
    const AtStage stage(Stage::send);
    // First what has left, of all: what follows from it for one may queue more for the others.
    ring_->submit([&](unsigned which, int took) {
      Sending& each = sending_[which];
      each.took = took;
      if (took > 0) account_sent(at(each.session.slot), static_cast<std::size_t>(took));
    });
  }
  // They may be sent to again meanwhile.
  std::swap(sending_, sent_);
  sending_.clear();
  for (const Sending& each : sent_) {
    Session* session = find(each.session);
    if (session == nullptr || session->awaits_writable) continue;
    if (each.took < 0 && each.took != -EINTR) {
      not_taken(*session, static_cast<int>(-each.took));
    } else if (each.took >= 0 && static_cast<std::size_t>(each.took) < each.bytes) {
      await_writable(*session);
    } else {
      flush_one(*session);  // what did not fit into one piece; mostly nothing
    }
  }
  sent_.clear();
}

void Worker::all_sent(Session& session) {
  if (session.stage == Session::Stage::http) return reception_->on_sent(session);
  if (session.stage != Session::Stage::closing) return;
  if (session.tls) ::SSL_shutdown(session.tls.get());
  // A stream's client learns of the end from the FIN behind the last byte; the others may have a reply under way, and
  // closing over unread bytes would reset the connection under our last words.
  if (session.subscriber && codec::is_stream(session.wire())) return end(session, session.end);
  if (::shutdown(session.fd, SHUT_WR) != 0) return end(session, session.end);
  session.stage = Session::Stage::lingering;
  session.deadline_tick = tick_ + kLingerSeconds;
}

void Worker::close_batch() {
  batch_sends_ = 0;
  if (batch_deliveries_ == 0) return;
  latency_.close(monotonic_ns(), {&counts_.delivery_latency_ns, &recent_}, published_.delivery_latency);
  published_.deliveries.add(std::exchange(batch_deliveries_, 0));
}

void Worker::await_writable(Session& session) {
  session.awaits_writable = true;
  watch_writes(session, true);
}

void Worker::watch_writes(Session& session, bool on) {
  if (options_.edge_triggered || session.watches_writes == on) return;
  session.watches_writes = on;
  epoll_event event{.events = EPOLLIN | EPOLLRDHUP | (on ? std::uint32_t{EPOLLOUT} : 0u),
                    .data = {.u64 = tag_of(session.ref)}};
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, session.fd, &event);
}

}  // namespace fanlight::server::hub
