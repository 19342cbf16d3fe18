#include "collector/formats/speedscope.hpp"

#include <boost/json.hpp>

#include "collector/formats/names.hpp"
#include "collector/formats/text.hpp"

namespace fanlight::formats {
namespace {

namespace json = boost::json;

/// The words that speedscope knows; anything else it shows as plain numbers.
std::string unit_of(const std::string& unit) { return unit == "nanoseconds" || unit == "bytes" ? unit : "none"; }

json::array frames_of(const Names& names) {
  json::array all;
  for (const Name& name : names.all()) {
    json::object frame{{"name", name.origin == profile::FrameOrigin::kernel ? name.text + " [kernel]" : name.text}};
    const bool outermost = name.text == shown_name(*name.frame);
    const std::string& file = outermost && !name.frame->file.empty() ? name.frame->file : name.frame->module;
    if (!file.empty()) frame["file"] = clean(file);
    if (outermost && name.frame->line > 0) frame["line"] = name.frame->line;
    all.push_back(std::move(frame));
  }
  return all;
}

}  // namespace

std::string speedscope(const profile::WeightedStacks& stacks) {
  Names names;
  const auto numbers = names.of(stacks.frames);
  json::array samples;
  json::array weights;
  for (const profile::WeightedStack& stack : stacks.stacks) {
    json::array sample;
    for (const profile::FrameId frame : stack.frames) {
      for (const std::uint32_t name : numbers.at(frame)) sample.emplace_back(name);
    }
    samples.push_back(std::move(sample));
    weights.emplace_back(stack.weight);
  }
  const std::string name = clean(stacks.name);
  const json::object file{{"$schema", "https://www.speedscope.app/file-format-schema.json"},
                          {"exporter", "fanlight"},
                          {"name", name},
                          {"activeProfileIndex", 0},
                          {"shared", {{"frames", frames_of(names)}}},
                          {"profiles", json::array{json::object{{"type", "sampled"},
                                                                {"name", name},
                                                                {"unit", unit_of(stacks.unit)},
                                                                {"startValue", 0},
                                                                {"endValue", stacks.total()},
                                                                {"samples", std::move(samples)},
                                                                {"weights", std::move(weights)}}}}};
  return json::serialize(file) + "\n";
}

}  // namespace fanlight::formats
