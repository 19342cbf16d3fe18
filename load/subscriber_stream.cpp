// A pool's streams: bytes in, whole items to the receiver, answers out.
#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/clock.hpp"
#include "load/subscriber_pool.hpp"

namespace fanlight::load {

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
  // Heartbeats reach every WebSocket: what answering took is not kept until the next.
  if (extras.text_id.empty() && extras.cut_ns == 0) connection.extras.reset();
}

}  // namespace fanlight::load
