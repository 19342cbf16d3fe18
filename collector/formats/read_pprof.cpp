#include <algorithm>
#include <array>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "collector/formats/foreign.hpp"
#include "collector/formats/gzip.hpp"
#include "collector/formats/import.hpp"
#include "collector/formats/profile.pb.h"

namespace fanlight::formats {
namespace {

constexpr std::size_t kMostUnpacked = std::size_t{1} << 30;
constexpr const char* kHint = "fetch the profile again; it is damaged or no pprof profile";

struct Unit {
  std::string name;
  std::uint64_t factor = 1;
};

/// Times become nanoseconds, counts become samples, the rest stays.
Unit unit_of(const std::string& text) {
  static const std::map<std::string, std::uint64_t> kTimes{
      {"nanoseconds", 1},          {"ns", 1},         {"microseconds", 1'000},    {"us", 1'000},
      {"milliseconds", 1'000'000}, {"ms", 1'000'000}, {"seconds", 1'000'000'000}, {"s", 1'000'000'000}};
  if (const auto time = kTimes.find(text); time != kTimes.end()) return {"nanoseconds", time->second};
  return {text == "count" || text.empty() ? "samples" : text, 1};
}

class Reader {
 public:
  explicit Reader(const proto::Profile& message) : message_(message) {}

  Result<Imported> read() {
    choose_columns();
    if (problem_.empty()) index();
    for (int i = 0; i < message_.sample_size() && problem_.empty(); ++i) take(message_.sample(i));
    if (!problem_.empty()) return fail(0, "pprof: " + problem_, kHint);
    window_.target().weight_unit = unit_.name;
    constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
    slice_.to_ns = static_cast<std::uint64_t>(std::clamp<std::int64_t>(message_.duration_nanos(), 1, kMost));
    window_.append(std::move(slice_));
    return Imported{std::move(window_), "pprof", states_ ? profile::View::wall : profile::View::on_cpu};
  }

 private:
  void complain(std::string problem) {
    if (problem_.empty()) problem_ = std::move(problem);
  }

  const std::string& text(std::int64_t index) {
    static const std::string kEmpty;
    if (index >= 0 && index < message_.string_table_size()) return message_.string_table(static_cast<int>(index));
    complain("string " + std::to_string(index) + " is unknown");
    return kEmpty;
  }

  /// The weight is the default type's, or wall where fanlight wrote the states beside it; without a default the last.
  void choose_columns() {
    if (message_.string_table_size() == 0 || !message_.string_table(0).empty()) complain("no table of strings");
    if (message_.sample_type_size() == 0) complain("no sample types");
    if (!problem_.empty()) return;
    std::map<std::string, int> columns;
    for (int i = 0; i < message_.sample_type_size(); ++i) columns.emplace(text(message_.sample_type(i).type()), i);
    weight_ = message_.sample_type_size() - 1;
    if (const auto chosen = columns.find(text(message_.default_sample_type())); chosen != columns.end()) {
      weight_ = chosen->second;
    }
    if (columns.contains("wall") && columns.contains("cpu") && columns.contains("runnable") &&
        columns.contains("off_cpu")) {
      weight_ = columns["wall"];
      states_ = true;
    }
    if (const auto counts = columns.find("samples"); counts != columns.end()) count_ = counts->second;
    unit_ = unit_of(text(message_.sample_type(weight_).unit()));
  }

  void index() {
    std::unordered_map<std::uint64_t, int> mappings;
    for (int i = 0; i < message_.mapping_size(); ++i) {
      const auto& mapping = message_.mapping(i);
      mappings[mapping.id()] = i;
      window_.tables().set_build_id(module_of(mapping), cut(text(mapping.build_id())));
    }
    if (message_.mapping_size() > 0) {
      const std::string& file = text(message_.mapping(0).filename());
      window_.target().executable = cut(file);
      window_.target().name = cut(std::string_view(file).substr(file.rfind('/') + 1));
    }
    std::unordered_map<std::uint64_t, int> functions;
    for (int i = 0; i < message_.function_size(); ++i) functions[message_.function(i).id()] = i;
    for (const auto& location : message_.location()) {
      profile::Frame frame;
      if (location.mapping_id() != 0) {
        const auto mapping = mappings.find(location.mapping_id());
        if (mapping == mappings.end())
          return complain("mapping " + std::to_string(location.mapping_id()) + " is unknown");
        place(frame, location, message_.mapping(mapping->second));
      } else {
        frame.offset = location.address();
      }
      name(frame, location, functions);
      if (!problem_.empty()) return;
      locations_[location.id()] = window_.tables().frame(frame);
      if (!frame.file.empty() || frame.line != 0 || !frame.inlined.empty()) {
        window_.tables().set_source(locations_[location.id()], frame.file, frame.line, frame.inlined);
      }
    }
  }

  std::string module_of(const proto::Mapping& mapping) {
    const std::string& file = text(mapping.filename());
    return file.starts_with("[kernel") ? "[kernel]" : cut(file);
  }

  void place(profile::Frame& frame, const proto::Location& location, const proto::Mapping& mapping) {
    frame.module = module_of(mapping);
    if (frame.module == "[kernel]") frame.origin = profile::FrameOrigin::kernel;
    // Unsigned, since a hostile file may name any numbers.
    frame.offset = location.address() == 0 ? 0 : location.address() - mapping.memory_start() + mapping.file_offset();
    // Without an address places are told apart by name, which takes a frame without a module.
    if (location.address() == 0) frame.module.clear();
  }

  void name(profile::Frame& frame, const proto::Location& location,
            const std::unordered_map<std::uint64_t, int>& functions) {
    constexpr int kMostCalls = 256;
    if (location.line_size() > kMostCalls) return complain("a location of more than 256 lines");
    std::vector<profile::Inlined> calls;  // innermost first
    for (const auto& line : location.line()) {
      const auto found = functions.find(line.function_id());
      if (found == functions.end()) return complain("function " + std::to_string(line.function_id()) + " is unknown");
      const auto& function = message_.function(found->second);
      const std::string& shown = text(function.name()).empty() ? text(function.system_name()) : text(function.name());
      const auto number = std::clamp<std::int64_t>(line.line(), 0, std::numeric_limits<std::uint32_t>::max());
      calls.push_back({cut(shown), cut(text(function.filename())), static_cast<std::uint32_t>(number)});
    }
    if (calls.empty()) {
      if (frame.module.empty() && frame.offset == 0) frame.name = "[unknown]";
      return;
    }
    profile::Frame named = named_frame(calls.back().name);
    if (frame.module.empty() && frame.offset == 0) {
      frame = std::move(named);
    } else {
      frame.name = calls.back().name;
    }
    frame.file = std::move(calls.back().file);
    frame.line = calls.back().line;
    calls.pop_back();
    frame.inlined.assign(calls.rbegin(), calls.rend());
  }

  std::uint64_t value(const proto::Sample& sample, int column) {
    const std::int64_t number = sample.value(column);
    if (number < 0) complain("negative values; a difference of profiles cannot be shown");
    return number < 0 ? 0 : static_cast<std::uint64_t>(number);
  }

  void take(const proto::Sample& sample) {
    if (sample.value_size() != message_.sample_type_size()) return complain("a sample without all its values");
    if (sample.location_id_size() > static_cast<int>(kMostFrames)) return complain("a stack of more than 4096 frames");
    profile::SampleRow row{.count = count_ < 0 ? 1 : value(sample, count_)};
    const std::uint64_t weight = value(sample, weight_);
    constexpr std::uint64_t kMost = std::uint64_t{1} << 62;
    if (weight > kMost / unit_.factor || total_ > kMost - weight * unit_.factor) {
      return complain("the weights add up to more than 2^62");
    }
    row.weight = weight * unit_.factor;
    total_ += row.weight;
    profile::Labels labels;
    std::string thread;
    for (const auto& label : sample.label()) {
      const std::string& key = text(label.key());
      std::string words = cut(text(label.str()));
      if (label.str() == 0 && label.num() != 0) {
        words = std::to_string(label.num());
        if (label.num_unit() != 0) words += " " + cut(text(label.num_unit()));
      }
      if (const auto reason = states_ && key == "state" ? reason_of_state(words) : std::nullopt) {
        row.reason = *reason;
      } else if (key == "thread") {
        thread = std::move(words);
      } else {
        labels.emplace_back(cut(key), std::move(words));
      }
    }
    if (row.reason != Reason::running) row.sampler = Sampler::kernel_blocked;
    profile::Stack frames;
    for (auto id = sample.location_id().rbegin(); id != sample.location_id().rend(); ++id) {
      const auto location = locations_.find(*id);
      if (location == locations_.end()) return complain("location " + std::to_string(*id) + " is unknown");
      frames.push_back(location->second);
    }
    // Where the root says which thread it is, as fanlight writes it, the view will say so again.
    if (!frames.empty() && !thread.empty()) {
      const profile::Frame& root = window_.tables().frames()[frames.front()];
      if (root.module.empty() && root.offset == 0 && root.name == thread) frames.erase(frames.begin());
    }
    if (thread.empty()) thread = window_.target().name;
    const auto [life, added] = threads_.try_emplace(thread, 0);
    if (added) life->second = window_.tables().thread_born(static_cast<pid_t>(threads_.size()), thread);
    row.thread = life->second;
    row.stack = window_.tables().stack(frames);
    row.labels = window_.tables().labels(std::move(labels));
    slice_.samples.push_back(row);
  }

  const proto::Profile& message_;
  profile::Window window_ = foreign_window("pprof profile", "samples");
  profile::Slice slice_;
  std::string problem_;
  int weight_ = 0;
  int count_ = -1;
  bool states_ = false;
  Unit unit_;
  std::unordered_map<std::uint64_t, profile::FrameId> locations_;
  std::map<std::string, profile::ThreadId> threads_;
  std::uint64_t total_ = 0;
};

}  // namespace

Result<Imported> read_pprof(std::string_view bytes) {
  std::string unpacked;
  if (bytes.starts_with("\x1f\x8b")) {
    auto inner = gunzip(bytes, kMostUnpacked);
    if (!inner) return within("pprof", inner.error());
    unpacked = std::move(*inner);
    bytes = unpacked;
  }
  if (bytes.size() > kMostUnpacked) return fail(0, "pprof: more than 1 GiB");
  proto::Profile message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return fail(0, "pprof: not a profile message", kHint);
  }
  return Reader(message).read();
}

}  // namespace fanlight::formats
