#include "collector/kernel/capabilities.hpp"

#include <linux/capability.h>

#include <charconv>
#include <fstream>
#include <sstream>

namespace fanlight::kernel {
namespace {

struct Known {
  unsigned bit;
  const char* name;
  const char* needed_for;
  bool admin_covers;  // the kernel accepts CAP_SYS_ADMIN in its place
  bool required;
};

// Source: capabilities(7); what each is asked for was tried with CAP_BPF, CAP_PERFMON and CAP_SYS_PTRACE alone.
constexpr Known kKnown[] = {
    {CAP_BPF, "CAP_BPF", "loading the kernel programs", true, true},
    {CAP_PERFMON, "CAP_PERFMON", "attaching them and reading stacks", true, true},
    {CAP_SYS_PTRACE, "CAP_SYS_PTRACE", "reading /proc of other users' processes", false, false},
    {CAP_SYS_ADMIN, "CAP_SYS_ADMIN",
     "the run time of each kernel program, and registry operations where the kernel asks for it to attach uprobes",
     false, false},
    {CAP_SYSLOG, "CAP_SYSLOG", "names of kernel functions", false, false},
};

}  // namespace

std::optional<std::uint64_t> effective_capabilities(std::string_view status) {
  constexpr std::string_view kKey = "CapEff:";
  std::size_t at = status.starts_with(kKey) ? 0 : status.find("\nCapEff:");
  if (at == std::string_view::npos) return std::nullopt;
  at = status.find(':', at) + 1;
  at = status.find_first_not_of(" \t", at);
  if (at == std::string_view::npos) return std::nullopt;
  std::uint64_t bits = 0;
  const auto [end, error] = std::from_chars(status.data() + at, status.data() + status.size(), bits, 16);
  if (error != std::errc{} || (end != status.data() + status.size() && *end != '\n')) return std::nullopt;
  return bits;
}

std::vector<Capability> capabilities(const std::filesystem::path& root) {
  std::ifstream file(root / "proc/self/status");
  std::ostringstream text;
  text << file.rdbuf();
  const std::uint64_t bits = effective_capabilities(text.str()).value_or(0);
  const auto has = [&](unsigned bit) { return (bits >> bit & 1) != 0; };
  std::vector<Capability> found;
  for (const Known& known : kKnown)
    found.push_back({known.name, has(known.bit) || (known.admin_covers && has(CAP_SYS_ADMIN)), known.needed_for});
  return found;
}

std::vector<std::string> missing_capabilities(const std::vector<Capability>& held) {
  std::vector<std::string> missing;
  for (const Capability& capability : held)
    for (const Known& known : kKnown)
      if (known.required && capability.name == known.name && !capability.held) missing.push_back(capability.name);
  return missing;
}

std::string how_to_grant(const std::vector<std::string>& missing) {
  if (missing.empty())
    return "no capability is missing: a seccomp profile or a security module refuses it; in a container try "
           "--security-opt seccomp=unconfined";
  constexpr std::string_view kPrefix = "CAP_";
  std::string text = "run with sudo; in a container start it with";
  bool others = false;
  for (const std::string& name : missing) {
    text += " --cap-add " + (name.starts_with(kPrefix) ? name.substr(kPrefix.size()) : name);
    others |= name == "CAP_SYS_PTRACE";
  }
  // That capability is of no use for processes that the container does not see.
  if (others) text += " --pid=host";
  return text;
}

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

}  // namespace fanlight::kernel
