#include "ui/viewmodel/histogram_set.hpp"

#include <algorithm>
#include <map>

#include "collector/profile/merge.hpp"
#include "ui/viewmodel/heatmap.hpp"

namespace fanlight::ui {

std::vector<NamedHistogram> histograms(const profile::Profile& profile) {
  std::vector<NamedHistogram> all;
  for (const profile::Metric& metric : profile.metrics)
    if (metric.kind == profile::Metric::Kind::histogram)
      all.push_back({"latency", metric_title(metric.name), metric.histogram});
  KernelHistogram queue;
  for (const profile::Thread& thread : profile.threads) {
    queue.merge(thread.run_queue_ns);
    all.push_back({"scheduler", thread.name + " " + std::to_string(thread.tid), thread.run_queue_ns});
  }
  all.push_back({"scheduler", "all threads", queue});
  for (const profile::Lock& lock : profile.locks) {
    char address[32];
    std::snprintf(address, sizeof address, "0x%llx", static_cast<unsigned long long>(lock.address));
    all.push_back({"locks", lock.name.empty() ? address : lock.name, lock.wait});
  }
  for (const kernel::MapReading& map : profile.maps)
    all.push_back({"maps", map.map_name + " " + map.operation, map.latency_ns});
  std::map<std::pair<std::string, std::string>, KernelHistogram> registries;
  for (const kernel::RegistryReading& one : profile.registries)
    registries[{one.registry, one.operation}].merge(one.wait);
  for (const auto& [key, histogram] : registries)
    all.push_back({"maps", key.first + " registry " + key.second, histogram});
  std::erase_if(all, [](const NamedHistogram& one) { return one.histogram.count() == 0; });
  std::stable_sort(all.begin(), all.end(), [](const NamedHistogram& a, const NamedHistogram& b) {
    return a.group != b.group ? a.group < b.group : a.histogram.count() > b.histogram.count();
  });
  return all;
}

double count_between(const KernelHistogram& histogram, double low_ns, double high_ns) {
  double sum = 0;
  const auto counts = histogram.counts();
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] == 0) continue;
    const auto low = static_cast<double>(fanlight_bucket_low(static_cast<unsigned>(i), KernelHistogram::kBits));
    const auto high = static_cast<double>(fanlight_bucket_low(static_cast<unsigned>(i) + 1, KernelHistogram::kBits));
    const double inside = std::clamp(std::min(high, high_ns) - std::max(low, low_ns), 0.0, high - low);
    sum += static_cast<double>(counts[i]) * inside / (high - low);
  }
  return sum;
}

}  // namespace fanlight::ui
