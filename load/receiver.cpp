#include "load/receiver.hpp"

#include <algorithm>
#include <bit>
#include <charconv>

#include "bpf/log_linear.h"
#include "load/nats.hpp"
#include "load/redis.hpp"

namespace fanlight::load {
namespace {

// Pings answered but never read by the server would pile up here.
constexpr std::size_t kMaxOut = 64u << 10;
constexpr std::int64_t kMaxRetryMs = 3'600'000;

}  // namespace

Receiver::Receiver(const Expectation& expectation, Board& board, LivePool& live, std::span<Reach> reach,
                   std::vector<Tally>& tallies, std::minstd_rand& random)
    : expectation_(expectation),
      board_(board),
      live_(live),
      reach_(reach),
      tallies_(tallies),
      random_(random),
      // Strangers' publishers are counted as they are met: most runs have few.
      stride_(expectation.any ? std::min(expectation.publishers, 4u) : expectation.publishers) {}

SequenceWindow& Receiver::window(std::size_t index, std::size_t publisher) {
  if (publisher >= stride_) {
    const std::size_t stride = std::min<std::size_t>(std::bit_ceil(publisher + 1), expectation_.publishers);
    std::vector<SequenceWindow> wider(windows_.size() / stride_ * stride);
    for (std::size_t i = 0; i < windows_.size(); ++i) wider[i / stride_ * stride + i % stride_] = windows_[i];
    windows_ = std::move(wider);
    stride_ = stride;
  }
  return windows_[index * stride_ + publisher];
}

void Receiver::set_state(Connection& connection, ClientState state) {
  if (connection.state == state) return;
  bump(live_.states[static_cast<std::size_t>(connection.state)], static_cast<std::uint64_t>(-1));
  bump(live_.states[static_cast<std::size_t>(state)]);
  connection.state = state;
}

bool Receiver::feed(Connection& connection, std::size_t index, Protocol protocol, std::string_view& bytes,
                    std::uint64_t now_ns, std::string& cause) {
  tally_ = &tallies_[connection.group];
  now_ns_ = now_ns;
  stamp_now_ns_ = now_ns + static_cast<std::uint64_t>(board_.clock_ahead_ns.load(std::memory_order_relaxed));
  measure_from_ns_ = board_.measure_from_ns.load(std::memory_order_relaxed);
  track_every_ = board_.track_every.load(std::memory_order_relaxed);
  switch (protocol) {
    case Protocol::sse: return feed_sse(connection, index, bytes, cause);
    case Protocol::websocket: return feed_websocket(connection, index, bytes, cause);
    case Protocol::redis: return feed_redis(connection, index, bytes, cause);
    case Protocol::nats: break;
  }
  return feed_nats(connection, index, bytes, cause);
}

bool Receiver::feed_sse(Connection& connection, std::size_t index, std::string_view& bytes, std::string& cause) {
  for (SseEvent event;;) {
    switch (next_sse(bytes, connection.sse, scratch_, event)) {
      case Found::nothing: return true;
      case Found::error: cause = "malformed event stream"; return false;
      case Found::item: break;
    }
    if (event.bad_comments != 0) {
      tally_->bad_comments += event.bad_comments;
      bump(live_.trouble, event.bad_comments);
    }
    for (std::uint32_t i = 0; i < event.bad_lines; ++i) malformed();
    if (event.bad_ids != 0) {
      tally_->bad_ids += event.bad_ids;
      bump(live_.trouble, event.bad_ids);
    }
    if (event.has_id) check_id(connection, event.id);
    if (event.retry_ms >= 0)
      connection.retry_ms = static_cast<std::uint32_t>(std::min<std::int64_t>(event.retry_ms, kMaxRetryMs));
    if (event.has_data) receive(connection, index, event.data);
  }
}

bool Receiver::feed_websocket(Connection& connection, std::size_t index, std::string_view& bytes, std::string& cause) {
  for (WsMessage message;;) {
    switch (next_ws(bytes, connection.websocket, message)) {
      case Found::nothing: return true;
      case Found::error: cause = "malformed WebSocket frame"; return false;
      case Found::item: break;
    }
    switch (message.kind) {
      case WsKind::text:
      case WsKind::binary: receive(connection, index, message.payload); break;
      case WsKind::ping: {
        std::string& out = connection.more().out;
        if (out.size() > kMaxOut) {
          cause = "pings without end";
          return false;
        }
        out += client_frame(WsKind::pong, message.payload, static_cast<std::uint32_t>(random_()));
        break;
      }
      case WsKind::close: {
        cause = "closed by the server";
        if (message.payload.size() >= 2)
          cause += " with " + std::to_string(static_cast<unsigned char>(message.payload[0]) * 256 +
                                             static_cast<unsigned char>(message.payload[1]));
        return false;
      }
      case WsKind::pong:
      case WsKind::continuation: break;
    }
  }
}

bool Receiver::feed_redis(Connection& connection, std::size_t index, std::string_view& bytes, std::string& cause) {
  for (RedisReply reply;;) {
    switch (next_redis(bytes, reply)) {
      case Found::nothing: return true;
      case Found::error: cause = "malformed Redis message"; return false;
      case Found::item: break;
    }
    if (reply.type == '*' && reply.count == 3 && reply.parts[0] == "message")
      receive(connection, index, reply.parts[2]);
    else
      malformed();
  }
}

bool Receiver::feed_nats(Connection& connection, std::size_t index, std::string_view& bytes, std::string& cause) {
  for (NatsItem item;;) {
    switch (next_nats(bytes, item)) {
      case Found::nothing: return true;
      case Found::error: cause = "malformed NATS line"; return false;
      case Found::item: break;
    }
    if (item.kind == NatsKind::message) receive(connection, index, item.text);
    if (item.kind == NatsKind::ping) {
      if (connection.more().out.size() > kMaxOut) {
        cause = "pings without end";
        return false;
      }
      connection.extras->out += "PONG\r\n";
    }
    if (item.kind == NatsKind::error) {
      cause = "error from the server: " + std::string(item.text.substr(0, 60));
      return false;
    }
  }
}

void Receiver::malformed() {
  ++tally_->malformed;
  bump(live_.trouble);
}

void Receiver::check_id(Connection& connection, std::string_view id) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), number);
  bool good = true;
  if (error == std::errc() && end == id.data() + id.size()) {
    good = !connection.has_number || number > connection.last_number;
    connection.has_number = true;
    connection.last_number = number;
  } else {
    std::string& last = connection.more().text_id;
    good = !id.empty() && is_clean(id) && id != last;
    connection.has_number = false;
    last = id.substr(0, 256);
  }
  if (good) return;
  ++tally_->bad_ids;
  bump(live_.trouble);
}

std::size_t Receiver::phase_at(std::uint64_t due_ns) {
  const std::uint64_t epoch = board_.phase_epoch.load(std::memory_order_acquire);
  if (epoch == epoch_ && due_ns >= phase_from_ns_ && due_ns < phase_to_ns_) return phase_;
  const unsigned phases = std::max(1u, board_.phases.load(std::memory_order_acquire));
  std::size_t i = phases - 1;
  while (i > 0 && due_ns < board_.phase_from_ns[i].load(std::memory_order_relaxed)) --i;
  epoch_ = epoch;
  phase_ = i;
  phase_from_ns_ = i == 0 ? 0 : board_.phase_from_ns[i].load(std::memory_order_relaxed);
  phase_to_ns_ = i + 1 < phases ? board_.phase_from_ns[i + 1].load(std::memory_order_relaxed) : kNever;
  return phase_;
}

void Receiver::follow(Connection& connection, Arrival arrival, const SequenceWindow& window, std::uint64_t due_ns) {
  if (connection.catching_up) {
    if (due_ns < connection.stream_ns + (stamp_now_ns_ - now_ns_)) {
      ++tally_->replayed;
      return;
    }
    connection.catching_up = false;
    if (connection.extras && now_ns_ > connection.extras->cut_ns)
      tally_->recovery.add(now_ns_ - connection.extras->cut_ns);
    set_state(connection, ClientState::syncing);
  }
  if (arrival == Arrival::after_gap) {
    connection.gap_age = 0;
    set_state(connection, ClientState::recovering);
  } else if (connection.state == ClientState::recovering &&
             (++connection.gap_age >= kReorderWindow || window.whole())) {
    set_state(connection, ClientState::syncing);
  }
}

void Receiver::receive(Connection& connection, std::size_t index, std::string_view text) {
  if (!connection.ever_received) {
    connection.ever_received = true;
    tally_->first_event.add(now_ns_ > connection.began_ns ? now_ns_ - connection.began_ns : 0);
  }
  const auto payload = decode(text);
  if (payload && payload->run != expectation_.run && !expectation_.any) {
    ++tally_->foreign;
    return;
  }
  if (!payload && expectation_.any) {
    ++tally_->other;
    if (stamp_now_ns_ < measure_from_ns_) return;
    ++tally_->received;
    ++connection.received;
    if (!connection.faulty) bump(live_.received);
    return;
  }
  if (!payload || payload->publisher >= expectation_.publishers ||
      (!expectation_.any && (text.size() != expectation_.size || !padding_is_whole(text))))
    return malformed();
  SequenceWindow& window = this->window(index, payload->publisher);
  // What came before we listened is not missing.
  if ((expectation_.any || connection.joined_late) && window.empty()) window.begin_at(payload->sequence);
  const Arrival arrival = window.see(payload->sequence);
  if (arrival != Arrival::in_order || connection.catching_up || connection.state == ClientState::recovering)
    follow(connection, arrival, window, payload->due_ns);
  if (payload->due_ns < measure_from_ns_) {
    ++tally_->warmup;
    return;
  }
  switch (arrival) {
    case Arrival::in_order: break;
    case Arrival::after_gap:
      ++tally_->gaps;
      bump(live_.gaps);
      break;
    case Arrival::reordered: ++tally_->reordered; break;
    case Arrival::late: ++tally_->late; break;
    case Arrival::duplicate:
      ++tally_->duplicates;
      bump(live_.duplicates);
      return;
  }
  const std::uint64_t latency = stamp_now_ns_ > payload->due_ns ? stamp_now_ns_ - payload->due_ns : 0;
  PhaseTally& phase = tally_->phase(phase_at(payload->due_ns));
  ++phase.received;
  phase.latency.add(latency);
  ++tally_->received;
  tally_->last_received_ns = stamp_now_ns_;
  ++connection.received;
  connection.latency_sum_ns += latency;
  if (connection.faulty) return;
  bump(live_.received);
  bump(live_.latency[std::min<std::size_t>(fanlight_bucket(latency, 3), LivePool::kBuckets - 1)]);
  if (payload->number % track_every_ != 0) return;
  const std::size_t slot = payload->number / track_every_;
  if (slot >= reach_.size()) return;
  Reach& reach = reach_[slot];
  bump(reach.receivers);
  if (latency > reach.slowest_ns.load(std::memory_order_relaxed))
    reach.slowest_ns.store(latency, std::memory_order_relaxed);
}

}  // namespace fanlight::load
