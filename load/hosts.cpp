#include "load/hosts.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "core/clock.hpp"
#include "load/line_channel.hpp"
#include "load/listen_address.hpp"
#include "load/remote_words.hpp"
#include "load/share.hpp"

namespace fanlight::load {
namespace {

constexpr std::size_t kMostStrangers = 16;
constexpr std::size_t kStrangersLine = 4096;
constexpr std::uint64_t kStrangersTimeNs = 10'000'000'000;
constexpr std::uint64_t kSilenceNs = 30'000'000'000;  // a name that does not resolve takes long
constexpr std::uint64_t kBoardEveryNs = 10'000'000;
constexpr auto kTick = std::chrono::milliseconds(20);

}  // namespace

struct Hosts::State {
  struct Host {
    LineChannel line;
    std::string address;
    std::uint64_t heard_ns = 0;
    unsigned pools = 0;
    std::size_t first_pool = 0;  // in Shared
    bool joined = false;
    bool ready = false;
    std::string told;  // of the board, last
    remote::Live live;
    std::optional<remote::Results> results;
  };

  explicit State(const Plan& plan) : secret(plan.secret), wanted(plan.hosts) {}
  ~State() {
    over = true;
    if (thread.joinable()) thread.join();
    for (Host& host : hosts) {
      if (!host.joined || host.results || !host.line.open()) continue;
      host.line.pump();  // what is unread would have the kernel take the last words back
      host.line.say(remote::to_line(remote::Failed{"the run was given up", "its own words say why"}));
    }
  }

  void serve();
  void accept_strangers();
  void look_after(Host& host);
  void hear(Host& host, remote::Message message);
  void fail_with(const Host& host, Error error);
  void turn_away(Host& host, const std::string& why, const std::string& hint);
  void tell_board(std::size_t index);
  void take_live(Host& host, remote::Live live);
  std::size_t joined() const {
    return static_cast<std::size_t>(
        std::count_if(hosts.begin(), hosts.end(), [](const Host& host) { return host.joined; }));
  }
  unsigned share_of(std::size_t index, std::size_t group, unsigned count) const {
    return Share{(static_cast<unsigned>(index) + wanted - deal_from[group] % wanted) % wanted, wanted}.of(count);
  }
  /// Calls `done` under the lock until it says yes or something is wrong.
  Result<> await(const std::function<bool()>& done, std::chrono::seconds most, const Surroundings* surroundings);

  const std::string secret;
  const unsigned wanted;
  Fd listener;
  mutable std::mutex mutex;  // of all that follows
  std::deque<Host> hosts;    // once a run has begun: those that joined, then strangers
  std::optional<Error> error;
  Shared* shared = nullptr;  // while a run lasts
  std::size_t groups = 0;
  std::vector<unsigned> deal_from;  // by group: subscribers of the groups before it, which are dealt like cards
  std::vector<std::string> names;
  std::uint64_t told_ns = 0;
  std::atomic<bool> over = false;
  std::thread thread;
};

void Hosts::State::serve() {
  std::vector<pollfd> polled;
  while (!over) {
    {
      const std::lock_guard lock(mutex);
      polled.assign(1, {listener.get(), POLLIN, 0});
      for (const Host& host : hosts)
        if (host.line.open())
          polled.push_back({host.line.fd(), static_cast<short>(POLLIN | (host.line.wants_write() ? POLLOUT : 0)), 0});
    }
    ::poll(polled.data(), polled.size(), 10);
    const std::lock_guard lock(mutex);
    accept_strangers();
    for (Host& host : hosts) look_after(host);
    std::erase_if(hosts, [](const Host& host) { return !host.joined && !host.line.open(); });
    const std::uint64_t now = monotonic_ns();
    if (shared == nullptr || now - told_ns < kBoardEveryNs) continue;
    told_ns = now;
    for (std::size_t i = 0; i < hosts.size(); ++i)
      if (hosts[i].joined) tell_board(i);
  }
}

void Hosts::State::accept_strangers() {
  for (;;) {
    sockaddr_storage peer{};
    socklen_t size = sizeof peer;
    Fd socket(::accept4(listener.get(), reinterpret_cast<sockaddr*>(&peer), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!socket) return;
    if (hosts.size() - joined() >= kMostStrangers) continue;  // closes here
    const int on = 1;
    ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(socket.get(), SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    Host& host = hosts.emplace_back();
    host.line = LineChannel(std::move(socket), kStrangersLine);
    host.address = words_of(peer);
    host.heard_ns = monotonic_ns();
  }
}

void Hosts::State::turn_away(Host& host, const std::string& why, const std::string& hint) {
  host.line.say(remote::to_line(remote::Failed{why, hint}));
  host.line.close();
}

void Hosts::State::fail_with(const Host& host, Error cause) {
  if (!error) error = Error{0, "host " + host.address + ": " + cause.what, std::move(cause.hint)};
}

void Hosts::State::look_after(Host& host) {
  if (!host.line.open()) return;
  host.line.pump();
  const std::uint64_t now = monotonic_ns();
  while (auto line = host.line.next()) {
    host.heard_ns = now;
    auto message = remote::from_line(*line);
    if (message) {
      hear(host, std::move(*message));
    } else if (host.joined) {
      fail_with(host, std::move(message.error()));
      host.line.close();
    } else {
      turn_away(host, message.error().what, message.error().hint);
    }
    if (!host.joined && !host.line.open()) return;
  }
  if (!host.joined && now - host.heard_ns > kStrangersTimeNs) return turn_away(host, "said nothing", {});
  if (!host.joined || host.results) return;
  if (!host.line.open()) {
    if (shared == nullptr)
      host.joined = false;  // nothing has begun: another may take its place
    else
      fail_with(host, {0, host.line.trouble(), "look at its own words; without it the figures are not whole"});
  } else if (shared != nullptr && now - host.heard_ns > kSilenceNs) {
    fail_with(host, {0, "not heard of for half a minute", "is it still running, and the network up?"});
  }
}

void Hosts::State::hear(Host& host, remote::Message message) {
  if (auto* hello = std::get_if<remote::Hello>(&message); hello != nullptr && !host.joined) {
    if (hello->version != remote::kVersion)
      return turn_away(host, "speaks another version", "use the same fanlight-load on all hosts");
    if (hello->secret != secret) return turn_away(host, "the secret is wrong", "give the coordinator's with --secret");
    if (joined() >= wanted)
      return turn_away(host, "the run has its " + std::to_string(wanted) + " hosts", "see the coordinator's --hosts");
    host.pools = hello->pools;
    host.joined = true;
    host.line.allow(LineChannel::kMost);
    host.line.say(remote::to_line(remote::Welcome{}));
    return;
  }
  if (!host.joined) return turn_away(host, "did not say hello", {});
  if (const auto* ping = std::get_if<remote::Ping>(&message))
    return host.line.say(remote::to_line(remote::Pong{ping->sent_ns, monotonic_ns()}));
  if (auto* failed = std::get_if<remote::Failed>(&message)) return fail_with(host, {0, failed->why, failed->hint});
  if (shared == nullptr) return;
  if (std::holds_alternative<remote::Ready>(message)) host.ready = true;
  if (auto* live = std::get_if<remote::Live>(&message)) take_live(host, std::move(*live));
  if (auto* results = std::get_if<remote::Results>(&message)) host.results = std::move(*results);
}

void Hosts::State::take_live(Host& host, remote::Live live) {
  if (live.pools.size() != host.pools) return fail_with(host, {0, "counts for threads that it does not have", {}});
  for (std::size_t i = 0; i < live.pools.size(); ++i) {
    LivePool& pool = shared->pools()[host.first_pool + i];
    for (std::size_t k = 0; k < remote::kCounters.size(); ++k) pool.*remote::kCounters[k] = live.pools[i].counters[k];
    for (std::size_t k = 0; k < kClientStates; ++k) pool.states[k] = live.pools[i].states[k];
    for (const auto& [bucket, count] : live.pools[i].latency) pool.latency[bucket] = count;
  }
  host.live = std::move(live);
}

void Hosts::State::tell_board(std::size_t index) {
  Host& host = hosts[index];
  const Board& board = shared->board();
  remote::BoardState state;
  state.go = board.go;
  state.stop = board.stop;
  state.connect_rate = board.connect_rate / static_cast<double>(wanted);
  state.track_every = board.track_every;
  for (std::size_t group = 0; group < groups; ++group)
    state.wanted.push_back(share_of(index, group, board.wanted[group]));
  // Before what it counts: a host must not count by an epoch whose phases it has not seen.
  state.measure_from_ns = board.measure_from_ns;
  state.epoch = board.phase_epoch;
  for (std::size_t phase = 0; phase < board.phases; ++phase) {
    state.phase_from_ns.push_back(board.phase_from_ns[phase]);
    state.posted.push_back(board.posted[phase]);
    state.accepted.push_back(board.accepted[phase]);
  }
  std::string line = remote::to_line(state);
  if (line == host.told) return;
  host.line.say(line);
  host.told = std::move(line);
}

Result<> Hosts::State::await(const std::function<bool()>& done, std::chrono::seconds most,
                             const Surroundings* surroundings) {
  const auto end = std::chrono::steady_clock::now() + most;
  for (;;) {
    {
      const std::lock_guard lock(mutex);
      if (error) return std::unexpected(*error);
      if (done()) return {};
    }
    if (surroundings != nullptr && surroundings->interrupted()) return fail(0, "interrupted");
    if (most.count() > 0 && std::chrono::steady_clock::now() > end)
      return fail(0, "hosts did not answer in time", "look at their own words");
    std::this_thread::sleep_for(kTick);
  }
}

Hosts::Hosts(std::unique_ptr<State> state) : state_(std::move(state)) {}
Hosts::Hosts(Hosts&&) noexcept = default;
Hosts& Hosts::operator=(Hosts&&) noexcept = default;
Hosts::~Hosts() = default;

Result<Hosts> Hosts::gather(const Plan& plan, const Surroundings& surroundings) {
  auto listen = parse_listen("--coordinator", plan.coordinator);
  if (!listen) return std::unexpected(std::move(listen.error()));
  const std::string where = "--coordinator " + plan.coordinator;
  auto state = std::make_unique<State>(plan);
  state->listener = Fd(::socket(listen->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  const int on = 1;
  ::setsockopt(state->listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(state->listener.get(), reinterpret_cast<const sockaddr*>(&listen->address), listen->size) != 0 ||
      ::listen(state->listener.get(), 64) != 0 ||
      ::getsockname(state->listener.get(), reinterpret_cast<sockaddr*>(&listen->address), &listen->size) != 0)
    return fail(errno, where, "give an address of this host and a free port; port 0 takes any");
  surroundings.progress("hosts join with --join " + words_of(listen->address));
  State* running = state.get();
  state->thread = std::thread([running] { running->serve(); });
  ::pthread_setname_np(state->thread.native_handle(), "load-hosts");
  std::size_t told = 0;
  const auto all_are_here = [&] {
    const std::size_t here = running->joined();
    if (here != told)
      surroundings.progress(std::to_string(here) + " of " + std::to_string(plan.hosts) + " hosts have joined");
    told = here;
    return here >= plan.hosts;
  };
  if (auto waited = running->await(all_are_here, std::chrono::seconds(0), &surroundings); !waited)
    return within("waiting for hosts", std::move(waited.error()));
  return Hosts(std::move(state));
}

unsigned Hosts::pools() const {
  const std::lock_guard lock(state_->mutex);
  unsigned sum = 0;
  for (const State::Host& host : state_->hosts)
    if (host.joined) sum += host.pools;
  return sum;
}

Result<> Hosts::start(const Plan& plan, const Expectation& expectation, Shared& shared,
                      const Surroundings& surroundings) {
  State& state = *state_;
  {
    const std::lock_guard lock(state.mutex);
    std::erase_if(state.hosts, [](const State::Host& host) { return !host.joined; });
    if (state.hosts.size() != plan.hosts) return fail(0, "a host has left before the run began");
    state.groups = plan.groups.size();
    unsigned before = 0;
    for (const Group& group : plan.groups) {
      state.deal_from.push_back(before);
      before += group.count;
    }
    std::size_t first_pool = 0;
    for (std::size_t i = 0; i < state.hosts.size(); ++i) {
      State::Host& host = state.hosts[i];
      host.first_pool = first_pool;
      first_pool += host.pools;
      for (unsigned k = 0; k < host.pools; ++k)
        state.names.push_back("host-" + std::to_string(i) + "/load-sub-" + std::to_string(k));
      Plan share = plan;
      for (std::size_t group = 0; group < share.groups.size(); ++group)
        share.groups[group].count = state.share_of(i, group, plan.groups[group].count);
      host.line.say(remote::to_line(remote::Task{std::move(share), expectation}));
    }
    if (first_pool != shared.pools().size()) return fail(0, "a host has left before the run began");
    state.shared = &shared;
  }
  const auto ready = [&] {
    return std::all_of(state.hosts.begin(), state.hosts.end(),
                       [](const State::Host& host) { return !host.joined || host.ready; });
  };
  return state.await(ready, std::chrono::seconds(60), &surroundings);
}

Result<> Hosts::check() {
  const std::lock_guard lock(state_->mutex);
  if (state_->error) return std::unexpected(*state_->error);
  return {};
}

const std::vector<std::string>& Hosts::names() const { return state_->names; }

Result<std::vector<Tally>> Hosts::finish() {
  State& state = *state_;
  const auto all_have_said = [&] {
    return std::all_of(state.hosts.begin(), state.hosts.end(),
                       [](const State::Host& host) { return !host.joined || host.results; });
  };
  if (auto waited = state.await(all_have_said, std::chrono::seconds(60), nullptr); !waited)
    return within("results", std::move(waited.error()));
  const std::lock_guard lock(state.mutex);
  std::vector<Tally> sums(state.groups);
  for (const State::Host& host : state.hosts) {
    if (!host.joined) continue;
    for (std::size_t i = 0; i < std::min(sums.size(), host.results->tallies.size()); ++i)
      sums[i].merge(host.results->tallies[i]);
    for (const remote::Reached& one : host.results->reached) {
      Reach& reach = state.shared->reach(static_cast<unsigned>(host.first_pool))[one.slot];
      reach.slowest_ns = one.slowest_ns;
      reach.receivers = one.receivers;
    }
  }
  return sums;
}

std::vector<HostReport> Hosts::reports() const {
  const std::lock_guard lock(state_->mutex);
  std::vector<HostReport> reports;
  for (const State::Host& host : state_->hosts) {
    if (!host.joined) continue;
    HostReport& report = reports.emplace_back();
    report.address = host.address;
    if (host.results)
      for (const Tally& tally : host.results->tallies) report.subscribers += tally.established;
    report.clock_ahead_ns = -host.live.clock_ahead_ns;
    report.clock_error_ns = host.live.clock_error_ns;
    report.clock_drifted_ns = -host.live.clock_drifted_ns;
  }
  return reports;
}

}  // namespace fanlight::load
