#include "load/run.hpp"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <optional>
#include <random>
#include <thread>

#include "core/clock.hpp"
#include "core/units.hpp"
#include "load/descriptors.hpp"
#include "load/progress.hpp"
#include "load/subscriber_pool.hpp"

namespace fanlight::load {
namespace {

using std::chrono::milliseconds;
constexpr milliseconds kTick{20};
constexpr std::uint64_t kLostAfterNs = 1'000'000'000;  // without any connection
constexpr std::uint64_t kLeadNs = 50'000'000;          // from the decision to start to the first message

std::uint64_t cpu_ns(std::thread& thread) {
  clockid_t clock;
  timespec used{};
  if (::pthread_getcpuclockid(thread.native_handle(), &clock) != 0 || ::clock_gettime(clock, &used) != 0) return 0;
  return static_cast<std::uint64_t>(used.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(used.tv_nsec);
}

/// The share that falls to number `i` of `parts`.
unsigned part(unsigned total, unsigned i, unsigned parts) { return total / parts + (i < total % parts ? 1 : 0); }

class Run {
 public:
  Run(const Plan& plan, const Surroundings& surroundings, Endpoint endpoint)
      : plan_(plan),
        surroundings_(surroundings),
        endpoint_(std::move(endpoint)),
        expectation_{std::random_device{}(), plan.publishers, plan.size},
        publisher_(plan_, endpoint_, expectation_, shared_) {}
  ~Run() { stop_threads(); }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  Result<Report> go() {
    if (auto connected = publisher_.connect(); !connected)
      return within("publish to " + plan_.url, with_hint(std::move(connected.error())));
    if (auto subscribed = subscribe(); !subscribed) return std::unexpected(std::move(subscribed.error()));
    if (!ended()) publish();
    await_stragglers();
    stop_threads();
    return report();
  }

 private:
  static Error with_hint(Error error) {
    if (error.hint.empty()) error.hint = "is the server running? fanlight-server --listen 127.0.0.1:8080";
    return error;
  }

  bool ended() {
    interrupted_ = interrupted_ || surroundings_.interrupted();
    return interrupted_;
  }

  void say(const std::string& words) {
    const std::uint64_t now = monotonic_ns();
    if (now - said_ns_ < surroundings_.progress_every_ms * 1'000'000ull) return;
    said_ns_ = now;
    surroundings_.progress(words);
  }

  Result<> subscribe() {
    pools_.reserve(plan_.threads);
    for (unsigned i = 0; i < plan_.threads; ++i) {
      auto pool = SubscriberPool::make(plan_, endpoint_, expectation_, shared_, part(plan_.sse, i, plan_.threads),
                                       part(plan_.ws, plan_.threads - 1 - i, plan_.threads), expectation_.run + i);
      if (!pool) return std::unexpected(std::move(pool.error()));
      pools_.push_back(std::move(*pool));
    }
    for (unsigned i = 0; i < plan_.threads; ++i) {
      threads_.emplace_back([&pool = pools_[i]] { pool.run(); });
      names_.push_back("load-sub-" + std::to_string(i));
      ::pthread_setname_np(threads_.back().native_handle(), names_.back().c_str());
    }
    while (shared_.established + shared_.failed < plan_.subscribers() && !ended()) {
      say("connecting: " + std::to_string(shared_.established) + " of " + std::to_string(plan_.subscribers()) +
          " subscribed, " + std::to_string(shared_.failed) + " failed");
      std::this_thread::sleep_for(kTick);
    }
    if (shared_.established > 0 || interrupted_) return {};
    stop_threads();
    Tally all;
    for (const SubscriberPool& pool : pools_)
      for (const Protocol protocol : {Protocol::sse, Protocol::websocket}) all.merge(pool.tally(protocol));
    return fail(0, "subscribe to " + plan_.url + ": nobody could (" + all.connect_failures.begin()->first + ")",
                "is this a fanlight-server, and has it the topic '" + plan_.topic + "'?");
  }

  void publish() {
    const std::uint64_t start_ns = monotonic_ns() + kLeadNs;
    const std::uint64_t measure_from_ns = start_ns + static_cast<std::uint64_t>(plan_.warmup.count());
    shared_.measure_from_ns = measure_from_ns;
    std::atomic<bool> finished = false;
    threads_.emplace_back([&] {
      publisher_.run(start_ns);
      finished = true;
      while (!shared_.stop) std::this_thread::sleep_for(kTick);  // its CPU clock is read yet
    });
    names_.push_back("load-publish");
    ::pthread_setname_np(threads_.back().native_handle(), names_.back().c_str());
    std::uint64_t received_before = 0, told_ns = start_ns;
    while (!finished) {
      if (ended()) shared_.stop_publishing = true;
      const std::uint64_t now = monotonic_ns();
      if (!server_lost_after_ns_ && everyone_is_gone(now)) {
        const std::uint64_t gone_ns = shared_.offline_since_ns;
        server_lost_after_ns_ = gone_ns > start_ns ? gone_ns - start_ns : 0;
        shared_.stop_publishing = shared_.abandon = true;
      }
      if (cpu_before_.empty() && now >= measure_from_ns) {
        cpu_read_ns_ = now;
        for (std::thread& thread : threads_) cpu_before_.push_back(cpu_ns(thread));
      }
      if (now >= told_ns + surroundings_.progress_every_ms * 1'000'000ull) {
        tell(now, measure_from_ns, received_before, told_ns);
        received_before = shared_.received;
        told_ns = now;
      }
      std::this_thread::sleep_for(kTick);
    }
    const std::uint64_t now = monotonic_ns();
    for (std::size_t i = 0; i < cpu_before_.size() && now > cpu_read_ns_; ++i)
      tester_.push_back({names_[i], static_cast<double>(cpu_ns(threads_[i]) - cpu_before_[i]) /
                                        static_cast<double>(now - cpu_read_ns_)});
  }

  /// No subscriber has a stream any more, and no publisher a connection for a while.
  bool everyone_is_gone(std::uint64_t now_ns) const {
    const std::uint64_t offline_ns = shared_.offline_since_ns;
    return shared_.established > 0 && shared_.disconnected >= shared_.established && offline_ns != kNever &&
           now_ns >= offline_ns + kLostAfterNs;
  }

  void tell(std::uint64_t now, std::uint64_t measure_from_ns, std::uint64_t received_before, std::uint64_t told_ns) {
    const double rate = deliveries_per_second(shared_.received - received_before, now, told_ns, measure_from_ns);
    const std::uint64_t total = static_cast<std::uint64_t>(plan_.duration.count());
    const std::uint64_t gone = now > measure_from_ns ? std::min(now - measure_from_ns, total) : 0;
    surroundings_.progress((now < measure_from_ns ? std::string("warming up") : format_ns(static_cast<double>(gone))) +
                           " of " + format_ns(static_cast<double>(total)) + ": " + format_count(rate) +
                           " deliveries/s, " + std::to_string(shared_.established - shared_.disconnected) + " of " +
                           std::to_string(plan_.subscribers()) + " connected");
  }

  /// Until everything expected has come, or for as long as the plan allows.
  void await_stragglers() {
    if (server_lost_after_ns_) return;
    const std::uint64_t expected = shared_.established * publisher_.result().accepted;
    // Ended early: what is on its way is not lost, but whoever pressed Ctrl-C waits a second at most.
    const bool early = interrupted_;
    const auto limit = early ? std::min<std::chrono::nanoseconds>(plan_.drain, std::chrono::seconds(1)) : plan_.drain;
    const std::uint64_t deadline = monotonic_ns() + static_cast<std::uint64_t>(limit.count());
    while (shared_.received < expected && monotonic_ns() < deadline && (early || !surroundings_.interrupted()))
      std::this_thread::sleep_for(kTick);
    // What follows the last expected message would be duplicates: one more look for them.
    std::this_thread::sleep_for(2 * kTick);
  }

  void stop_threads() {
    shared_.stop = true;
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

  Report report() {
    Report report{plan_, interrupted_, server_lost_after_ns_, publisher_.result(), {}, {}, std::move(tester_)};
    for (const SubscriberPool& pool : pools_) {
      report.sse.merge(pool.tally(Protocol::sse));
      report.ws.merge(pool.tally(Protocol::websocket));
    }
    return report;
  }

  const Plan plan_;
  const Surroundings& surroundings_;
  const Endpoint endpoint_;
  const Expectation expectation_;
  Shared shared_;
  Publisher publisher_;
  std::vector<SubscriberPool> pools_;
  std::vector<std::thread> threads_;
  std::vector<std::string> names_;
  std::vector<std::uint64_t> cpu_before_;
  std::vector<TesterThread> tester_;
  std::uint64_t cpu_read_ns_ = 0;
  std::uint64_t said_ns_ = monotonic_ns();
  std::optional<std::uint64_t> server_lost_after_ns_;
  bool interrupted_ = false;
};

}  // namespace

Result<Report> run(const Plan& plan, const Surroundings& surroundings) {
  auto url = parse_url(plan.url);
  if (!url) return std::unexpected(std::move(url.error()));
  auto endpoint = resolve(std::move(*url));
  if (!endpoint) return std::unexpected(std::move(endpoint.error()));
  if (auto room = make_room_for(std::uint64_t{plan.subscribers()} + plan.publishers); !room)
    return std::unexpected(std::move(room.error()));
  return Run(plan, surroundings, std::move(*endpoint)).go();
}

}  // namespace fanlight::load
