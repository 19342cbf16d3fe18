#include "collector/serve/routes.hpp"

#include <charconv>

#include "collector/formats/folded.hpp"
#include "collector/formats/html.hpp"
#include "collector/formats/pprof.hpp"
#include "collector/formats/report.hpp"
#include "collector/formats/svg.hpp"
#include "collector/formats/tabular.hpp"
#include "collector/profile/view.hpp"
#include "collector/serve/metrics.hpp"

namespace fanlight::serve {
namespace {

constexpr std::uint64_t kForever = ~std::uint64_t{0};
constexpr std::uint64_t kSecond = 1'000'000'000;

std::string_view path_of(std::string_view target) { return target.substr(0, target.find('?')); }

/// The raw value of `name` in the query part; the values we take need no percent-decoding.
std::optional<std::string_view> parameter(std::string_view target, std::string_view name) {
  const std::size_t mark = target.find('?');
  if (mark == std::string_view::npos) return std::nullopt;
  std::string_view rest = target.substr(mark + 1);
  while (!rest.empty()) {
    const std::size_t end = rest.find('&');
    const std::string_view pair = rest.substr(0, end);
    const std::size_t equals = pair.find('=');
    if (equals != std::string_view::npos && pair.substr(0, equals) == name) return pair.substr(equals + 1);
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + 1);
  }
  return std::nullopt;
}

std::optional<profile::View> pprof_view(std::string_view path) {
  if (path == "/debug/pprof/profile") return profile::View::on_cpu;
  if (path == "/debug/pprof/offcpu") return profile::View::off_cpu;
  if (path == "/debug/pprof/wall") return profile::View::wall;
  return std::nullopt;
}

constexpr std::string_view kIndex =
    "fanlight attach\n\n"
    "/metrics                          Prometheus\n"
    "/healthz                          alive?\n"
    "/debug/pprof/profile?seconds=N    on-CPU profile of the next N seconds (pprof)\n"
    "/debug/pprof/offcpu?seconds=N     the same, blocked and runnable time\n"
    "/debug/pprof/wall?seconds=N       the same, all time\n"
    "/flamegraph?view=wall&seconds=N   flame graph of the last N seconds, or of the window (HTML; format=svg: SVG); "
    "views: "
    "oncpu offcpu runnable wall socket map inprocess\n"
    "/api/report                       the report (JSON)\n"
    "/api/folded?view=wall&seconds=N   folded stacks\n"
    "/api/stacks?view=wall&seconds=N   stacks with labels (JSON)\n"
    "/live                             WebSocket, what fanlight-ui draws from\n";

/// Of ?seconds=N; 0 where it is not given, nothing where it makes no sense.
std::optional<std::uint64_t> last_seconds(std::string_view target) {
  const auto text = parameter(target, "seconds");
  if (!text) return 0;
  std::uint64_t seconds = 0;
  const auto [end, ec] = std::from_chars(text->data(), text->data() + text->size(), seconds);
  if (ec != std::errc{} || end != text->data() + text->size() || seconds < 1 || seconds > 86'400) return std::nullopt;
  return seconds;
}

Answer no_view() {
  return {.status = 400, .body = "unknown view; one of: oncpu offcpu runnable wall socket map inprocess\n"};
}

}  // namespace

std::optional<Wait> wait_of(std::string_view target) {
  if (!pprof_view(path_of(target))) return Wait{};
  const auto text = parameter(target, "seconds");
  if (!text) return Wait{std::chrono::seconds(10)};
  int seconds = 0;
  const auto [end, ec] = std::from_chars(text->data(), text->data() + text->size(), seconds);
  if (ec != std::errc{} || end != text->data() + text->size() || seconds < 1 || seconds > 300) return std::nullopt;
  return Wait{std::chrono::seconds(seconds)};
}

Answer answer(std::string_view target, std::uint64_t from_ns, const Source& source) {
  const std::string_view path = path_of(target);
  if (path == "/") return {.body = std::string(kIndex)};
  if (path == "/healthz") return {.body = "ok\n"};
  if (path == "/metrics")
    return {.type = "text/plain; version=0.0.4; charset=utf-8", .body = metrics_text(source.since_attach())};
  const auto last = last_seconds(target);
  if (!last) return {.status = 400, .body = "seconds: a whole number from 1 to 86400\n"};
  const std::uint64_t start = *last == 0 || *last * kSecond > from_ns ? 0 : from_ns - *last * kSecond;
  if (path == "/api/report")
    return {.type = "application/json", .body = formats::report_json(source.query(start, kForever))};
  if (const auto view = pprof_view(path)) {
    const auto bytes = formats::pprof(profile::view(source.query(from_ns, kForever), *view, true));
    if (!bytes) return {.status = 500, .body = bytes.error().what + "\n"};
    return {.type = "application/octet-stream",
            .body = *bytes,
            .download = std::string(profile::name_of(*view)) + ".pb.gz"};
  }
  if (path == "/flamegraph" || path == "/api/folded" || path == "/api/stacks") {
    const auto view = profile::view_from(parameter(target, "view").value_or("wall"));
    if (!view) return no_view();
    const bool labels = path == "/api/stacks";
    const profile::WeightedStacks stacks = profile::view(source.query(start, kForever), *view, labels);
    if (labels) return {.type = "application/json", .body = formats::stacks_json(stacks)};
    if (path == "/api/folded") return {.body = formats::folded(stacks)};
    if (parameter(target, "format") == "svg") return {.type = "image/svg+xml", .body = formats::svg(stacks)};
    return {.type = "text/html; charset=utf-8", .body = formats::html(stacks)};
  }
  if (path == "/live")
    return {.status = 426, .body = "a WebSocket: fanlight-ui --connect draws from it\n", .upgrade = "websocket"};
  return {.status = 404, .body = "no such page; / lists them\n"};
}

}  // namespace fanlight::serve
