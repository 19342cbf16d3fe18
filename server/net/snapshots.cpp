#include "server/net/snapshots.hpp"

#include <algorithm>
#include <exception>
#include <utility>

namespace fanlight::server::net {
namespace {

constexpr std::size_t kThreads = 4;

std::uint64_t ns_of(std::chrono::milliseconds time) {
  return static_cast<std::uint64_t>(std::chrono::nanoseconds(time).count());
}

}  // namespace

Snapshots::Snapshots(const SnapshotOptions& options, Fetch fetch, std::function<std::uint64_t()> clock)
    : options_(options),
      fetch_(std::move(fetch)),
      clock_(std::move(clock)),
      breaker_(options.breaker),
      missing_(options.kept, ns_of(options.unknown)) {
  for (std::size_t i = 0; i < kThreads; ++i) threads_.emplace_back([this] { work(); });
}

Snapshots::~Snapshots() {
  {
    const std::scoped_lock lock(mutex_);
    stopping_ = true;
    wanted_.notify_all();
  }
  for (std::thread& thread : threads_) thread.join();
}

void Snapshots::ask(const std::string& topic, Done done) {
  Snapshot now;
  {
    const std::scoped_lock lock(mutex_);
    const std::uint64_t now_ns = clock_();
    now = kept_of(topic, now_ns);
    if (const auto same = waiting_.find(topic); same != waiting_.end()) {
      same->second.push_back(std::move(done));
      return;
    }
    if (missing_.contains(topic, now_ns)) {
      now.source = Snapshot::Source::unknown;
    } else if (now.source == Snapshot::Source::stale && now.age_ns < ns_of(options_.fresh)) {
      now.source = Snapshot::Source::cache;
    } else if (!stopping_ && queue_.size() < options_.waiting && breaker_.allow(now_ns)) {
      waiting_[topic].push_back(std::move(done));
      queue_.push_back(topic);
      wanted_.notify_one();
      return;
    }
  }
  done(now);
}

Result<std::optional<std::string>> Snapshots::fetch(const std::string& topic) const {
  try {
    return fetch_(topic);
  } catch (const std::exception& failure) {  // memory ran out, most likely; the thread goes on
    return fail(0, failure.what());
  }
}

void Snapshots::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    wanted_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return;
    const std::string topic = std::move(queue_.front());
    queue_.pop_front();
    Snapshot now;
    if (stopping_ || breaker_.state() == limits::Breaker::State::open) {
      now = kept_of(topic, clock_());
    } else {
      ++counts_.asked;
      lock.unlock();
      const Result<std::optional<std::string>> answer = fetch(topic);
      lock.lock();
      now = settle(topic, answer);
    }
    auto waiting = waiting_.extract(topic);
    lock.unlock();
    for (const Done& done : waiting.mapped()) done(now);
    lock.lock();
  }
}

Snapshot Snapshots::settle(const std::string& topic, const Result<std::optional<std::string>>& answer) {
  const std::uint64_t now_ns = clock_();
  // That it does not know a topic is an answer as good as any.
  breaker_.report(answer.has_value(), now_ns);
  if (!answer) {
    ++counts_.failed;
    return kept_of(topic, now_ns);
  }
  if (!*answer) {
    missing_.add(topic, now_ns);
    kept_.erase(topic);
    return {.source = Snapshot::Source::unknown};
  }
  missing_.remove(topic);
  keep(topic, **answer, now_ns);
  return {.source = Snapshot::Source::origin, .state = **answer};
}

Snapshot Snapshots::kept_of(const std::string& topic, std::uint64_t now_ns) const {
  const auto found = kept_.find(topic);
  if (found == kept_.end()) return {};
  return {.source = Snapshot::Source::stale, .state = found->second.state, .age_ns = now_ns - found->second.said_ns};
}

void Snapshots::keep(const std::string& topic, const std::string& state, std::uint64_t now_ns) {
  if (kept_.size() >= options_.kept && !kept_.contains(topic)) {
    kept_.erase(std::ranges::min_element(kept_, {}, [](const auto& each) { return each.second.said_ns; }));
  }
  kept_[topic] = {.state = state, .said_ns = now_ns};
}

SnapshotReading Snapshots::reading() const {
  const std::scoped_lock lock(mutex_);
  SnapshotReading reading = counts_;
  reading.refused = breaker_.refused();
  reading.opened = breaker_.opened();
  reading.breaker = breaker_.state();
  reading.kept = kept_.size();
  reading.known_missing = missing_.size();
  return reading;
}

}  // namespace fanlight::server::net
