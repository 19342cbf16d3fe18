#include "collector/session/lives.hpp"

namespace fanlight::session {

profile::ThreadId Lives::of_sample(pid_t tid, profile::Tables& tables) {
  const auto [life, added] = lives_.try_emplace(tid);
  if (added) life->second.id = tables.thread_born(tid, "");
  return life->second.id;
}

profile::ThreadId Lives::of_reading(pid_t tid, std::uint64_t from_ns, const std::string& name,
                                    profile::Tables& tables) {
  const auto [life, added] = lives_.try_emplace(tid);
  if (added || (life->second.from_ns != 0 && life->second.from_ns != from_ns)) {
    life->second.id = tables.thread_born(tid, name);
  }
  life->second.from_ns = from_ns;
  if (!name.empty() && tables.threads().at(life->second.id).name != name) tables.rename_thread(life->second.id, name);
  return life->second.id;
}

void Lives::name(pid_t tid, const std::string& name, profile::Tables& tables) {
  const auto life = lives_.find(tid);
  if (life != lives_.end() && tables.threads().at(life->second.id).name != name) {
    tables.rename_thread(life->second.id, name);
  }
}

}  // namespace fanlight::session
