#include "collector/cli/progress.hpp"

#include <unistd.h>

#include <cstdio>
#include <string>

#include "collector/kernel/privilege.hpp"
#include "core/units.hpp"

namespace fanlight::cli {
namespace {

struct Sums {
  std::uint64_t ns = 0;
  std::uint64_t samples = 0;
  std::uint64_t dropped = 0;
  std::uint64_t switches = 0;
};

Sums sums_of(const profile::Window& window) {
  Sums sums;
  for (const profile::Slice& slice : window.slices()) {
    sums.ns += slice.to_ns - slice.from_ns;
    for (const LedgerEntry& entry : slice.ledger) {
      sums.samples += entry.delivered;
      sums.dropped += entry.dropped_total();
    }
    for (const profile::ThreadSlice& thread : slice.threads) {
      sums.switches += thread.switches_voluntary + thread.switches_preempted;
    }
  }
  return sums;
}

std::string seconds_of(std::uint64_t ns) {
  const std::uint64_t tenths = (ns + 50'000'000) / 100'000'000;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10);
}

}  // namespace

Progress::Progress(std::optional<std::chrono::nanoseconds> total)
    : total_(total), terminal_(::isatty(STDERR_FILENO) == 1) {}

void Progress::update(const profile::Window& window) {
  ++updates_;
  if (!terminal_ && updates_ % 10 != 0) return;
  const Sums sums = sums_of(window);
  const std::string of = total_ ? " of " + seconds_of(static_cast<std::uint64_t>(total_->count())) : std::string();
  std::fprintf(stderr, "%srecording: %s%s s, %s samples, %s switches, %s lost%s", terminal_ ? "\r\033[K" : "",
               seconds_of(sums.ns).c_str(), of.c_str(), format_count(static_cast<double>(sums.samples)).c_str(),
               format_count(static_cast<double>(sums.switches)).c_str(),
               format_count(static_cast<double>(sums.dropped)).c_str(), terminal_ ? "" : "\n");
}

void Progress::finish(const profile::Window& window, const std::filesystem::path& file) {
  const Sums sums = sums_of(window);
  for (const profile::Slice& slice : window.slices()) {
    for (const profile::Event& event : slice.events)
      std::fprintf(stderr, "%s%s\n", terminal_ ? "\r\033[K" : "", event.text.c_str());
  }
  std::fprintf(stderr, "%srecorded %s s of %s (pid %d) into %s: %s samples, %s lost\n", terminal_ ? "\r\033[K" : "",
               seconds_of(sums.ns).c_str(), window.target().name.c_str(), window.target().pid, file.c_str(),
               format_count(static_cast<double>(sums.samples)).c_str(),
               format_count(static_cast<double>(sums.dropped)).c_str());
  std::fprintf(stderr, "next: fanlight report %s\n", file.c_str());
}

void say_what_is_missing(const profile::Target& target) {
  for (const kernel::Form& form : target.forms) {
    if (form.form == "none") std::fprintf(stderr, "without %s: %s\n", form.probe.c_str(), form.why.c_str());
  }
}

void keep_only_looking(pid_t target, const std::filesystem::path& output) {
  if (const auto dropped = kernel::drop_privileges(target, output); !dropped)
    std::fprintf(stderr, "with all its privileges still: %s\n", dropped.error().what.c_str());
}

}  // namespace fanlight::cli
