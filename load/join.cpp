#include "load/join.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <thread>
#include <utility>

#include "core/clock.hpp"
#include "load/approach.hpp"
#include "load/clock_offset.hpp"
#include "load/crew.hpp"
#include "load/descriptors.hpp"
#include "load/line_channel.hpp"
#include "load/plan_check.hpp"
#include "load/remote_words.hpp"

namespace fanlight::load {
namespace {

constexpr std::uint64_t kPingEveryNs = 200'000'000;
constexpr unsigned kFirstPings = 10;  // one after another
constexpr std::uint64_t kLiveEveryNs = 100'000'000;
constexpr std::uint64_t kHandOverNs = 60'000'000'000;
constexpr auto kRetry = std::chrono::milliseconds(200);

/// A blocking connect, again and again while nobody listens there yet.
Result<Fd> reach(const JoinPlan& plan, const Surroundings& surroundings) {
  const std::string where = "--join " + plan.coordinator;
  auto url = parse_url("http://" + plan.coordinator);
  if (!url) return within(where, std::move(url.error()));
  auto endpoint = resolve(std::move(*url));
  if (!endpoint) return within(where, std::move(endpoint.error()));
  const std::uint64_t end = monotonic_ns() + static_cast<std::uint64_t>(plan.patience.count());
  for (bool told = false;; told = true) {
    Fd socket(::socket(endpoint->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket) return fail(errno, where);
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&endpoint->address), endpoint->address_size) == 0) {
      const int on = 1;
      ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      ::setsockopt(socket.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
      return socket;
    }
    const int error = errno;
    if ((error != ECONNREFUSED && error != EINTR) || monotonic_ns() > end || surroundings.interrupted())
      return fail(error, where, "start the coordinator first: fanlight-load --coordinator ADDRESS:PORT --hosts N ...");
    if (!told) surroundings.progress("waiting for the coordinator at " + plan.coordinator);
    std::this_thread::sleep_for(kRetry);
  }
}

class Host {
 public:
  Host(const JoinPlan& plan, const Surroundings& surroundings, Fd socket)
      : plan_(plan), surroundings_(surroundings), line_(std::move(socket)) {}

  Result<Joined> go() {
    line_.say(
        remote::to_line(remote::Hello{remote::kVersion, plan_.secret, std::max(1u, plan_.workers) * plan_.threads}));
    while (!task_)
      if (auto stepped = step(); !stepped) return std::unexpected(std::move(stepped.error()));
    auto carried_out = carry_out();
    // Whatever it is, the coordinator must not wait for it.
    if (!carried_out && line_.open()) {
      line_.say(remote::to_line(remote::Failed{carried_out.error().what, carried_out.error().hint}));
      hand_over();
    }
    return carried_out;
  }

 private:
  Result<> step() {
    pollfd polled{line_.fd(), static_cast<short>(POLLIN | (line_.wants_write() ? POLLOUT : 0)), 0};
    ::poll(&polled, 1, 10);
    line_.pump();
    while (auto text = line_.next()) {
      auto message = remote::from_line(*text);
      if (!message) return within("the coordinator", std::move(message.error()));
      if (auto heard = hear(std::move(*message)); !heard) return heard;
    }
    if (!line_.open())
      return fail(0, "the coordinator went away: " + line_.trouble(), "its own words say why; start both again");
    if (surroundings_.interrupted()) return fail(0, "interrupted");
    const std::uint64_t now = monotonic_ns();
    if (welcome_ && (now - pinged_ns_ >= kPingEveryNs || (answered_ && pings_ < kFirstPings))) {
      line_.say(remote::to_line(remote::Ping{monotonic_ns()}));
      pinged_ns_ = now;
      answered_ = false;
      ++pings_;
    }
    return {};
  }

  Result<> hear(remote::Message message) {
    if (const auto* pong = std::get_if<remote::Pong>(&message)) {
      clock_.add({pong->sent_ns, pong->there_ns, monotonic_ns()});
      answered_ = true;
      if (shared_) (*shared_)->clock_ahead_ns = clock_.ahead_ns();
    } else if (auto* failed = std::get_if<remote::Failed>(&message)) {
      return fail(0, "the coordinator says: " + failed->why, failed->hint);
    } else if (auto* task = std::get_if<remote::Task>(&message)) {
      if (!task_) task_ = std::move(*task);
    } else if (auto* board = std::get_if<remote::BoardState>(&message)) {
      board_ = std::move(*board);
      if (shared_) follow_board();
    } else if (std::holds_alternative<remote::Welcome>(message)) {
      welcome_ = true;
      surroundings_.progress("joined the run at " + plan_.coordinator + "; waiting for it to begin");
    }
    return {};
  }

  void follow_board() {
    Board& board = shared_->board();
    for (std::size_t i = 0; i < std::min(board_.wanted.size(), task_->plan.groups.size()); ++i)
      board.wanted[i] = board_.wanted[i];
    board.connect_rate = board_.connect_rate;
    board.track_every = board_.track_every;
    for (std::size_t i = 0; i < board_.phase_from_ns.size(); ++i) {
      board.phase_from_ns[i] = board_.phase_from_ns[i];
      board.posted[i] = board_.posted[i];
      board.accepted[i] = board_.accepted[i];
    }
    board.phases = static_cast<unsigned>(board_.phase_from_ns.size());
    board.phase_epoch = board_.epoch;
    board.measure_from_ns = board_.measure_from_ns;
    // Not before the first round trips: latencies from another clock would be nonsense.
    board.go = board_.go && clock_.known();
  }

  Result<Joined> carry_out() {
    Plan plan = task_->plan;
    plan.threads = plan_.threads;
    plan.workers = plan_.workers;
    plan.sources = plan_.sources;
    plan.security = plan_.security;
    // The coordinator may be anybody: what it asks for is looked at as a command line is. A share may be nobody.
    Plan asked = plan;
    if (asked.subscribers() == 0) asked.groups.front().count = 1;
    if (auto checked = check(asked); !checked) return within("the coordinator's plan", std::move(checked.error()));
    const unsigned processes = std::max(1u, plan.workers);
    if (auto room = make_room_for((plan.subscribers() + processes - 1) / processes); !room)
      return std::unexpected(std::move(room.error()));
    auto tls = tls_context(plan.security);
    if (!tls) return std::unexpected(std::move(tls.error()));
    std::vector<Approach> approaches;
    for (const Group& group : plan.groups) {
      auto approach = make_approach(plan, group, tls->get());
      if (!approach) return std::unexpected(std::move(approach.error()));
      approaches.push_back(std::move(*approach));
    }
    auto shared = Shared::make(Crew::pools_of(plan));
    if (!shared) return std::unexpected(std::move(shared.error()));
    for (std::size_t i = 0; i < plan.groups.size(); ++i) (*shared)->wanted[i] = plan.groups[i].count;
    (*shared)->connect_rate = plan.connect_rate;
    auto crew = Crew::start(plan, approaches, task_->expectation, *shared);
    if (!crew) return std::unexpected(std::move(crew.error()));
    shared_ = &*shared;
    (*shared)->clock_ahead_ns = clock_.ahead_ns();
    line_.say(remote::to_line(remote::Ready{}));
    follow_board();
    std::uint64_t told_ns = 0, said_ns = monotonic_ns();
    while (!board_.stop) {
      if (auto stepped = step(); !stepped) return std::unexpected(std::move(stepped.error()));
      if (auto alive = crew->check(); !alive) return std::unexpected(std::move(alive.error()));
      const std::uint64_t now = monotonic_ns();
      if (now - told_ns >= kLiveEveryNs) {
        line_.say(remote::to_line(live()));
        told_ns = now;
      }
      if (now - said_ns >= surroundings_.progress_every_ms * 1'000'000ull) {
        surroundings_.progress(std::to_string(shared->sum(&LivePool::streams)) + " of " +
                               std::to_string(plan.subscribers()) + " connected, " +
                               std::to_string(shared->sum(&LivePool::received)) + " messages received");
        said_ns = now;
      }
    }
    (*shared)->stop = true;
    auto tallies = crew->finish();
    if (!tallies) return std::unexpected(std::move(tallies.error()));
    line_.say(remote::to_line(live()));
    return deliver(std::move(*tallies), plan);
  }

  remote::Live live() const {
    remote::Live live{{}, clock_.ahead_ns(), clock_.error_ns(), clock_.drifted_ns()};
    for (const LivePool& pool : shared_->pools()) {
      remote::PoolState& state = live.pools.emplace_back();
      for (std::size_t i = 0; i < remote::kCounters.size(); ++i) state.counters[i] = pool.*remote::kCounters[i];
      for (std::size_t i = 0; i < kClientStates; ++i) state.states[i] = pool.states[i];
      for (unsigned bucket = 0; bucket < LivePool::kBuckets; ++bucket)
        if (const std::uint64_t count = pool.latency[bucket]; count > 0) state.latency.emplace_back(bucket, count);
    }
    return live;
  }

  Result<Joined> deliver(std::vector<Tally> tallies, const Plan& plan) {
    Joined joined{.clock_ahead_ns = -clock_.ahead_ns(), .clock_error_ns = clock_.error_ns()};
    const auto shift = [&](std::uint64_t& ns) {
      if (ns != 0) ns += static_cast<std::uint64_t>(clock_.ahead_ns());
    };
    for (Tally& tally : tallies) {
      joined.subscribers += tally.established;
      joined.received += tally.received;
      shift(tally.connecting_from_ns);
      shift(tally.connecting_to_ns);
    }
    remote::Results results{std::move(tallies), {}};
    for (std::size_t slot = 0; slot < kTracked; ++slot) {
      remote::Reached sum{.slot = slot};
      for (unsigned pool = 0; pool < Crew::pools_of(plan); ++pool) {
        const Reach& reach = shared_->reach(pool)[slot];
        sum.slowest_ns = std::max<std::uint64_t>(sum.slowest_ns, reach.slowest_ns);
        sum.receivers += reach.receivers;
      }
      if (sum.receivers > 0) results.reached.push_back(sum);
    }
    line_.say(remote::to_line(results));
    if (!hand_over())
      return fail(0, "the coordinator went away before it had the results: " + line_.trouble(),
                  "its own words say why; start both again");
    return joined;
  }

  /// Until all is sent and the coordinator closes: who closes first may take the words away from it.
  bool hand_over() {
    const std::uint64_t end = monotonic_ns() + kHandOverNs;
    bool sent = false;
    while (line_.open() && monotonic_ns() < end && !surroundings_.interrupted()) {
      sent = sent || !line_.wants_write();
      pollfd polled{line_.fd(), static_cast<short>(POLLIN | (line_.wants_write() ? POLLOUT : 0)), 0};
      ::poll(&polled, 1, 20);
      line_.pump();
      while (line_.next()) {}
    }
    return sent || !line_.wants_write();
  }

  const JoinPlan& plan_;
  const Surroundings& surroundings_;
  LineChannel line_;
  ClockOffset clock_;
  std::optional<remote::Task> task_;
  remote::BoardState board_;
  Shared* shared_ = nullptr;
  std::uint64_t pinged_ns_ = 0;
  unsigned pings_ = 0;
  bool welcome_ = false;
  bool answered_ = true;
};

}  // namespace

Result<Joined> join(const JoinPlan& plan, const Surroundings& surroundings) {
  auto socket = reach(plan, surroundings);
  if (!socket) return std::unexpected(std::move(socket.error()));
  return Host(plan, surroundings, std::move(*socket)).go();
}

}  // namespace fanlight::load
