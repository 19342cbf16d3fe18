#include "collector/formats/findings.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "collector/formats/text.hpp"
#include "collector/profile/merge.hpp"

namespace fanlight::formats {

Findings findings(const profile::Profile& profile) {
  Findings found;
  for (const kernel::Form& form : profile.target.forms) {
    const std::string why = form.why.empty() ? "" : ": " + clean(form.why);
    if (form.form == "none") {
      found.missing.push_back(clean(form.probe) + why);
    } else if (!form.why.empty()) {
      found.degraded.push_back(clean(form.probe) + " by " + clean(form.form) + why);
    }
  }
  const auto any = [&](auto matches) { return std::any_of(profile.samples.begin(), profile.samples.end(), matches); };
  const bool unwound = std::ranges::any_of(profile.target.forms, [](const kernel::Form& form) {
    return form.probe == "user stacks" && form.form.starts_with(".eh_frame");
  });
  if (!unwound && any([](const profile::SampleRow& row) { return row.sampler == Sampler::kernel_blocked; })) {
    found.notes.emplace_back("stacks blocked in libc are short without frame pointers");
  }
  const bool exact = profile::sum(profile::totals(profile)) > 0;
  const bool kernel_cpu = any([](const profile::SampleRow& row) { return row.sampler == Sampler::kernel_cpu; });
  const bool inprocess = any([](const profile::SampleRow& row) { return row.sampler == Sampler::inprocess_cpu; });
  if (!exact) {
    found.notes.emplace_back(profile.samples.empty() ? "no kernel totals and no samples: nothing was seen"
                                                     : "no kernel totals: times are what the samples stand for");
  }
  for (const LedgerEntry& entry : profile.ledger) {
    if (entry.source != "thread ends" || entry.dropped_total() == 0) continue;
    found.notes.push_back(std::to_string(entry.dropped_total()) +
                          " threads ended faster than their totals could be read: those are not in the sums");
  }
  if (!kernel_cpu && inprocess) {
    found.notes.emplace_back("running time is spread by the in-process samples alone; kernel frames are not in them");
  }
  return found;
}

std::vector<kernel::RegistryReading> without_shards(const profile::Profile& profile) {
  std::vector<kernel::RegistryReading> rows;
  std::map<std::pair<std::string, std::string>, std::size_t> index;
  std::map<std::pair<std::string, std::string>, std::set<std::uint32_t>> shards;
  for (const kernel::RegistryReading& row : profile.registries) {
    const std::pair key{row.registry, row.operation};
    shards[key].insert(row.shard);
    const auto [found, inserted] = index.emplace(key, rows.size());
    if (inserted) {
      rows.push_back(row);
    } else {
      profile::add(rows[found->second], row);
    }
    rows[found->second].shard = static_cast<std::uint32_t>(shards[key].size());
  }
  return rows;
}

kernel::SocketCounts socket_totals(const profile::Profile& profile) {
  kernel::SocketCounts all;
  for (const profile::Thread& thread : profile.threads) profile::add(all, thread.socket);
  return all;
}

KernelHistogram run_queue(const profile::Profile& profile) {
  KernelHistogram all;
  for (const profile::Thread& thread : profile.threads) all.merge(thread.run_queue_ns);
  return all;
}

std::uint64_t range_ns(const profile::Profile& profile) {
  return profile.to_ns > profile.from_ns ? profile.to_ns - profile.from_ns : 0;
}

}  // namespace fanlight::formats
