#include "collector/kernel/doctor.hpp"

#include <cstdio>
#include <memory>
#include <string>

#include <boost/json.hpp>

#include "collector/cli/command.hpp"
#include "collector/cli/output.hpp"

namespace fanlight::cli {
namespace {

std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.append(width - text.size(), ' ');
  return text;
}

std::string as_text(const kernel::Diagnosis& found) {
  std::string out = "kernel      " + found.kernel + (found.btf ? ", BTF present" : ", no BTF") + "\n";
  if (!found.container.empty()) out += "container   " + found.container + "\n";
  out += "\ncapability             held   needed for\n";
  for (const kernel::Capability& capability : found.capabilities) {
    out += padded(capability.name, 23) + padded(capability.held ? "yes" : "no", 7) + capability.needed_for + "\n";
  }
  out += "\nprobe                  form         remark\n";
  for (const kernel::Form& form : found.forms) {
    out += padded(form.probe, 23) + padded(form.form, 13) + form.why + "\n";
  }
  out += "\n";
  for (const std::string& missing : found.missing) out += "missing: " + missing + "\n";
  out += found.can_record
             ? "fanlight can record here.\n"
             : "No kernel probe works here; the sampler inside the target does: fanlight record --no-kernel\n";
  return out;
}

std::string as_json(const kernel::Diagnosis& found) {
  boost::json::array capabilities, forms, missing;
  for (const kernel::Capability& c : found.capabilities) {
    capabilities.push_back({{"name", c.name}, {"held", c.held}, {"needed_for", c.needed_for}});
  }
  for (const kernel::Form& f : found.forms) forms.push_back({{"probe", f.probe}, {"form", f.form}, {"why", f.why}});
  for (const std::string& text : found.missing) missing.emplace_back(text);
  const boost::json::object object{{"schema", 1},
                                   {"kernel", found.kernel},
                                   {"btf", found.btf},
                                   {"container", found.container},
                                   {"capabilities", std::move(capabilities)},
                                   {"forms", std::move(forms)},
                                   {"missing", std::move(missing)},
                                   {"can_record", found.can_record}};
  return boost::json::serialize(object) + "\n";
}

}  // namespace

void add_doctor(CLI::App& app, Run& run) {
  CLI::App* command = app.add_subcommand("doctor", "say what this machine lets us see, and what would grant the rest");
  auto json = std::make_shared<bool>(false);
  command->add_flag("--json", *json, "the findings for programs");
  command->footer("\nExamples:\n  fanlight doctor\n  sudo fanlight doctor --json | jq .forms\n");
  command->callback([json, &run] {
    run = [json]() -> Result<Outcome> {
      const kernel::Diagnosis found = kernel::diagnose();
      const auto written = write_out("", *json ? as_json(found) : as_text(found));
      if (!written) return within("doctor", written.error());
      return Outcome{};
    };
  });
}

}  // namespace fanlight::cli
