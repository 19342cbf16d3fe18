#include "load/tally_json.hpp"

#include <array>
#include <utility>

namespace fanlight::load {
namespace {

namespace json = boost::json;

constexpr std::size_t kMostBuckets = (65 - Latencies::kBits) << Latencies::kBits;
constexpr std::uint64_t kMostCount = std::uint64_t{1} << 53;

struct NumberField {
  const char* name;
  std::uint64_t Tally::* member;
};
constexpr std::array kNumbers{NumberField{"wanted", &Tally::wanted},
                              NumberField{"established", &Tally::established},
                              NumberField{"left", &Tally::left},
                              NumberField{"joined_late", &Tally::joined_late},
                              NumberField{"standing", &Tally::standing},
                              NumberField{"disconnected", &Tally::disconnected},
                              NumberField{"own_cuts", &Tally::own_cuts},
                              NumberField{"reconnects", &Tally::reconnects},
                              NumberField{"replayed", &Tally::replayed},
                              NumberField{"received", &Tally::received},
                              NumberField{"duplicates", &Tally::duplicates},
                              NumberField{"reordered", &Tally::reordered},
                              NumberField{"late", &Tally::late},
                              NumberField{"gaps", &Tally::gaps},
                              NumberField{"bad_ids", &Tally::bad_ids},
                              NumberField{"bad_comments", &Tally::bad_comments},
                              NumberField{"malformed", &Tally::malformed},
                              NumberField{"foreign", &Tally::foreign},
                              NumberField{"other", &Tally::other},
                              NumberField{"warmup", &Tally::warmup},
                              NumberField{"bytes", &Tally::bytes},
                              NumberField{"reads", &Tally::reads},
                              NumberField{"last_received_ns", &Tally::last_received_ns},
                              NumberField{"connecting_from_ns", &Tally::connecting_from_ns},
                              NumberField{"connecting_to_ns", &Tally::connecting_to_ns}};

struct CausesField {
  const char* name;
  Causes Tally::* member;
};
constexpr std::array kCauses{CausesField{"connect_failures", &Tally::connect_failures},
                             CausesField{"disconnects", &Tally::disconnects},
                             CausesField{"reconnect_failures", &Tally::reconnect_failures}};

struct LatencyField {
  const char* name;
  Latencies Tally::* member;
};
constexpr std::array kLatencies{
    LatencyField{"connect", &Tally::connect},   LatencyField{"tls", &Tally::tls},
    LatencyField{"head", &Tally::head},         LatencyField{"first_event", &Tally::first_event},
    LatencyField{"recovery", &Tally::recovery}, LatencyField{"connection_mean", &Tally::connection_mean}};

/// Throws what Boost.JSON throws for values of another kind; caught once, below.
std::uint64_t whole(const json::value& value) { return value.to_number<std::uint64_t>(); }

json::object tally_json(const Tally& tally) {
  json::object out;
  for (const NumberField& field : kNumbers) out[field.name] = tally.*field.member;
  for (const CausesField& field : kCauses) {
    json::object causes;
    for (const auto& [cause, count] : tally.*field.member) causes[cause] = count;
    out[field.name] = std::move(causes);
  }
  for (const LatencyField& field : kLatencies) out[field.name] = histogram_json(tally.*field.member);
  out["deliveries"] = json::array{tally.deliveries.count, tally.deliveries.sum, tally.deliveries.squares};
  json::array phases;
  for (const PhaseTally& phase : tally.phases)
    phases.push_back(json::object{{"received", phase.received},
                                  {"before_joining", phase.before_joining},
                                  {"until_leaving", phase.until_leaving},
                                  {"latency", histogram_json(phase.latency)}});
  out["phases"] = std::move(phases);
  return out;
}

Result<Tally> tally_from(const json::object& object) {
  Tally tally;
  for (const NumberField& field : kNumbers) tally.*field.member = whole(object.at(field.name));
  for (const CausesField& field : kCauses)
    for (const auto& [cause, count] : object.at(field.name).as_object())
      (tally.*field.member)[std::string(cause)] = whole(count);
  for (const LatencyField& field : kLatencies) {
    auto histogram = histogram_from(object.at(field.name));
    if (!histogram) return within(field.name, std::move(histogram.error()));
    tally.*field.member = std::move(*histogram);
  }
  const json::array& deliveries = object.at("deliveries").as_array();
  tally.deliveries = {whole(deliveries.at(0)), deliveries.at(1).to_number<double>(),
                      deliveries.at(2).to_number<double>()};
  for (const json::value& phase : object.at("phases").as_array()) {
    auto histogram = histogram_from(phase.at("latency"));
    if (!histogram) return within("phase", std::move(histogram.error()));
    tally.phases.push_back({whole(phase.at("received")), whole(phase.at("before_joining")),
                            whole(phase.at("until_leaving")), std::move(*histogram)});
  }
  return tally;
}

}  // namespace

json::object histogram_json(const Latencies& histogram) {
  json::array counts;
  const auto all = histogram.counts();
  for (std::size_t i = 0; i < all.size(); ++i)
    if (all[i] != 0) counts.push_back(json::array{i, all[i]});
  return {{"bits", Latencies::kBits}, {"max", histogram.max()}, {"counts", std::move(counts)}};
}

Result<Latencies> histogram_from(const json::value& value) try {
  if (whole(value.at("bits")) != Latencies::kBits) return fail(0, "histogram of other bits");
  const std::uint64_t max = whole(value.at("max"));
  Latencies histogram;
  for (const json::value& pair : value.at("counts").as_array()) {
    const std::uint64_t bucket = whole(pair.as_array().at(0)), count = whole(pair.as_array().at(1));
    if (bucket >= kMostBuckets || count == 0 || count > kMostCount) return fail(0, "histogram out of bounds");
    const std::uint64_t low = fanlight_bucket_low(static_cast<unsigned>(bucket), Latencies::kBits);
    const std::uint64_t high = fanlight_bucket_low(static_cast<unsigned>(bucket) + 1, Latencies::kBits) - 1;
    if (low > max) return fail(0, "histogram with values above its maximum");
    // The largest is known exactly, and so is not to grow by being handed on.
    const bool top = max <= high;
    if (top) histogram.add(max);
    histogram.add(std::min(max, low + (high - low) / 2), count - (top ? 1 : 0));
  }
  if (histogram.max() > max || (histogram.count() > 0 && histogram.max() != max))
    return fail(0, "histogram without its maximum");
  return histogram;
} catch (const std::exception& error) {
  return fail(0, "histogram: " + std::string(error.what()));
}

std::string tallies_to_json(const std::vector<Tally>& tallies) {
  json::array all;
  for (const Tally& tally : tallies) all.push_back(tally_json(tally));
  return json::serialize(all);
}

Result<std::vector<Tally>> tallies_from_json(std::string_view text) try {
  std::vector<Tally> tallies;
  const json::value all = json::parse(json::string_view(text.data(), text.size()));
  for (const json::value& one : all.as_array()) {
    auto tally = tally_from(one.as_object());
    if (!tally) return std::unexpected(std::move(tally.error()));
    tallies.push_back(std::move(*tally));
  }
  return tallies;
} catch (const std::exception& error) {
  return fail(0, "tallies: " + std::string(error.what()));
}

}  // namespace fanlight::load
