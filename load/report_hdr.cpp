#include <cmath>
#include <cstdio>

#include "load/report.hpp"

namespace fanlight::load {
namespace {

constexpr int kTicksPerHalf = 5;
constexpr double kMs = 1e6;

template <class... Values>
void line(std::string& text, const char* format, Values... values) {
  char words[160];
  std::snprintf(words, sizeof words, format, values...);
  text += words;
}

}  // namespace

std::string to_hdr(const Report& report) {
  const Tally total = report.total();
  const Latencies latency = total.latency();
  std::string text = "       Value     Percentile TotalCount 1/(1-Percentile)\n\n";
  const std::uint64_t misses = report.misses(total);
  const double count = static_cast<double>(latency.count()), all = count + static_cast<double>(misses);
  // Steps halve towards 1, as many of them in each half of what is left. What never came is later than all of them: the
  // curve ends at the share that came.
  double fraction = 0;
  for (bool last = latency.count() == 0; !last;) {
    const double rank = std::min(count, std::max(1.0, std::ceil(fraction * all)));
    last = rank >= count;
    const double shown = last ? count / all : fraction;
    const double value = static_cast<double>(latency.percentile((rank - 0.5) / count)) / kMs;
    if (last && misses == 0)
      line(text, "%12.3f %14.12f %10.0f\n", value, shown, rank);
    else
      line(text, "%12.3f %14.12f %10.0f %14.2f\n", value, shown, rank, 1 / (1 - shown));
    const double half = std::pow(2.0, std::floor(std::log2(1 / (1 - fraction))) + 1);
    fraction += 1 / (half * kTicksPerHalf);
  }
  double variance = 0;
  const auto counts = latency.counts();
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] == 0) continue;
    const double low = static_cast<double>(fanlight_bucket_low(static_cast<unsigned>(i), Latencies::kBits));
    const double high = static_cast<double>(fanlight_bucket_low(static_cast<unsigned>(i) + 1, Latencies::kBits));
    const double off = (low + high - 1) / 2 - latency.mean();
    variance += off * off * static_cast<double>(counts[i]);
  }
  line(text, "#[Mean    = %12.3f, StdDeviation   = %12.3f]\n", latency.mean() / kMs,
       count > 0 ? std::sqrt(variance / count) / kMs : 0);
  line(text, "#[Max     = %12.3f, Total count    = %12.0f]\n", static_cast<double>(latency.max()) / kMs, count);
  line(text, "#[Buckets = %12d, SubBuckets     = %12d]\n", 65 - static_cast<int>(Latencies::kBits),
       1 << Latencies::kBits);
  line(text, "#[Misses  = %12.0f, due and never received]\n", static_cast<double>(misses));
  return text;
}

}  // namespace fanlight::load
