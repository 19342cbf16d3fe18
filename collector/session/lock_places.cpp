#include "collector/session/lock_places.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "collector/profile/growth.hpp"

namespace fanlight::session {
namespace {

// Every lock that a program can hold at a time is one row of the kernel's table.
constexpr std::size_t kMostPlaces = 4096;

constexpr std::uint32_t kFutexWait = 0;

bool has_any(std::string_view name, std::initializer_list<std::string_view> words) {
  return std::ranges::any_of(words, [&](std::string_view word) { return name.find(word) != std::string_view::npos; });
}

bool of_a_library(const profile::Frame& frame) {
  const std::size_t slash = frame.module.rfind('/');
  const std::string_view file = std::string_view(frame.module).substr(slash == std::string::npos ? 0 : slash + 1);
  constexpr std::array<std::string_view, 6> kPrefixes{"libc.so",   "libc-",  "libpthread",
                                                      "libstdc++", "libc++", "ld-linux"};
  if (std::ranges::any_of(kPrefixes, [&](std::string_view prefix) { return file.starts_with(prefix); })) return true;
  const std::string_view name = frame.name;
  return name.starts_with("std::") || name.starts_with("__") || name.starts_with("pthread_") || name.starts_with("[");
}

}  // namespace

Waiting waiting_in(const profile::Tables& tables, profile::StackId stack) {
  const profile::Stack& frames = tables.stacks().at(stack);
  for (auto id = frames.rbegin(); id != frames.rend(); ++id) {
    const profile::Frame& frame = tables.frames().at(*id);
    if (frame.origin != profile::FrameOrigin::user) continue;
    const std::string_view name = frame.name;
    if (has_any(name, {"rwlock", "shared_mutex"})) return Waiting::rwlock;
    if (has_any(name, {"mutex_lock", "mutex_timedlock", "mutex_clocklock", "lll_lock_wait"})) return Waiting::mutex;
    if (has_any(name, {"cond_wait", "cond_timedwait", "cond_clockwait", "condition_variable"}))
      return Waiting::condition;
    if (has_any(name, {"pthread_join", "clockjoin", "sem_wait", "sem_timedwait", "new_sem", "barrier_wait"}))
      return Waiting::other;
    if (!of_a_library(frame)) break;
  }
  return Waiting::unknown;
}

std::string taker(const profile::Tables& tables, profile::StackId stack) {
  const profile::Stack& frames = tables.stacks().at(stack);
  for (auto id = frames.rbegin(); id != frames.rend(); ++id) {
    const profile::Frame& frame = tables.frames().at(*id);
    if (frame.origin == profile::FrameOrigin::user && !of_a_library(frame)) return frame.name;
  }
  return {};
}

void LockPlaces::take(const RawSample& sample, profile::StackId stack) {
  if (sample.lock == 0) return;
  if (!places_.contains(sample.lock) && places_.size() >= kMostPlaces) return;
  Place& place = places_[sample.lock];
  if (place.votes == 0) place.stack = stack;
  place.stack == stack ? ++place.votes : --place.votes;
}

std::vector<profile::Lock> LockPlaces::growth(const std::vector<kernel::LockReading>& now,
                                              const std::vector<kernel::ThreadReading>& threads,
                                              const profile::Tables& tables) {
  std::vector<profile::Lock> rows;
  for (const kernel::LockReading& lock : now) {
    kernel::LockReading& before = before_[lock.address];
    const auto place = places_.find(lock.address);
    const Waiting waiting = place == places_.end() ? Waiting::unknown : waiting_in(tables, place->second.stack);
    const bool shown = waiting == Waiting::mutex || waiting == Waiting::rwlock ||
                       (waiting == Waiting::unknown && lock.command == kFutexWait);
    if (shown && lock.waits > before.waits) {
      profile::Lock row{.address = lock.address,
                        .waits = lock.waits - before.waits,
                        .wait_ns = lock.wait_ns - std::min(before.wait_ns, lock.wait_ns),
                        .wait = profile::growth(before.wait, lock.wait)};
      if (place != places_.end()) row.name = taker(tables, place->second.stack);
      const auto holder = std::ranges::find(threads, lock.holder, &kernel::ThreadReading::tid);
      if (lock.holder != 0 && holder != threads.end()) row.holder = holder->name;
      rows.push_back(std::move(row));
    }
    before = lock;
  }
  return rows;
}

}  // namespace fanlight::session
