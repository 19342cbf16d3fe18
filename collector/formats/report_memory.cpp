#include "collector/formats/report_memory.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "collector/formats/report_words.hpp"
#include "collector/formats/table.hpp"
#include "collector/profile/view.hpp"

namespace fanlight::formats {
namespace {

using profile::Profile;

constexpr std::size_t kMostFaulting = 5;
constexpr std::string_view kSignal = "kernel_signal_";

double metric(const Profile& profile, std::string_view name) {
  const auto found = std::ranges::find(profile.metrics, name, &profile::Metric::name);
  return found == profile.metrics.end() ? 0 : found->value;
}

/// The kernel's way into a page fault, on x86-64. Source: arch/x86/mm/fault.c.
bool faulting(const profile::Frame& frame) {
  return frame.origin == profile::FrameOrigin::kernel &&
         (frame.name == "asm_exc_page_fault" || frame.name == "exc_page_fault");
}

/// Functions by which C and C++ ask for memory and give it back.
bool allocating(const profile::Frame& frame) {
  constexpr std::array<std::string_view, 14> kNames{
      "malloc",   "free",  "calloc",      "realloc",   "reallocarray",       "aligned_alloc", "posix_memalign",
      "memalign", "cfree", "_int_malloc", "_int_free", "malloc_consolidate", "sysmalloc",     "unlink_chunk"};
  if (frame.origin != profile::FrameOrigin::user) return false;
  const std::string_view name = frame.name;
  return std::ranges::any_of(
             kNames, [&](std::string_view known) { return name == known || name == "__libc_" + std::string(known); }) ||
         name.starts_with("operator new") || name.starts_with("operator delete") || name.starts_with("tcache_") ||
         name.starts_with("je_") || name.starts_with("mi_");
}

template <class Matches>
std::uint64_t weight_of(const profile::WeightedStacks& stacks, const Matches& matches) {
  std::uint64_t weight = 0;
  for (const profile::WeightedStack& stack : stacks.stacks)
    if (std::ranges::any_of(stack.frames, [&](profile::FrameId id) { return matches(stacks.frames[id]); }))
      weight += stack.weight;
  return weight;
}

std::string faults(const Profile& profile) {
  const auto minor = static_cast<std::uint64_t>(metric(profile, "kernel_page_faults_minor"));
  const auto major = static_cast<std::uint64_t>(metric(profile, "kernel_page_faults_major"));
  const profile::WeightedStacks on_cpu = profile::view(profile, profile::View::on_cpu);
  const std::uint64_t in_faults = weight_of(on_cpu, faulting);
  const std::uint64_t in_allocator = weight_of(on_cpu, allocating);
  const std::uint64_t waited = profile::totals(profile)[static_cast<std::size_t>(Reason::page_fault)];
  if (minor + major + in_faults + in_allocator == 0) return {};
  std::string text = "  " + plural(minor, "page fault") + " served from memory (" +
                     per_second(static_cast<double>(minor), profile.to_ns - profile.from_ns) + "), " + counted(major) +
                     " from a disk; threads waited " + ns(waited) + " for pages\n";
  if (const std::uint64_t whole = on_cpu.total(); whole > 0)
    text += "  of the CPU time " + share(in_faults, whole) + " went to page faults, " + share(in_allocator, whole) +
            " to the allocator\n";
  Table table({"<functions that fault", "faults", "share"});
  const profile::WeightedStacks stacks = profile::view(profile, profile::View::faults);
  const std::uint64_t whole = stacks.total();
  for (const profile::TopFunction& function : profile::top_functions(stacks)) {
    if (table.size() == kMostFaulting) break;
    if (function.self > 0)
      table.add({shortened(clean(function.name), 70), counted(function.self), share(function.self, whole)});
  }
  return table.empty() ? text : text + table.text("  ") + "  (an estimate, from stacks in windows of 50 ms a second)\n";
}

std::string signals(const Profile& profile) {
  Table table({"<signal", "<", "count", "per second"});
  for (const profile::Metric& one : profile.metrics) {
    if (!one.name.starts_with(kSignal)) continue;
    const std::string name = one.name.substr(kSignal.size());
    const std::size_t cut = name.find('_');
    std::string what = cut == std::string::npos ? "" : name.substr(cut + 1);
    std::ranges::replace(what, '_', ' ');
    table.add({clean(name.substr(0, cut)), clean(what), counted(static_cast<std::uint64_t>(one.value)),
               per_second(one.value, profile.to_ns - profile.from_ns)});
  }
  return table.empty() ? "" : table.text("  ");
}

}  // namespace

std::string memory_section(const Profile& profile) {
  return section("Memory", faults(profile)) + section("Signals", signals(profile));
}

}  // namespace fanlight::formats
