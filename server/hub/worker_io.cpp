// The half of `Worker` that touches sockets: what clients send, and the flush that sends to them.
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <climits>

#include <boost/asio/post.hpp>

#include "core/clock.hpp"
#include "server/hub/worker.hpp"

namespace fanlight::server::hub {
namespace {

using boost::asio::ip::tcp;

constexpr std::size_t kFlushSlice =
    512;                              // sessions per loop turn, so that reads and timers are not held up by a fan-out
constexpr unsigned kBatchSends = 16;  // sends that share one clock read
constexpr std::size_t kBatchMessages = 64;  // bound on the batch's search
constexpr int kReadsPerTurn = 4;            // a client that floods us waits its turn

}  // namespace

void Worker::await_readable(Session& session) {
  session.socket->async_wait(tcp::socket::wait_read, [this, ref = session.ref](boost::system::error_code error) {
    if (error != boost::asio::error::operation_aborted) on_readable(ref);
  });
}

void Worker::on_readable(SessionRef ref) {
  for (int turn = 0; turn < kReadsPerTurn; ++turn) {
    Session* session = find(ref);
    if (session == nullptr) return;
    const ssize_t got = ::recv(session->socket->native_handle(), received_.data(), received_.size(), MSG_DONTWAIT);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
    const bool ending = session->stage == Session::Stage::closing || session->stage == Session::Stage::lingering;
    if (got < 0) return end(*session, ending ? session->end : End::reset);
    if (got == 0) return end(*session, ending ? session->end : End::client);
    on_bytes(*session, std::span(received_).first(static_cast<std::size_t>(got)));
    if (static_cast<std::size_t>(got) < received_.size()) break;
  }
  if (Session* session = find(ref); session != nullptr) await_readable(*session);
}

void Worker::on_bytes(Session& session, std::span<const std::byte> bytes) {
  account(session).bytes_received += bytes.size();
  if (session.wire == codec::Wire::sse) return;  // a stream's client has nothing to say
  while (session.stage == Session::Stage::live) {
    const codec::ClientRequest request = session.client_frames.next(bytes);
    switch (request.kind) {
      case codec::ClientRequest::Kind::none: return;
      case codec::ClientRequest::Kind::pong:
        count_dropped(session.wire, Drop::outbox_full,
                      session.outbox.offer_first(codec::websocket_pong(request.payload)));
        queue_flush(session);
        break;
      case codec::ClientRequest::Kind::close:
        return begin_close(session, request.code, request.by_client ? End::client : End::protocol);
    }
  }
}

void Worker::queue_flush(Session& session) {
  if (session.flush_queued || session.awaits_writable || !session.socket) return;
  session.flush_queued = true;
  to_flush_.push_back(session.ref);
  if (std::exchange(flush_posted_, true)) return;
  boost::asio::post(context_, [this] { flush(); });
}

void Worker::flush() {
  const std::size_t until = std::min(to_flush_.size(), flushed_ + kFlushSlice);
  while (flushed_ < until) {
    Session* session = find(to_flush_[flushed_++]);
    if (session == nullptr) continue;
    session->flush_queued = false;
    flush_one(*session);
  }
  close_batch();
  if (flushed_ < to_flush_.size()) {
    boost::asio::post(context_, [this] { flush(); });
    return;
  }
  to_flush_.clear();
  flushed_ = 0;
  flush_posted_ = false;
}

void Worker::flush_one(Session& session) {
  WireReading& counts = account(session);
  while (!session.outbox.empty()) {
    const std::span<const iovec> queued = session.outbox.gather(iovecs_);
    std::size_t asked = 0;
    for (const iovec& part : queued) asked += part.iov_len;
    const msghdr message{.msg_iov = const_cast<iovec*>(queued.data()), .msg_iovlen = queued.size()};
    const ssize_t took = ::sendmsg(session.socket->native_handle(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    ++counts_.sends;
    if (took < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) {
        ++counts_.would_block;
        return await_writable(session);
      }
      return end(session, End::reset);
    }
    const auto sent = static_cast<std::size_t>(took);
    session.sent_tick = tick_;
    counts.bytes_sent += sent;
    session.outbox.sent(sent, [&](const codec::Encoded& frame) {
      if (frame.kind != codec::Encoded::Kind::event) return;
      ++counts.delivered;
      ++batch_deliveries_;
      latency_.add(frame.published_ns);
    });
    if (++batch_sends_ >= kBatchSends || latency_.messages() >= kBatchMessages) close_batch();
    if (sent < asked) return await_writable(session);
  }
  if (session.stage == Session::Stage::closing) all_sent(session);
}

void Worker::close_batch() {
  batch_sends_ = 0;
  if (batch_deliveries_ == 0) return;
  latency_.close(monotonic_ns(), counts_.delivery_latency_ns, published_.delivery_latency);
  published_.deliveries.add(std::exchange(batch_deliveries_, 0));
}

void Worker::await_writable(Session& session) {
  session.awaits_writable = true;
  session.socket->async_wait(tcp::socket::wait_write, [this, ref = session.ref](boost::system::error_code error) {
    if (error == boost::asio::error::operation_aborted) return;
    Session* writable = find(ref);
    if (writable == nullptr) return;
    writable->awaits_writable = false;
    queue_flush(*writable);
  });
}

}  // namespace fanlight::server::hub
