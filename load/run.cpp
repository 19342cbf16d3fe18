#include "load/run.hpp"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <random>
#include <set>
#include <thread>

#include "core/clock.hpp"
#include "load/approach.hpp"
#include "load/control.hpp"
#include "load/crew.hpp"
#include "load/descriptors.hpp"
#include "load/hosts.hpp"
#include "load/publisher.hpp"
#include "load/server_watch.hpp"
#include "load/timeline.hpp"

namespace fanlight::load {
namespace {

using std::chrono::milliseconds;
constexpr milliseconds kTick{20};
constexpr std::uint64_t kSecondNs = 1'000'000'000;
constexpr std::uint64_t kLostAfterNs = kSecondNs;    // without any connection
constexpr std::uint64_t kLeadNs = 50'000'000;        // from the decision to start to the first message
constexpr std::uint64_t kHostsLeadNs = 500'000'000;  // hosts have to hear of it as well
constexpr std::size_t kMostSeconds = 4000;           // of a timeline; longer runs are told in longer steps

class Run {
 public:
  Run(const Plan& plan, const Surroundings& surroundings, Endpoint publish_to, TlsContextPtr tls,
      std::vector<Approach> approaches, Shared shared, std::optional<Hosts> hosts)
      : plan_(plan),
        surroundings_(surroundings),
        publish_to_(std::move(publish_to)),
        tls_(std::move(tls)),
        approaches_(std::move(approaches)),
        expectation_{std::random_device{}(), plan.publishers == 0 ? 256 : plan.publishers, plan.size,
                     plan.publishers == 0},
        shared_(std::move(shared)),
        publisher_(plan_, publish_to_, tls_.get(), expectation_, shared_, mailbox_),
        timeline_(shared_),
        hosts_(std::move(hosts)) {
    shared_->connect_rate = plan_.connect_rate;
    if (plan_.publishers > 0) server_ports_.insert(publish_to_.url.port);
    for (const Group& group : plan_.groups)
      if (const auto url = subscribe_url(plan_, group.protocol); url) server_ports_.insert(url->port);
    for (std::size_t i = 0; i < plan_.groups.size(); ++i) shared_->wanted[i] = plan_.groups[i].count;
  }
  ~Run() { stop_publisher(); }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  Result<Report> go() {
    if (hosts_) {
      if (auto started = hosts_->start(plan_, expectation_, shared_, surroundings_); !started)
        return std::unexpected(std::move(started.error()));
    } else {
      auto crew = Crew::start(plan_, approaches_, expectation_, shared_);
      if (!crew) return std::unexpected(std::move(crew.error()));
      crew_.emplace(std::move(*crew));
    }
    if (auto connected = publisher_.connect(); !connected)
      return within("publish to " + publish_words(plan_), with_hint(std::move(connected.error())));
    std::optional<Control> control;
    if (!plan_.listen.empty()) {
      auto started = Control::start(plan_.listen, {plan_, shared_, mailbox_});
      if (!started) return std::unexpected(std::move(started.error()));
      control.emplace(std::move(*started));
      surroundings_.progress("metrics and policy on http://" + control->address());
    }
    if (auto subscribed = subscribe(); !subscribed) return std::unexpected(std::move(subscribed.error()));
    if (!ended()) publish();
    if (failure_) return std::unexpected(std::move(*failure_));
    await_stragglers();
    shared_->stop = true;
    stop_publisher();
    auto tallies = finish_receivers();
    if (!tallies) return std::unexpected(std::move(tallies.error()));
    return report(std::move(*tallies));
  }

 private:
  static Error with_hint(Error error) {
    if (error.hint.empty()) error.hint = "is the server running? fanlight-server --listen 127.0.0.1:8080";
    return error;
  }

  Result<std::vector<Tally>> finish_receivers() { return hosts_ ? hosts_->finish() : crew_->finish(); }

  bool ended() {
    interrupted_ = interrupted_ || surroundings_.interrupted();
    if (auto alive = hosts_ ? hosts_->check() : crew_->check(); !alive && !failure_)
      failure_ = std::move(alive.error());
    return interrupted_ || failure_.has_value();
  }

  void say(const std::string& words) {
    const std::uint64_t now = monotonic_ns();
    if (now - said_ns_ < surroundings_.progress_every_ms * 1'000'000ull) return;
    said_ns_ = now;
    surroundings_.progress(words);
  }

  Result<> subscribe() {
    bytes_before_ = own_anonymous_bytes();
    shared_->go = true;
    while (shared_.sum(&LivePool::settled) < plan_.subscribers() && !ended()) {
      say("connecting: " + std::to_string(shared_.sum(&LivePool::established)) + " of " +
          std::to_string(plan_.subscribers()) + " subscribed, " + std::to_string(shared_.sum(&LivePool::failed)) +
          " failed");
      std::this_thread::sleep_for(std::min<std::chrono::nanoseconds>(kTick, milliseconds(5)));
    }
    if (failure_) return std::unexpected(std::move(*failure_));
    const std::uint64_t established = shared_.sum(&LivePool::established);
    if (established > 0 || interrupted_) return {};
    shared_->stop = true;
    auto tallies = finish_receivers();
    if (!tallies) return std::unexpected(std::move(tallies.error()));
    Tally all;
    for (const Tally& tally : *tallies) all.merge(tally);
    if (all.connect_failures.empty()) return fail(0, "subscribe: nobody is to have a stream", "add plain subscribers");
    return fail(0, "subscribe to " + subscribe_words(plan_) + ": nobody could (" + words_of(all.connect_failures) + ")",
                "check the URL, --adapter and the topic '" + plan_.topic + "'; --insecure trusts any certificate");
  }

  void publish() {
    const std::uint64_t start_ns = monotonic_ns() + (hosts_ ? kHostsLeadNs : kLeadNs);
    const std::uint64_t measure_from_ns = start_ns + static_cast<std::uint64_t>(plan_.warmup.count());
    std::atomic<bool> finished = false;
    publishing_ = std::thread([&] {
      publisher_.run(start_ns);
      finished = true;
    });
    ::pthread_setname_np(publishing_.native_handle(), "load-publish");
    const auto step_ns =
        std::max<std::uint64_t>(kSecondNs, static_cast<std::uint64_t>(plan_.duration().count()) / kMostSeconds);
    std::uint64_t told_ns = start_ns, next_ns = measure_from_ns + step_ns, watched_ns = 0;
    Timeline told(shared_);
    while (!finished) {
      if (ended()) shared_->stop_publishing = true;
      const std::uint64_t now = monotonic_ns();
      if (!server_lost_after_ns_ && everyone_is_gone(now)) {
        const std::uint64_t gone_ns = gone_since();
        server_lost_after_ns_ = gone_ns > start_ns ? gone_ns - start_ns : 0;
        shared_->stop_publishing = shared_->abandon = true;
      }
      if (cpu_from_ns_ == 0 && now >= measure_from_ns) {
        cpu_before_ = cpu_now();
        watch_server(true);
        cpu_from_ns_ = watched_ns = now;
      }
      if (now >= next_ns) {
        seconds_.push_back(timeline_.take(now, measure_from_ns));
        next_ns += step_ns;
      }
      if (cpu_from_ns_ != 0 && now >= watched_ns + kSecondNs) {
        watch_server(false);
        watched_ns = now;
      }
      if (now >= told_ns + surroundings_.progress_every_ms * 1'000'000ull) {
        const std::uint64_t total = static_cast<std::uint64_t>(plan_.duration().count());
        const std::uint64_t gone = now > measure_from_ns ? std::min(now - measure_from_ns, total) : 0;
        surroundings_.progress(
            progress_line(told.take(now, measure_from_ns), gone, total, shared_, plan_.subscribers()));
        told_ns = now;
      }
      std::this_thread::sleep_for(kTick);
    }
    weigh_connections();
    const std::uint64_t now = monotonic_ns();
    if (cpu_from_ns_ == 0) return;
    watch_server(false);
    const std::vector<std::uint64_t> cpu = cpu_now();
    const std::vector<std::string>& names = hosts_ ? hosts_->names() : crew_->names();
    for (std::size_t i = 0; i < cpu.size() && now > cpu_from_ns_; ++i)
      tester_.push_back({i < names.size() ? names[i] : "load-publish",
                         static_cast<double>(cpu[i] - cpu_before_[i]) / static_cast<double>(now - cpu_from_ns_)});
  }

  /// With all that came meanwhile. A few streams say nothing: the allocator takes memory in larger steps.
  void weigh_connections() {
    const std::uint64_t established = shared_.sum(&LivePool::established);
    if (const auto after = own_anonymous_bytes();
        bytes_before_ && after && *after > *bytes_before_ && established >= 1000)
      bytes_per_connection_ = static_cast<double>(*after - *bytes_before_) / static_cast<double>(established);
  }

  /// Of every pool, then of the publisher.
  std::vector<std::uint64_t> cpu_now() const {
    std::vector<std::uint64_t> cpu;
    for (const LivePool& pool : shared_.pools()) cpu.push_back(pool.cpu_ns);
    cpu.push_back(shared_->publisher_cpu_ns);
    return cpu;
  }

  void watch_server(bool first) {
    if (plan_.server_pid == 0) return;
    if (!server_) server_.emplace();
    const auto usage = usage_of(plan_.server_pid);
    Result<SocketUsage> sockets = SocketUsage();
    for (const std::uint16_t port : server_ports_) {
      if (auto on_port = sockets_on(port); on_port && sockets)
        sockets->add(*on_port);
      else if (sockets)
        sockets = std::unexpected(std::move(on_port.error()));
    }
    if (!usage || !sockets) {
      server_->trouble = (!usage ? usage.error() : sockets.error()).what;
      return;
    }
    if (first) server_cpu_before_ns_ = usage->cpu_ns;
    server_->cpu_seconds = static_cast<double>(usage->cpu_ns - std::min(usage->cpu_ns, server_cpu_before_ns_)) / 1e9;
    const auto raise = [](std::uint64_t& most, std::uint64_t seen) { most = std::max(most, seen); };
    raise(server_->rss_bytes, usage->rss_bytes);
    raise(server_->sockets, sockets->sockets);
    raise(server_->close_wait, sockets->close_wait);
    raise(server_->receive_buffer_bytes, sockets->receive_bytes);
    raise(server_->send_buffer_bytes, sockets->send_bytes);
  }

  /// No subscriber has a stream any more, and no publisher a connection for a while. Who only listens has the streams
  /// alone to tell by.
  bool everyone_is_gone(std::uint64_t now_ns) {
    const bool cut = shared_.sum(&LivePool::cuts) > 0 && shared_.sum(&LivePool::streams) == 0;
    if (!cut)
      streams_gone_ns_ = kNever;
    else if (streams_gone_ns_ == kNever)
      streams_gone_ns_ = now_ns;
    if (!cut || (plan_.publishers == 0 && plan_.reconnect)) return false;
    const std::uint64_t gone_ns = gone_since();
    return gone_ns != kNever && now_ns >= gone_ns + kLostAfterNs;
  }
  std::uint64_t gone_since() const {
    return plan_.publishers == 0 ? streams_gone_ns_ : shared_->offline_since_ns.load();
  }

  /// Until everything expected has come, or for as long as the plan allows.
  void await_stragglers() {
    if (server_lost_after_ns_ || plan_.publishers == 0) return;
    const std::uint64_t expected = shared_.sum(&LivePool::expecting) * publisher_.result().accepted;
    // Ended early: what is on its way is not lost, but whoever pressed Ctrl-C waits a second at most.
    const bool early = interrupted_;
    const auto limit = early ? std::min<std::chrono::nanoseconds>(plan_.drain, std::chrono::seconds(1)) : plan_.drain;
    const std::uint64_t deadline = monotonic_ns() + static_cast<std::uint64_t>(limit.count());
    while (shared_.sum(&LivePool::received) < expected && monotonic_ns() < deadline &&
           (early || !surroundings_.interrupted()))
      std::this_thread::sleep_for(kTick);
    // What follows the last expected message would be duplicates: one more look for them.
    std::this_thread::sleep_for(2 * kTick);
  }

  void stop_publisher() {
    if (!publishing_.joinable()) return;
    shared_->stop = true;
    publishing_.join();
  }

  void find_last_receivers(Report& report) const {
    const Published& published = report.published;
    if (plan_.publishers == 0 || published.phases.empty()) return;
    const std::uint64_t every = shared_->track_every;
    const Tally total = report.total();
    bool changed = total.left > 0;
    for (const PhaseTally& phase : total.phases) changed = changed || phase.before_joining > 0;
    const std::uint64_t everybody = std::max<std::uint64_t>(1, shared_.sum(&LivePool::expecting));
    std::uint64_t followed = 0;
    const std::size_t slots = std::min<std::size_t>(kTracked, published.end_number / every + 1);
    for (std::size_t slot = (published.first_number + every - 1) / every; slot < slots; ++slot) {
      if (slot * every >= published.end_number) break;
      std::uint64_t receivers = 0, slowest = 0;
      for (unsigned pool = 0; pool < shared_.pools().size(); ++pool) {
        const Reach& reach = shared_.reach(pool)[slot];
        receivers += reach.receivers;
        slowest = std::max<std::uint64_t>(slowest, reach.slowest_ns);
      }
      ++followed;
      // Where subscribers came and went, nobody knows how many there were for each message.
      if (receivers >= (changed ? 1 : everybody)) report.last_receiver.add(slowest);
    }
    report.last_receiver_every = every;
    // Refused messages are nobody's; those that were never sent have no number.
    const std::uint64_t due = followed + published.unsent() / every;
    const std::uint64_t done = report.last_receiver.count() + published.refused / every;
    report.last_receiver_misses = due - std::min(due, done);
  }

  Result<Report> report(std::vector<Tally> tallies) {
    Report report;
    report.plan = plan_;
    report.interrupted = interrupted_;
    report.server_lost_after_ns = server_lost_after_ns_;
    report.published = publisher_.result();
    for (std::size_t i = 0; i < plan_.groups.size(); ++i)
      report.groups.push_back({plan_.groups[i], i < tallies.size() ? std::move(tallies[i]) : Tally()});
    report.tester = std::move(tester_);
    report.timeline = std::move(seconds_);
    report.server = std::move(server_);
    report.bytes_per_connection = plan_.workers == 0 && !hosts_ ? bytes_per_connection_ : std::nullopt;
    if (hosts_) report.hosts = hosts_->reports();
    find_last_receivers(report);
    return report;
  }

  const Plan plan_;
  const Surroundings& surroundings_;
  const Endpoint publish_to_;
  const TlsContextPtr tls_;
  const std::vector<Approach> approaches_;
  const Expectation expectation_;
  Shared shared_;
  Mailbox mailbox_;
  Publisher publisher_;
  Timeline timeline_;
  std::optional<Crew> crew_;    // who receives: this
  std::optional<Hosts> hosts_;  // or these
  std::thread publishing_;
  std::vector<std::uint64_t> cpu_before_;
  std::vector<TesterThread> tester_;
  std::vector<Second> seconds_;
  std::set<std::uint16_t> server_ports_;
  std::optional<ServerReport> server_;
  std::optional<std::uint64_t> bytes_before_;
  std::optional<double> bytes_per_connection_;
  std::optional<Error> failure_;
  std::optional<std::uint64_t> server_lost_after_ns_;
  std::uint64_t server_cpu_before_ns_ = 0;
  std::uint64_t cpu_from_ns_ = 0;
  std::uint64_t streams_gone_ns_ = kNever;
  std::uint64_t said_ns_ = monotonic_ns();
  bool interrupted_ = false;
};

/// Raises the descriptor limit, or has fewer subscribers where the plan allows it and says so.
Result<> fit(Plan& plan, std::vector<std::string>& notes) {
  // Subscribers may be asked for later than now.
  if (!plan.listen.empty())
    if (auto room = make_room_for(most_sockets()); !room) return room;
  if (!plan.coordinator.empty()) return make_room_for(plan.publishers + plan.hosts);
  const unsigned processes = std::max(1u, plan.workers);
  const auto sockets = [&] { return (plan.subscribers() + processes - 1) / processes + plan.publishers; };
  auto room = make_room_for(sockets());
  if (room || !plan.fit) return room;
  const std::uint64_t most = (most_sockets() - std::min<std::uint64_t>(most_sockets(), plan.publishers)) * processes;
  const unsigned wanted = plan.subscribers();
  for (Group& group : plan.groups) group.count = static_cast<unsigned>(std::uint64_t{group.count} * most / wanted);
  if (plan.subscribers() == 0) return room;
  notes.push_back("descriptors suffice for " + std::to_string(plan.subscribers()) + " of " + std::to_string(wanted) +
                  " subscribers");
  return make_room_for(sockets());
}

}  // namespace

Result<Report> run(const Plan& plan_in, const Surroundings& surroundings) {
  Plan plan = plan_in;
  std::vector<std::string> notes;
  if (auto fitted = fit(plan, notes); !fitted) return std::unexpected(std::move(fitted.error()));
  for (const std::string& note : notes) surroundings.progress(note);
  auto tls = tls_context(plan.security);
  if (!tls) return std::unexpected(std::move(tls.error()));
  auto url = publish_url(plan);
  if (!url) return std::unexpected(std::move(url.error()));
  auto endpoint = resolve(std::move(*url));
  if (!endpoint) return std::unexpected(std::move(endpoint.error()));
  std::vector<Approach> approaches;
  for (const Group& group : plan.groups) {
    if (!plan.coordinator.empty()) break;  // where hosts find the server is theirs to find out
    auto approach = make_approach(plan, group, tls->get());
    if (!approach) return std::unexpected(std::move(approach.error()));
    approaches.push_back(std::move(*approach));
  }
  std::optional<Hosts> hosts;
  if (!plan.coordinator.empty()) {
    auto gathered = Hosts::gather(plan, surroundings);
    if (!gathered) return std::unexpected(std::move(gathered.error()));
    hosts.emplace(std::move(*gathered));
  }
  auto shared = Shared::make(hosts ? hosts->pools() : Crew::pools_of(plan));
  if (!shared) return std::unexpected(std::move(shared.error()));
  auto report = Run(plan, surroundings, std::move(*endpoint), std::move(*tls), std::move(approaches),
                    std::move(*shared), std::move(hosts))
                    .go();
  if (report) report->notes = std::move(notes);
  return report;
}

}  // namespace fanlight::load
