#include "ui/views/paint_heatmap.hpp"

#include <algorithm>
#include <cmath>

#include "core/units.hpp"
#include "ui/views/paint_table.hpp"

namespace fanlight::ui {
namespace {

constexpr float kRowHeight = 46;

void label_left_of(Drawing& drawing, const Rect& area, float y, const std::string& words, const Pen& pen) {
  drawing.label(area.x - pen.px(6) - pen.measure(words, Face::small), y - std::floor(pen.height(Face::small) / 2),
                Face::small, kMuted, words);
}

std::string row_words(const Heatmap& map, std::size_t row, bool offsets) {
  if (offsets) return format_ns(static_cast<double>(row) / static_cast<double>(map.rows) * 1e9);
  return format_ns(static_cast<double>(map.values_of(row).first));
}

}  // namespace

void paint_heatmap(Drawing& drawing, const Heatmap& map, const TimeSpan& span, const Rect& rect, bool offsets,
                   const Pen& pen) {
  if (!map.missing.empty()) return paint_words(drawing, map.missing, rect, kFaint, pen);
  const Rect area = plot_area(rect, pen);
  const float height = area.h / static_cast<float>(map.rows);
  drawing.fill(area, mix(kPanel, kBackground, 0.5f));
  for (std::size_t column = 0; column < map.columns(); ++column) {
    const float left = std::floor(span.x_of(map.from_ns[column], area));
    const float right = std::floor(span.x_of(map.to_ns[column], area));
    for (std::size_t row = 0; row < map.rows; ++row) {
      const double count = map.at(column, row);
      if (count <= 0) continue;
      const double share = offsets ? count / std::max(map.most, 1e-9) : std::log1p(count) / std::log1p(map.most);
      const float top = area.y + area.h - height * static_cast<float>(row + 1);
      drawing.fill({left, std::floor(top), std::max(1.0f, right - left), std::ceil(height)},
                   heat_colour(0.12 + 0.88 * share));
    }
  }
  const auto steps = static_cast<std::size_t>(std::clamp(area.h / pen.px(28), 1.0f, 8.0f));
  for (std::size_t i = 0; i <= steps; ++i) {
    const std::size_t row = (map.rows - 1) * i / steps;
    label_left_of(drawing, area, area.y + area.h - height * (static_cast<float>(row) + 0.5f),
                  row_words(map, row, offsets), pen);
  }
  paint_time_labels(drawing, area, span, pen);
}

std::optional<std::pair<std::size_t, std::size_t>> cell_at(const Heatmap& map, const TimeSpan& span, const Rect& rect,
                                                           float x, float y, const Pen& pen) {
  const Rect area = plot_area(rect, pen);
  if (!map.missing.empty() || !area.contains(x, y)) return std::nullopt;
  const std::uint64_t at = span.ns_at(x, area);
  const auto row =
      std::min(map.rows - 1, static_cast<std::size_t>((area.y + area.h - y) / area.h * static_cast<float>(map.rows)));
  for (std::size_t column = 0; column < map.columns(); ++column)
    if (at >= map.from_ns[column] && at < map.to_ns[column]) return std::pair(column, row);
  return std::nullopt;
}

double HistogramFrame::ns_at(float x) const {
  const double share = std::clamp(static_cast<double>((x - area.x) / std::max(1.0f, area.w)), 0.0, 1.0);
  return low_ns * std::pow(high_ns / low_ns, share);
}

float HistogramFrame::x_of(double ns) const {
  const double share = std::log(std::max(ns, low_ns) / low_ns) / std::log(high_ns / low_ns);
  return area.x + area.w * static_cast<float>(std::clamp(share, 0.0, 1.0));
}

HistogramFrame histogram_frame(std::span<const NamedHistogram> shown, const Rect& rect, const Pen& pen) {
  HistogramFrame at;
  const float pad = std::round(pen.px(9)), below = std::round(pen.px(20));
  at.area = {rect.x + pad, rect.y, std::max(1.0f, rect.w - 2 * pad), std::max(1.0f, rect.h - below)};
  double low = 1e18, high = 1;
  for (const NamedHistogram& one : shown) {
    const auto counts = one.histogram.counts();
    for (std::size_t i = 0; i < counts.size(); ++i) {
      if (counts[i] == 0) continue;
      low = std::min(low, static_cast<double>(fanlight_bucket_low(static_cast<unsigned>(i), KernelHistogram::kBits)));
      high = std::max(high,
                      static_cast<double>(fanlight_bucket_low(static_cast<unsigned>(i) + 1, KernelHistogram::kBits)));
    }
  }
  low = std::max(low, 1.0);
  if (low > high) low = 1, high = 10;
  // Whole powers of ten, so that panels side by side have axes that compare.
  at.low_ns = std::pow(10.0, std::floor(std::log10(low)));
  at.high_ns = std::max(at.low_ns * 10, std::pow(10.0, std::ceil(std::log10(high))));
  return at;
}

void paint_histograms(Drawing& drawing, std::span<const NamedHistogram> shown, const Rect& rect,
                      std::optional<std::pair<double, double>> chosen, const Pen& pen) {
  if (shown.empty()) return;
  const HistogramFrame at = histogram_frame(shown, rect, pen);
  const float wanted = std::round(pen.px(kRowHeight));
  const auto fits = std::max<std::size_t>(1, static_cast<std::size_t>(at.area.h / wanted));
  const std::size_t rows = std::min(shown.size(), fits);
  const float height = std::min(at.area.h / static_cast<float>(rows), pen.px(150));
  const float title = std::round(pen.px(18));
  for (double ns = at.low_ns; ns <= at.high_ns * 1.001; ns *= 10) {
    const float x = std::round(at.x_of(ns));
    drawing.fill({x, at.area.y, 1, at.area.h}, kGrid);
    std::string shortened = format_ns(ns);
    if (const std::size_t dot = shortened.find('.'); dot != std::string::npos)
      shortened.erase(dot, shortened.find(' ') - dot);
    const float width = pen.measure(shortened, Face::small);
    drawing.label(std::clamp(x - width / 2, at.area.x, at.area.x + at.area.w - width),
                  at.area.y + at.area.h + pen.px(4), Face::small, kFaint, shortened);
  }
  if (chosen)
    drawing.fill({at.x_of(chosen->first), at.area.y, at.x_of(chosen->second) - at.x_of(chosen->first), at.area.h},
                 with_alpha(kAccent, 50));
  for (std::size_t i = 0; i < rows; ++i) {
    const NamedHistogram& one = shown[i];
    const float top = at.area.y + height * static_cast<float>(i), base = top + height - 3, room = height - title - 4;
    const auto counts = one.histogram.counts();
    std::uint64_t most = 1;
    for (const std::uint64_t count : counts) most = std::max(most, count);
    for (std::size_t bucket = 0; bucket < counts.size(); ++bucket) {
      if (counts[bucket] == 0) continue;
      const auto low = static_cast<double>(fanlight_bucket_low(static_cast<unsigned>(bucket), KernelHistogram::kBits));
      const auto high =
          static_cast<double>(fanlight_bucket_low(static_cast<unsigned>(bucket) + 1, KernelHistogram::kBits));
      const float left = at.x_of(low), right = at.x_of(high);
      // The root of the share: a tail of one in ten thousand must not vanish.
      const double share = std::sqrt(static_cast<double>(counts[bucket]) / static_cast<double>(most));
      const float tall = std::max(1.0f, room * static_cast<float>(share));
      drawing.fill({left, base - tall, std::max(1.0f, right - left - 1), tall}, mix(kSeriesA, kPanel, 0.2f));
    }
    drawing.fill({at.area.x, base, at.area.w, 1}, kLine);
    std::string numbers = format_count(static_cast<double>(one.histogram.count()));
    for (const auto& [name, fraction, colour] :
         {std::tuple("p50", 0.5, kGood), std::tuple("p99", 0.99, kAccent), std::tuple("p99.9", 0.999, kBad)}) {
      const auto ns = static_cast<double>(one.histogram.percentile(fraction));
      drawing.fill({std::round(at.x_of(ns)), base - room, std::max(1.0f, std::round(pen.px(2))), room}, colour);
      numbers += std::string("   ") + name + " " + format_ns(ns);
    }
    const float width = pen.measure(numbers, Face::small);
    drawing.label(at.area.x + at.area.w - width, top + 2, Face::small, kMuted, numbers);
    drawing.label(at.area.x, top + 2, Face::small, kText,
                  fit(one.name, std::max(0.0f, at.area.w - width - pen.px(10)), Face::small, pen.measure));
  }
  if (rows < shown.size()) {
    const std::string words = std::to_string(shown.size() - rows) + " more";
    drawing.label(at.area.x + at.area.w - pen.measure(words, Face::small), at.area.y + at.area.h - pen.px(14),
                  Face::small, kFaint, words);
  }
}

}  // namespace fanlight::ui
