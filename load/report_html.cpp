#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <functional>
#include <vector>

#include "core/units.hpp"
#include "load/report.hpp"

namespace fanlight::load {
namespace {

constexpr double kWidth = 720, kHeight = 260, kLeft = 70, kRight = 36, kTop = 12, kBottom = 40;
constexpr std::array<const char*, 5> kColours{"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#555555"};

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '&')
      out += "&amp;";
    else
      out += c;
  }
  return out;
}

std::string fixed(double value) {
  char words[32];
  std::snprintf(words, sizeof words, "%.1f", value);
  return words;
}

struct Point {
  double x;
  double y;
};
struct Line {
  std::string name;
  std::vector<Point> points;
};
struct Tick {
  double at;
  std::string label;
};
/// A scale from data to [0, 1].
using Scale = std::function<double(double)>;

std::string plot(const std::string& title, const std::vector<Line>& lines, const Scale& x, const Scale& y,
                 const std::vector<Tick>& x_ticks, const std::vector<Tick>& y_ticks) {
  const auto px = [&](double value) { return kLeft + std::clamp(x(value), 0.0, 1.0) * (kWidth - kLeft - kRight); };
  const auto py = [&](double value) {
    return kHeight - kBottom - std::clamp(y(value), 0.0, 1.0) * (kHeight - kTop - kBottom);
  };
  std::string svg = "<figure><figcaption>" + escaped(title) + "</figcaption><svg viewBox=\"0 0 " + fixed(kWidth) + " " +
                    fixed(kHeight) + "\" role=\"img\" aria-label=\"" + escaped(title) + "\">";
  for (const Tick& tick : x_ticks)
    svg += "<line class=grid x1=" + fixed(px(tick.at)) + " x2=" + fixed(px(tick.at)) + " y1=" + fixed(kTop) +
           " y2=" + fixed(kHeight - kBottom) + " /><text x=" + fixed(px(tick.at)) +
           " y=" + fixed(kHeight - kBottom + 16) + " text-anchor=middle>" + escaped(tick.label) + "</text>";
  for (const Tick& tick : y_ticks)
    svg += "<line class=grid x1=" + fixed(kLeft) + " x2=" + fixed(kWidth - kRight) + " y1=" + fixed(py(tick.at)) +
           " y2=" + fixed(py(tick.at)) + " /><text x=" + fixed(kLeft - 6) + " y=" + fixed(py(tick.at) + 4) +
           " text-anchor=end>" + escaped(tick.label) + "</text>";
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const char* colour = kColours[i % kColours.size()];
    svg += "<polyline fill=none stroke-width=2 stroke=\"" + std::string(colour) + "\" points=\"";
    for (const Point& point : lines[i].points) svg += fixed(px(point.x)) + "," + fixed(py(point.y)) + " ";
    svg += "\" /><text x=" + fixed(kLeft + 8 + static_cast<double>(i) * 130) + " y=" + fixed(kHeight - 6) +
           " style=\"fill:" + colour + "\">\u2014 " + escaped(lines[i].name) + "</text>";
  }
  return svg + "</svg></figure>\n";
}

/// Ticks at powers of ten around what the lines hold.
struct LogAxis {
  double low = 1e3;
  double high = 1e6;

  explicit LogAxis(const std::vector<Line>& lines) {
    double least = 1e18, most = 0;
    for (const Line& line : lines)
      for (const Point& point : line.points) {
        if (point.y <= 0) continue;
        least = std::min(least, point.y);
        most = std::max(most, point.y);
      }
    if (most == 0) return;
    low = std::pow(10, std::floor(std::log10(least)));
    high = std::max(low * 10, std::pow(10, std::ceil(std::log10(most))));
  }
  Scale scale() const {
    return [low = low, high = high](double value) {
      return std::log10(std::max(value, low) / low) / std::log10(high / low);
    };
  }
  std::vector<Tick> ticks() const {
    std::vector<Tick> all;
    for (double at = low; at <= high * 1.01; at *= 10) all.push_back({at, format_ns(at)});
    return all;
  }
};

std::string percentile_plot(const Report& report) {
  const std::vector<Tick> ticks{{0, "0"}, {1, "90 %"}, {2, "99 %"}, {3, "99.9 %"}, {4, "99.99 %"}, {5, "99.999 %"}};
  std::vector<Line> lines;
  for (const Protocol protocol : kAllProtocols) {
    if (!report.has(protocol)) continue;
    const Tally tally = report.of(protocol);
    const Latencies latency = tally.latency();
    const std::uint64_t misses = report.misses(tally);
    Line line{std::string(title_of(protocol)), {}};
    const double all = static_cast<double>(latency.count() + misses);
    for (double nines = 0; nines <= 5 && std::pow(10, nines) <= all * 2; nines += 0.05)
      if (const auto value = percentile_with_misses(latency, misses, 1 - std::pow(10, -nines)); value)
        line.points.push_back({nines, static_cast<double>(*value)});
    lines.push_back(std::move(line));
  }
  const LogAxis axis(lines);
  return plot(
      "Latency by percentile, from when a message was due; a line that ends early goes on in messages that never came",
      lines, [](double nines) { return nines / 5; }, axis.scale(), ticks, axis.ticks());
}

std::string latency_over_time(const Report& report) {
  std::vector<Line> lines{{"p50", {}}, {"p99", {}}, {"max", {}}};
  double end = 1;
  for (const Second& second : report.timeline) {
    end = std::max(end, second.at);
    if (second.received == 0) continue;
    lines[0].points.push_back({second.at, static_cast<double>(second.p50_ns)});
    lines[1].points.push_back({second.at, static_cast<double>(second.p99_ns)});
    lines[2].points.push_back({second.at, static_cast<double>(second.max_ns)});
  }
  const LogAxis axis(lines);
  std::vector<Tick> ticks;
  for (int i = 0; i <= 5; ++i) ticks.push_back({end * i / 5, fixed(end * i / 5) + " s"});
  return plot("Latency over time", lines, [end](double at) { return at / end; }, axis.scale(), ticks, axis.ticks());
}

/// From 0 up: deliveries and streams differ by orders of magnitude, so each has a plot of its own.
std::string over_time(const Report& report, const std::string& title, const std::string& name,
                      double (*of)(const Second&)) {
  std::vector<Line> lines{{name, {}}};
  double end = 1, most = 1;
  for (const Second& second : report.timeline) {
    if (second.seconds <= 0) continue;
    end = std::max(end, second.at);
    most = std::max(most, of(second));
    lines[0].points.push_back({second.at, of(second)});
  }
  std::vector<Tick> x, y;
  for (int i = 0; i <= 5; ++i) x.push_back({end * i / 5, fixed(end * i / 5) + " s"});
  for (int i = 0; i <= 4; ++i) y.push_back({most * i / 4, format_count(most * i / 4)});
  return plot(title, lines, [end](double at) { return at / end; }, [most](double value) { return value / most; }, x, y);
}

}  // namespace

std::string to_html(const Report& report) {
  std::string warnings;
  for (const std::string& warning : report.warnings()) warnings += "<p class=warning>" + escaped(warning) + "</p>\n";
  return "<!doctype html><html lang=en><meta charset=utf-8><title>fanlight-load: " + escaped(report.plan.topic) +
         "</title>\n<style>:root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;max-width:1100px;"
         "margin:2em auto;padding:0 1em}pre{overflow-x:auto;font-size:13px}svg{width:100%;height:auto}"
         "svg text{font:12px system-ui,sans-serif;fill:currentColor}.grid{stroke:currentColor;opacity:.15}"
         "figure{margin:1.5em 0}figcaption{font-weight:600}.warning{border-left:4px solid "
         "#d55e00;padding-left:.6em}</style>\n<h1>fanlight-load</h1>\n<pre>" +
         escaped(to_text(report)) + "</pre>\n" + warnings + percentile_plot(report) + latency_over_time(report) +
         over_time(report, "Deliveries per second", "delivered/s",
                   [](const Second& second) { return static_cast<double>(second.received) / second.seconds; }) +
         over_time(report, "Streams that stood", "streams",
                   [](const Second& second) { return static_cast<double>(second.streams); }) +
         "<details><summary>JSON</summary><pre id=json>" + escaped(to_json(report)) + "</pre></details></html>\n";
}

}  // namespace fanlight::load
