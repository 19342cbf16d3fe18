#include "collector/cli/progress.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <string>

#include "collector/kernel/privilege.hpp"
#include "collector/profile/cross_check.hpp"
#include "core/units.hpp"

namespace fanlight::cli {
namespace {

std::string seconds_of(std::uint64_t ns) {
  const std::uint64_t tenths = (ns + 50'000'000) / 100'000'000;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10);
}

}  // namespace

Progress::Progress(std::optional<std::chrono::nanoseconds> total)
    : total_(total), terminal_(::isatty(STDERR_FILENO) == 1) {}

void Progress::add_new(const profile::Window& window) {
  const std::uint64_t forgotten = window.slices_forgotten();
  for (slices_ = std::max(slices_, forgotten); slices_ < forgotten + window.slices().size(); ++slices_) {
    const profile::Slice& slice = window.slices()[slices_ - forgotten];
    ns_ += slice.to_ns - slice.from_ns;
    for (const LedgerEntry& entry : slice.ledger) lost_ += entry.dropped_total();
    for (const profile::ThreadSlice& thread : slice.threads) {
      switches_ += thread.switches_voluntary + thread.switches_preempted;
    }
    for (const profile::SampleRow& row : slice.samples) {
      // A row of these stands for operations, not for samples.
      if (samples_time(row.sampler)) samples_ += row.count;
    }
  }
}

void Progress::update(const profile::Window& window) {
  add_new(window);
  ++updates_;
  if (!terminal_ && updates_ % 10 != 0) return;
  const std::string of = total_ ? " of " + seconds_of(static_cast<std::uint64_t>(total_->count())) : std::string();
  std::fprintf(stderr, "%srecording: %s%s s, %s samples, %s switches, %s lost%s", terminal_ ? "\r\033[K" : "",
               seconds_of(ns_).c_str(), of.c_str(), format_count(static_cast<double>(samples_)).c_str(),
               format_count(static_cast<double>(switches_)).c_str(), format_count(static_cast<double>(lost_)).c_str(),
               terminal_ ? "" : "\n");
}

void Progress::finish(const profile::Window& window, const std::filesystem::path& file) {
  add_new(window);
  for (const profile::Slice& slice : window.slices()) {
    for (const profile::Event& event : slice.events)
      std::fprintf(stderr, "%s%s\n", terminal_ ? "\r\033[K" : "", event.text.c_str());
  }
  std::fprintf(stderr, "%srecorded %s s of %s into %s: %s sample%s, %s lost\n", terminal_ ? "\r\033[K" : "",
               seconds_of(ns_).c_str(), who(window.target()).c_str(), file.c_str(),
               format_count(static_cast<double>(samples_)).c_str(), samples_ == 1 ? "" : "s",
               format_count(static_cast<double>(lost_)).c_str());
  if (const auto check = profile::cross_check(window.query()); check.possible()) {
    std::fprintf(stderr, "the two samplers agree to %s on where the CPU time goes%s\n",
                 format_share(check.agreement, 1).c_str(), check.enough() ? "" : ", too few samples to tell");
  }
  std::fprintf(stderr, "next: fanlight report %s\n", file.c_str());
}

std::string who(const profile::Target& target) {
  return target.pid == 0 ? target.name : target.name + " (pid " + std::to_string(target.pid) + ")";
}

void say_how_it_ended(std::optional<process::Launched>& launched) {
  if (!launched) return;
  const auto how = launched->ended();
  if (how)
    std::fprintf(stderr, "the command %s\n", how->c_str());
  else
    std::fprintf(stderr, "the command goes on (pid %d)\n", launched->pid());
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
