#include "collector/kernel/doctor.hpp"

#include <sys/utsname.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "collector/kernel/capabilities.hpp"
#include "collector/kernel/loader.hpp"
#include "collector/kernel/perf_events.hpp"

namespace fanlight::kernel {
namespace {

// Source: systemd's detect-virt does the same: marker files of Docker and Podman, the variable that others set.
std::string container_of(const std::filesystem::path& root) {
  std::error_code ignored;
  if (std::filesystem::exists(root / ".dockerenv", ignored)) return "docker";
  if (std::filesystem::exists(root / "run/.containerenv", ignored)) return "podman";
  std::ifstream environment(root / "proc/1/environ", std::ios::binary);
  std::string variable;
  while (std::getline(environment, variable, '\0'))
    if (variable.starts_with("container=")) return variable.substr(variable.find('=') + 1);
  return {};
}

}  // namespace

Diagnosis diagnose(const std::filesystem::path& root) {
  Diagnosis diagnosis;
  utsname names{};
  if (::uname(&names) == 0) diagnosis.kernel = names.release;
  diagnosis.btf = ::access((root / "sys/kernel/btf/vmlinux").c_str(), R_OK) == 0;
  diagnosis.capabilities = capabilities(root);
  diagnosis.container = container_of(root);

  for (const Capability& capability : diagnosis.capabilities)
    if (!capability.held)
      diagnosis.missing.push_back(capability.name + " is missing, for " + capability.needed_for + ": " +
                                  how_to_grant({capability.name}));
  if (!diagnosis.btf) {
    diagnosis.missing.push_back(
        "the kernel's types (/sys/kernel/btf/vmlinux) are missing, for every kernel probe: boot a kernel built with "
        "CONFIG_DEBUG_INFO_BTF");
    for (const ProbeKind& kind : probe_kinds())
      if (kind.probe != Probe::selector) diagnosis.forms.push_back({kind.name, "none", "the kernel has no BTF"});
    return diagnosis;
  }

  Result<Loaded> loaded = load({.unwind = {.chunks = 1, .pages = 1, .rules = 1}});
  if (!loaded) {
    for (const ProbeKind& kind : probe_kinds())
      if (kind.probe != Probe::selector) diagnosis.forms.push_back({kind.name, "none", loaded.error().what});
    diagnosis.missing.push_back("no kernel probe: " + loaded.error().what + ": " + loaded.error().hint);
    return diagnosis;
  }
  if (loaded->has(Probe::registry)) loaded->refuse(Probe::registry, uprobe_refusal());
  diagnosis.forms = forms_of(*loaded);
  for (const Form& form : diagnosis.forms)
    if (form.form == "none") diagnosis.missing.push_back(form.probe + " is missing: " + form.why);
  if (!loaded->unwinds)
    diagnosis.missing.push_back(
        "whole stacks of code without frame pointers are missing, libc's among them: the kernel refuses the programs "
        "that "
        "unwind by .eh_frame: " +
        loaded->no_unwinding);
  diagnosis.can_record = loaded->has(Probe::on_cpu) || (loaded->has(Probe::scheduler) && loaded->has(Probe::selector));
  return diagnosis;
}

}  // namespace fanlight::kernel
