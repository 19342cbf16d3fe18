#include "collector/formats/pprof.hpp"

#include <algorithm>
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

class Writer {
 public:
  explicit Writer(const profile::WeightedStacks& stacks) : stacks_(stacks) { string(""); }

  proto::Profile write() {
    fill(*message_.add_sample_type(), "samples", "count");
    const std::string type = type_of(stacks_.name);
    fill(*message_.add_sample_type(), type, stacks_.unit);
    fill(*message_.mutable_period_type(), type, stacks_.unit);
    message_.set_period(positive(stacks_.period));
    message_.set_default_sample_type(string(type));
    // Unsigned, since a hostile profile may name any two numbers.
    const std::uint64_t time = stacks_.from_ns + static_cast<std::uint64_t>(stacks_.realtime_offset_ns);
    message_.set_time_nanos(static_cast<std::int64_t>(time));
    message_.set_duration_nanos(positive(stacks_.to_ns - stacks_.from_ns));
    message_.add_comment(string("fanlight " + clean(stacks_.name)));

    // Location n is frame n-1: ids start at 1, because 0 means none.
    for (std::size_t i = 0; i < stacks_.frames.size(); ++i) add_location(i + 1, stacks_.frames[i]);
    for (const profile::WeightedStack& stack : stacks_.stacks) {
      auto& sample = *message_.add_sample();
      for (auto frame = stack.frames.rbegin(); frame != stack.frames.rend(); ++frame) {
        sample.add_location_id(std::uint64_t{*frame} + 1);
      }
      sample.add_value(positive(stack.count));
      sample.add_value(positive(stack.weight));
    }
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

  std::uint64_t mapping(const profile::Frame& frame) {
    if (frame.origin == profile::FrameOrigin::marker) return 0;
    const auto [found, inserted] = mappings_.emplace(frame.module, message_.mapping_size());
    if (inserted) {
      auto& added = *message_.add_mapping();
      added.set_id(static_cast<std::uint64_t>(found->second) + 1);
      added.set_filename(string(clean(frame.module)));
      added.set_has_functions(true);
    }
    auto& mapped = *message_.mutable_mapping(found->second);
    // Addresses are offsets within the file, so every mapping starts at 0 and ends behind the highest one seen.
    mapped.set_memory_limit(std::max<std::uint64_t>(mapped.memory_limit(), frame.offset + 1));
    return mapped.id();
  }

  std::uint64_t function(const profile::Frame& frame) {
    const std::string name = shown_name(frame);
    const auto [found, inserted] = functions_.emplace(name + '\0' + frame.module, message_.function_size() + 1);
    if (inserted) {
      auto& added = *message_.add_function();
      added.set_id(static_cast<std::uint64_t>(found->second));
      added.set_name(string(name));
      added.set_system_name(string(name));
      added.set_filename(string(clean(frame.module)));
    }
    return static_cast<std::uint64_t>(found->second);
  }

  void add_location(std::size_t id, const profile::Frame& frame) {
    auto& location = *message_.add_location();
    location.set_id(id);
    location.set_mapping_id(mapping(frame));
    location.set_address(frame.origin == profile::FrameOrigin::marker ? 0 : frame.offset);
    location.add_line()->set_function_id(function(frame));
  }

  const profile::WeightedStacks& stacks_;
  proto::Profile message_;
  std::unordered_map<std::string, int> strings_;
  std::unordered_map<std::string, int> mappings_;
  std::unordered_map<std::string, int> functions_;
};

}  // namespace

Result<std::string> pprof(const profile::WeightedStacks& stacks) {
  return gzip(Writer(stacks).write().SerializeAsString());
}

}  // namespace fanlight::formats
