#include "ui/viewmodel/measured.hpp"

namespace fanlight::ui {
namespace {

/// As the session names it when no probe of the kernel could be had.
constexpr std::string_view kAllProbes = "kernel probes";

std::string sentence(std::string words) {
  words[0] = 'N';
  return words;
}

}  // namespace

std::optional<std::string> unmeasured(const profile::Target& target, std::string_view probe) {
  for (const kernel::Form& form : target.forms) {
    if (form.form != "none" || (form.probe != probe && form.probe != kAllProbes)) continue;
    return form.why.empty() ? "not measured" : "not measured: " + form.why;
  }
  return std::nullopt;
}

std::string no_threads(const profile::Target& target) {
  if (const auto why = unmeasured(target, kScheduler)) return "Thread states: " + *why;
  return "No thread was seen in this time.";
}

std::string no_sockets(const profile::Target& target) {
  if (const auto why = unmeasured(target, kSocketWrites)) return sentence(*why);
  return "Nothing was written to a socket in this time.";
}

std::string no_operations(const profile::Target& target) {
  const auto maps = unmeasured(target, kMapOperations), registry = unmeasured(target, kRegistryOperations);
  if (maps && registry) return sentence(*maps);
  if (maps) return "No operation on the target's registry in this time. Operations on BPF maps: " + *maps;
  if (registry) return "No operation on a BPF map in this time. Operations on the registry: " + *registry;
  return "No operation on a BPF map or on the target's registry in this time.";
}

}  // namespace fanlight::ui
