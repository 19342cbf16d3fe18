#include "collector/formats/pprof.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "collector/formats/gzip.hpp"
#include "collector/formats/profile.pb.h"
#include "collector/formats/text.hpp"

namespace fanlight::formats {
namespace {

std::int64_t positive(std::uint64_t value) {
  return static_cast<std::int64_t>(std::min<std::uint64_t>(value, std::numeric_limits<std::int64_t>::max()));
}

/// What pprof calls the weight of a view; "cpu" is the word that its tools know.
std::string type_of(std::string_view view) {
  const std::string_view first = view.substr(0, view.find(' '));
  if (first == "oncpu" || first == "inprocess") return "cpu";
  if (first == "offcpu") return "off_cpu";
  return clean(first);
}

/// Of a profile whose stacks know their state: each sample has its weight twice, under wall and under its state.
constexpr std::array<const char*, 4> kTimeTypes{"wall", "cpu", "runnable", "off_cpu"};

std::string state_word(Reason reason) {
  const std::string state(name_of(state_of(reason)));
  return reason == Reason::running ? state : state + ": " + std::string(name_of(reason));
}

class Writer {
 public:
  explicit Writer(const profile::WeightedStacks& stacks) : stacks_(stacks) {
    string("");
    for (const profile::Module& module : stacks.modules) build_ids_.emplace(module.path, module.build_id);
  }

  proto::Profile write() {
    fill(*message_.add_sample_type(), "samples", "count");
    const std::string type = stacks_.state_roots ? "wall" : type_of(stacks_.name);
    if (stacks_.state_roots) {
      for (const char* time_type : kTimeTypes) fill(*message_.add_sample_type(), time_type, stacks_.unit);
    } else {
      fill(*message_.add_sample_type(), type, stacks_.unit);
    }
    fill(*message_.mutable_period_type(), type, stacks_.unit);
    message_.set_period(positive(stacks_.period));
    message_.set_default_sample_type(string(type));
    // Unsigned, since a hostile profile may name any two numbers.
    const std::uint64_t time = stacks_.from_ns + static_cast<std::uint64_t>(stacks_.realtime_offset_ns);
    message_.set_time_nanos(static_cast<std::int64_t>(time));
    message_.set_duration_nanos(positive(stacks_.to_ns - stacks_.from_ns));
    message_.add_comment(string("fanlight " + clean(stacks_.name)));

    // Tools call a profile by its first mapping.
    const auto main = std::find_if(stacks_.frames.begin(), stacks_.frames.end(), [&](const profile::Frame& frame) {
      return frame.origin == profile::FrameOrigin::user && frame.module == stacks_.executable;
    });
    if (main != stacks_.frames.end()) mapping(*main);
    // Location n is frame n-1: ids start at 1, because 0 means none.
    for (std::size_t i = 0; i < stacks_.frames.size(); ++i) add_location(i + 1, stacks_.frames[i]);
    for (const profile::WeightedStack& stack : stacks_.stacks) add_sample(stack);
    return std::move(message_);
  }

 private:
  std::int64_t string(const std::string& text) {
    const auto [found, inserted] = strings_.emplace(text, message_.string_table_size());
    if (inserted) message_.add_string_table(text);
    return found->second;
  }

  void fill(proto::ValueType& value, const std::string& type, const std::string& unit) {
    value.set_type(string(type));
    value.set_unit(string(unit));
  }

  void add_sample(const profile::WeightedStack& stack) {
    auto& sample = *message_.add_sample();
    // The state is a label and a column; as a frame it would stand in the way of every tool's own views.
    const std::size_t roots = stacks_.state_roots && !stack.frames.empty() ? 1 : 0;
    for (std::size_t i = stack.frames.size(); i-- > roots;) sample.add_location_id(std::uint64_t{stack.frames[i]} + 1);
    sample.add_value(positive(stack.count));
    sample.add_value(positive(stack.weight));
    if (stacks_.state_roots) {
      const State state = state_of(stack.reason);
      for (const State column : {State::running, State::runnable, State::blocked}) {
        sample.add_value(column == state ? positive(stack.weight) : 0);
      }
      add_label(sample, "state", state_word(stack.reason));
    }
    if (stack.frames.size() > roots) {
      const profile::Frame& root = stacks_.frames.at(stack.frames[roots]);
      if (root.origin == profile::FrameOrigin::marker) add_label(sample, "thread", shown_name(root));
    }
    for (const auto& [key, value] : stacks_.labels.at(stack.labels)) {
      if (key != "state" && key != "thread") add_label(sample, clean(key), clean(value));
    }
  }

  void add_label(proto::Sample& sample, const std::string& key, const std::string& value) {
    auto& label = *sample.add_label();
    label.set_key(string(key));
    label.set_str(string(value));
  }

  std::uint64_t mapping(const profile::Frame& frame) {
    if (frame.origin == profile::FrameOrigin::marker) return 0;
    const auto [found, inserted] = mappings_.emplace(frame.module, message_.mapping_size());
    if (inserted) {
      auto& added = *message_.add_mapping();
      added.set_id(static_cast<std::uint64_t>(found->second) + 1);
      added.set_filename(string(clean(frame.module)));
      if (const auto id = build_ids_.find(frame.module); id != build_ids_.end()) {
        added.set_build_id(string(clean(id->second)));
      }
      added.set_has_functions(true);
      added.set_has_inline_frames(true);
    }
    auto& mapped = *message_.mutable_mapping(found->second);
    // Addresses are offsets within the file, so every mapping starts at 0 and ends behind the highest one seen.
    const std::uint64_t end = frame.offset == ~std::uint64_t{0} ? frame.offset : frame.offset + 1;
    mapped.set_memory_limit(std::max(mapped.memory_limit(), end));
    if (!frame.file.empty()) mapped.set_has_filenames(true);
    if (frame.line > 0) mapped.set_has_line_numbers(true);
    return mapped.id();
  }

  std::uint64_t function(const std::string& name, const std::string& file) {
    const auto [found, inserted] = functions_.emplace(name + '\0' + file, message_.function_size() + 1);
    if (inserted) {
      auto& added = *message_.add_function();
      added.set_id(static_cast<std::uint64_t>(found->second));
      added.set_name(string(name));
      added.set_system_name(string(name));
      added.set_filename(string(clean(file)));
    }
    return static_cast<std::uint64_t>(found->second);
  }

  void add_line(proto::Location& location, const std::string& name, const std::string& file, std::uint32_t line) {
    auto& added = *location.add_line();
    added.set_function_id(function(name, file));
    added.set_line(line);
  }

  void add_location(std::size_t id, const profile::Frame& frame) {
    auto& location = *message_.add_location();
    location.set_id(id);
    location.set_mapping_id(mapping(frame));
    location.set_address(frame.origin == profile::FrameOrigin::marker ? 0 : frame.offset);
    for (auto call = frame.inlined.rbegin(); call != frame.inlined.rend(); ++call) {
      add_line(location, clean(call->name), call->file, call->line);
    }
    add_line(location, shown_name(frame), frame.file, frame.line);
  }

  const profile::WeightedStacks& stacks_;
  proto::Profile message_;
  std::unordered_map<std::string, int> strings_;
  std::unordered_map<std::string, int> mappings_;
  std::unordered_map<std::string, int> functions_;
  std::unordered_map<std::string, std::string> build_ids_;
};

}  // namespace

Result<std::string> pprof(const profile::WeightedStacks& stacks) {
  return gzip(Writer(stacks).write().SerializeAsString());
}

}  // namespace fanlight::formats
