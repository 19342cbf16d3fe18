#include "collector/formats/causes.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>

#include "collector/formats/findings.hpp"
#include "collector/formats/text.hpp"
#include "collector/profile/view.hpp"
#include "core/units.hpp"

namespace fanlight::formats {
namespace {

using profile::Profile;

constexpr double kLeastShare = 0.02;  // of a thread's time: less is not what anybody should look at first

/// A wait for a reader-writer lock, which the kernel cannot tell from a condition.
bool is_rwlock(const profile::WeightedStacks& wall, const profile::WeightedStack& stack) {
  return stack.reason == Reason::condition && std::ranges::any_of(stack.frames, [&](profile::FrameId frame) {
           return waits_for_rwlock(wall.frames[frame].name);
         });
}

/// Functions that wait or copy on behalf of whoever called them.
bool helper(const profile::Frame& frame) {
  if (frame.origin == profile::FrameOrigin::marker || frame.name.empty() || frame.name.front() == '[') return true;
  const std::size_t slash = frame.module.rfind('/');
  const std::string_view file = std::string_view(frame.module).substr(slash == std::string::npos ? 0 : slash + 1);
  if (file.starts_with("libc.so") || file.starts_with("libpthread") || file.starts_with("libstdc++") ||
      file.starts_with("ld-linux")) {
    return true;
  }
  return frame.name.starts_with("std::") || frame.name.starts_with("__gthread") || frame.name.starts_with("pthread_") ||
         frame.name.starts_with("boost::asio::");
}

/// Whose doing the stack is: its innermost function that is the target's own; of the kernel's when it has no other.
const profile::Frame* owner(const profile::WeightedStacks& wall, const profile::WeightedStack& stack) {
  const profile::Frame* kernel = nullptr;
  const profile::Frame* any = nullptr;
  for (auto id = stack.frames.rbegin(); id != stack.frames.rend(); ++id) {
    const profile::Frame& frame = wall.frames[*id];
    if (frame.origin == profile::FrameOrigin::kernel && kernel == nullptr) kernel = &frame;
    if (frame.origin != profile::FrameOrigin::user) continue;
    if (!helper(frame)) return &frame;
    if (any == nullptr && !frame.name.empty() && frame.name.front() != '[') any = &frame;
  }
  return any != nullptr ? any : kernel;
}

std::string doing(Reason reason, const std::string& where) {
  const std::string in = where.empty() ? "" : " in " + where;
  switch (reason) {
    case Reason::running: return "running" + in;
    case Reason::runnable_waking: return "on its way to a CPU after a wake-up";
    case Reason::runnable_queued: return "waiting for a CPU: more threads are ready than CPUs are free";
    case Reason::runnable_preempted: return "waiting for the CPU that another thread took from it";
    case Reason::runnable_throttled: return "waiting until its cgroup may use the CPU again";
    case Reason::condition:  // a reader-writer lock: conditions are idle
    case Reason::futex: return where.empty() ? "waiting for a lock" : "waiting for the lock at " + where;
    case Reason::socket_send: return "waiting to send: the socket's buffer is full" + in;
    case Reason::socket_receive: return "waiting to receive" + in;
    case Reason::pipe: return "waiting for a pipe" + in;
    case Reason::disk: return "waiting for the disk" + in;
    case Reason::page_fault: return "waiting for a page of memory" + in;
    case Reason::mmap_lock: return "waiting for the lock over its address space" + in;
    default: return "blocked" + in;
  }
}

/// "worker-1", "worker-1 and worker-2", "5 threads (worker-0, worker-1, ..)".
std::string together(const std::vector<std::string>& names) {
  if (names.size() == 1) return names[0];
  if (names.size() == 2) return names[0] + " and " + names[1];
  return std::to_string(names.size()) + " threads (" + names[0] + ", " + names[1] + ", ..)";
}

struct Found {
  std::uint64_t ns = 0;
  std::uint64_t lived = 0;
  std::vector<std::pair<std::uint64_t, std::string>> threads;
};

/// A lock that is known by name and holder beats what the stack says of it.
std::string held_by(const Profile& profile, const std::string& where) {
  const profile::Lock* heaviest = nullptr;
  for (const profile::Lock& lock : profile.locks) {
    if (!lock.name.empty() && lock.name == where && !lock.holder.empty()) heaviest = &lock;
  }
  return heaviest == nullptr ? "" : ", held by " + clean(heaviest->holder);
}

void add_locks(const Profile& profile, std::vector<Cause>& all) {
  const std::uint64_t whole = profile::sum(profile::totals(profile));
  for (const profile::Lock& lock : profile.locks) {
    if (whole == 0 || static_cast<double>(lock.wait_ns) < kLeastShare * static_cast<double>(whole) / 4) continue;
    std::string name = clean(lock.name);
    if (name.empty()) name = "an address without a name";
    all.push_back({0, lock.wait_ns,
                   format_ns(static_cast<double>(lock.wait_ns)) + " in " +
                       format_count(static_cast<double>(lock.waits)) + " waits went to the lock at " + name +
                       (lock.holder.empty() ? "" : ", held by " + clean(lock.holder)) + "; the slowest took " +
                       format_ns(static_cast<double>(lock.wait.max()))});
  }
  for (const kernel::RegistryReading& row : without_shards(profile)) {
    if (whole == 0 || static_cast<double>(row.wait_ns) < kLeastShare * static_cast<double>(whole) / 4) continue;
    all.push_back({0, row.wait_ns,
                   format_ns(static_cast<double>(row.wait_ns)) + " went to waiting for the lock of the registry " +
                       clean(row.registry) + " in " + clean(row.operation) + ", which was held for " +
                       format_ns(static_cast<double>(row.hold_ns))});
  }
}

void add_sockets(const Profile& profile, std::vector<Cause>& all) {
  for (const profile::Thread& thread : profile.threads) {
    const auto& socket = thread.socket;
    if (socket.writes < 100 || socket.would_block * 20 < socket.writes) continue;
    all.push_back({0, thread.ns[static_cast<std::size_t>(Reason::running)] / 10,
                   format_share(static_cast<double>(socket.would_block), static_cast<double>(socket.writes)) +
                       " of the socket writes of " + clean(thread.name) +
                       " found the buffer full: some clients read more slowly than they are sent to"});
  }
}

}  // namespace

std::vector<Cause> causes(const Profile& profile, std::size_t most) {
  const profile::WeightedStacks wall = profile::view(profile, profile::View::wall);
  std::map<std::string, std::uint64_t> lived;  // by the name of the thread, which is all that a view knows of it
  for (const profile::WeightedStack& stack : wall.stacks) {
    if (stack.frames.size() > 1) lived[wall.frames[stack.frames[1]].name] += stack.weight;
  }
  // A runnable thread waits whatever it would do next.
  std::map<std::tuple<std::string, Reason, std::string>, std::uint64_t> by_thread;
  for (const profile::WeightedStack& stack : wall.stacks) {
    if (stack.frames.size() < 2 || (is_idle(stack.reason) && !is_rwlock(wall, stack))) continue;
    const profile::Frame* who = state_of(stack.reason) == State::runnable ? nullptr : owner(wall, stack);
    by_thread[{wall.frames[stack.frames[1]].name, stack.reason, who == nullptr ? "" : who->name}] += stack.weight;
  }
  std::map<std::pair<Reason, std::string>, Found> found;
  for (const auto& [key, ns] : by_thread) {
    const auto& [thread, reason, where] = key;
    if (static_cast<double>(ns) < kLeastShare * static_cast<double>(lived[thread])) continue;
    Found& one = found[{reason, where}];
    one.ns += ns;
    one.lived += lived[thread];
    one.threads.emplace_back(ns, clean(thread));
  }
  std::vector<Cause> all;
  for (auto& [key, one] : found) {
    const auto& [reason, where] = key;
    std::stable_sort(one.threads.rbegin(), one.threads.rend());
    std::vector<std::string> names;
    for (const auto& [ns, name] : one.threads) names.push_back(name);
    const double share = static_cast<double>(one.ns) / static_cast<double>(one.lived);
    all.push_back({share, one.ns,
                   format_share(static_cast<double>(one.ns), static_cast<double>(one.lived)) + " of " +
                       together(names) + (names.size() == 1 ? " is " : " are ") + doing(reason, clean(where)) +
                       (reason == Reason::futex ? held_by(profile, where) : "")});
  }
  add_locks(profile, all);
  add_sockets(profile, all);
  std::stable_sort(all.begin(), all.end(), [](const Cause& a, const Cause& b) { return a.ns > b.ns; });
  if (all.size() > most) all.resize(most);
  return all;
}

}  // namespace fanlight::formats
