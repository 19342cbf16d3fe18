#include "collector/formats/trust_text.hpp"

#include <boost/json.hpp>

#include "collector/formats/table.hpp"
#include "collector/formats/text.hpp"
#include "core/units.hpp"

namespace fanlight::formats {
namespace {

namespace json = boost::json;
using profile::Compared;
using profile::Difference;

constexpr std::size_t kMostRows = 15;
constexpr std::size_t kNameLetters = 60;

std::string interval(const profile::SampledShare& share) {
  return format_share(share.share, 1) + " (" + format_share(share.low, 1) + " to " + format_share(share.high, 1) + ")";
}

const char* word_of(Difference difference) {
  switch (difference) {
    case Difference::none: return "none";
    case Difference::kernel_time: return "kernel_time";
    case Difference::signals_off: return "signals_off";
    case Difference::late_signals: return "late_signals";
    case Difference::granularity: return "granularity";
    case Difference::unknown: break;
  }
  return "unknown";
}

std::string functions_text(const profile::TrustReport& report) {
  Table table({"function", "kernel", "in process", "<likely reason"});
  std::size_t alike = 0;
  for (const Compared& one : report.functions) {
    if (one.difference == Difference::none || table.size() == kMostRows) {
      alike += one.difference == Difference::none ? 1 : 0;
      continue;
    }
    table.add({shortened(clean(one.name), kNameLetters), interval(one.kernel), interval(one.inprocess),
               std::string(explain(one.difference))});
  }
  std::string text = table.empty() ? "" : "\nWhere they differ by more than chance (95 %)\n" + table.text("  ");
  text += "\n" + std::to_string(alike) + " of " + std::to_string(report.functions.size()) +
          " functions differ by no more than chance does\n";
  return text;
}

/// What has samples by one of them alone, beyond chance.
std::string only_one(const profile::TrustReport& report) {
  std::string text;
  for (const bool kernel_only : {true, false}) {
    Table table({"function", "share", "<likely reason"});
    for (const Compared& one : report.functions) {
      const profile::SampledShare& seen = kernel_only ? one.kernel : one.inprocess;
      const profile::SampledShare& unseen = kernel_only ? one.inprocess : one.kernel;
      if (seen.samples == 0 || unseen.samples != 0 || one.difference == Difference::none) continue;
      if (table.size() == kMostRows) break;
      table.add({shortened(clean(one.name), kNameLetters), interval(seen), std::string(explain(one.difference))});
    }
    if (table.empty()) continue;
    text += std::string("\nSeen by ") + (kernel_only ? "the kernel" : "the in-process sampler") + " alone\n" +
            table.text("  ");
  }
  return text;
}

json::object of(const profile::SampledShare& share) {
  return {{"share", share.share}, {"low", share.low}, {"high", share.high}, {"samples", share.samples}};
}

json::array of(const std::vector<Compared>& all) {
  json::array rows;
  for (const Compared& one : all) {
    json::object row{{"name", clean(one.name)},
                     {"kernel", of(one.kernel)},
                     {"inprocess", of(one.inprocess)},
                     {"difference", word_of(one.difference)},
                     {"why", std::string(explain(one.difference))}};
    if (!one.module.empty()) row["module"] = clean(one.module);
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace

std::string trust_text(const profile::TrustReport& report) {
  if (!report.possible()) {
    const char* const missing =
        report.kernel_samples == 0
            ? report.inprocess_samples == 0 ? "neither sampler saw" : "the kernel's sampler did not see"
            : "the in-process sampler did not see";
    return std::string("nothing to compare: ") + missing + " any thread run that the other saw\n";
  }
  std::string text = "Two samplers on the same threads: " + format_count(static_cast<double>(report.kernel_samples)) +
                     " samples by the kernel, " + format_count(static_cast<double>(report.inprocess_samples)) +
                     " in process (one stands for " + format_ns(report.period_ns) + " at least; " +
                     format_count(report.got_hz) + " came per second of CPU time)\n" + "  overlap of functions " +
                     format_share(report.overlap_functions, 1) + ", of whole stacks " +
                     format_share(report.overlap_stacks, 1) + "\n";
  Table table({"<module", "trust", "share", "samples"});
  for (const profile::ModuleTrust& module : report.modules) {
    if (table.size() == kMostRows) break;
    table.add({module.module.empty() ? "-" : clean(module.module), format_share(module.score, 1),
               format_share(module.share, 1), std::to_string(module.samples)});
  }
  text += "\nTrust by module: what both say, or chance explains\n" + table.text("  ");
  return text + functions_text(report) + only_one(report);
}

std::string trust_json(const profile::TrustReport& report) {
  json::array modules;
  for (const profile::ModuleTrust& module : report.modules)
    modules.push_back(json::object{{"module", clean(module.module)},
                                   {"score", module.score},
                                   {"share", module.share},
                                   {"samples", module.samples}});
  return json::serialize(
             json::object{{"possible", report.possible()},
                          {"kernel_samples", report.kernel_samples},
                          {"inprocess_samples", report.inprocess_samples},
                          {"overlap", {{"functions", report.overlap_functions}, {"stacks", report.overlap_stacks}}},
                          {"period_ns", report.period_ns},
                          {"got_hz", report.got_hz},
                          {"modules", std::move(modules)},
                          {"functions", of(report.functions)},
                          {"stacks", of(report.stacks)}}) +
         "\n";
}

}  // namespace fanlight::formats
