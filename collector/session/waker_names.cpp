#include "collector/session/waker_names.hpp"

#include "collector/process/proc_text.hpp"

namespace fanlight::session {
namespace {

// A thread may change its name, and a tid its owner.
constexpr unsigned kUsesPerLook = 100;
constexpr std::size_t kMostKnown = 4096;
constexpr std::size_t kMaxCommBytes = 256;

}  // namespace

std::string WakerNames::of(pid_t tid, const profile::Tables& tables) {
  if (tid == 0) return "by an interrupt";
  if (known_.size() >= kMostKnown) known_.clear();
  Known& known = known_[tid];
  if (known.uses++ % kUsesPerLook == 0) {
    const auto comm = process::read_text("/proc/" + std::to_string(tid) + "/comm", kMaxCommBytes);
    if (comm) {
      known.words = "by " + process::printable(comm->substr(0, comm->find('\n')), 64);
    } else if (known.words.empty()) {
      // Gone already; the target's own are remembered.
      for (const auto& thread : tables.threads())
        if (thread.tid == tid && !thread.name.empty()) known.words = "by " + thread.name;
      if (known.words.empty()) known.words = "by thread " + std::to_string(tid);
    }
  }
  return known.words;
}

}  // namespace fanlight::session
