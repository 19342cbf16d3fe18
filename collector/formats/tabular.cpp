#include "collector/formats/tabular.hpp"

#include <array>
#include <cstdio>
#include <map>
#include <string_view>

#include <boost/json.hpp>

#include "collector/formats/text.hpp"

namespace fanlight::formats {
namespace {

std::string in_quotes(std::string_view text) {
  if (text.find_first_of("\",\r\n") == std::string_view::npos) return std::string(text);
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

std::string folded_stack(const profile::WeightedStacks& stacks, const profile::WeightedStack& stack) {
  std::string line;
  for (const profile::FrameId frame : stack.frames) {
    line += (line.empty() ? "" : ";") + folded_name(stacks.frames.at(frame));
  }
  return line;
}

std::string label_list(const profile::Labels& labels) {
  std::string text;
  for (const auto& [key, value] : labels) text += (text.empty() ? "" : ";") + clean(key) + "=" + clean(value);
  return text;
}

boost::json::array inlined_calls(const profile::Frame& frame) {
  boost::json::array calls;
  for (const profile::Inlined& call : frame.inlined) {
    boost::json::object one{{"name", clean(call.name)}};
    if (!call.file.empty()) one["file"] = clean(call.file);
    if (call.line > 0) one["line"] = call.line;
    calls.push_back(std::move(one));
  }
  return calls;
}

}  // namespace

std::string csv(const profile::WeightedStacks& stacks) {
  std::string text = "weight,unit,share,samples,depth,leaf,module,file,line,labels,stack\r\n";
  const auto whole = static_cast<double>(stacks.total());
  for (const profile::WeightedStack& stack : stacks.stacks) {
    std::array<char, 32> share{};
    std::snprintf(share.data(), share.size(), "%.6f", whole > 0 ? static_cast<double>(stack.weight) / whole : 0);
    const profile::Frame none;
    const profile::Frame& leaf = stack.frames.empty() ? none : stacks.frames.at(stack.frames.back());
    text += std::to_string(stack.weight) + "," + in_quotes(clean(stacks.unit)) + "," + share.data() + "," +
            std::to_string(stack.count) + "," + std::to_string(stack.frames.size()) + "," +
            in_quotes(shown_name(leaf)) + "," + in_quotes(clean(leaf.module)) + "," + in_quotes(clean(leaf.file)) +
            "," + (leaf.line > 0 ? std::to_string(leaf.line) : "") + "," +
            in_quotes(label_list(stacks.labels.at(stack.labels))) + "," + in_quotes(folded_stack(stacks, stack)) +
            "\r\n";
  }
  return text;
}

std::string stacks_json(const profile::WeightedStacks& stacks) {
  namespace js = boost::json;
  constexpr std::array<const char*, 3> kOrigins{"user", "kernel", "marker"};
  std::map<std::string_view, std::string_view> build_ids;
  for (const profile::Module& module : stacks.modules) build_ids.emplace(module.path, module.build_id);
  js::array frames;
  for (const profile::Frame& frame : stacks.frames) {
    js::object one{{"name", shown_name(frame)}, {"origin", kOrigins.at(static_cast<std::size_t>(frame.origin))}};
    if (!frame.module.empty()) one["module"] = clean(frame.module);
    if (frame.offset != 0) one["offset"] = frame.offset;
    if (const auto id = build_ids.find(frame.module); id != build_ids.end()) one["build_id"] = clean(id->second);
    if (!frame.file.empty()) one["file"] = clean(frame.file);
    if (frame.line > 0) one["line"] = frame.line;
    if (!frame.inlined.empty()) one["inlined"] = inlined_calls(frame);
    frames.push_back(std::move(one));
  }
  js::array all;
  for (const profile::WeightedStack& stack : stacks.stacks) {
    js::object one{{"frames", js::array(stack.frames.begin(), stack.frames.end())},
                   {"weight", stack.weight},
                   {"samples", stack.count}};
    js::object labels;
    for (const auto& [key, value] : stacks.labels.at(stack.labels)) labels[clean(key)] = clean(value);
    if (!labels.empty()) one["labels"] = std::move(labels);
    all.push_back(std::move(one));
  }
  const js::object file{{"schema", 1},
                        {"view", clean(stacks.name)},
                        {"unit", clean(stacks.unit)},
                        {"total", stacks.total()},
                        {"from_ns", stacks.from_ns},
                        {"to_ns", stacks.to_ns},
                        {"realtime_offset_ns", stacks.realtime_offset_ns},
                        {"frames", std::move(frames)},
                        {"stacks", std::move(all)}};
  return js::serialize(file) + "\n";
}

}  // namespace fanlight::formats
