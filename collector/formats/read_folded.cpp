#include <charconv>
#include <map>
#include <string>
#include <utility>

#include "collector/formats/foreign.hpp"
#include "collector/formats/import.hpp"

namespace fanlight::formats {
namespace {

constexpr const char* kHint = "each line is root;caller;leaf, a space and a whole number";

std::unexpected<Error> at_line(std::size_t number, const std::string& what) {
  return fail(0, "line " + std::to_string(number) + ": " + what, kHint);
}

std::string_view next_part(std::string_view& rest) {
  const std::size_t end = rest.find(';');
  const std::string_view part = rest.substr(0, end);
  rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  return part;
}

class Reader {
 public:
  Result<> line(std::string_view text, std::size_t number) {
    const std::size_t space = text.rfind(' ');
    if (space == std::string_view::npos) return at_line(number, "no weight at its end");
    std::uint64_t weight = 0;
    const std::string_view digits = text.substr(space + 1);
    const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), weight);
    if (ec != std::errc{} || end != digits.data() + digits.size() || digits.empty()) {
      return at_line(number, "'" + cut(digits.substr(0, 40)) + "' is not a weight");
    }
    constexpr std::uint64_t kMost = std::uint64_t{1} << 62;
    if (weight > kMost || total_ > kMost - weight) return at_line(number, "the weights add up to more than 2^62");
    total_ += weight;
    return stack(text.substr(0, space), weight, number);
  }

  Imported finish() {
    slice_.to_ns = 1;
    // Every state's exact total is the sum of its lines; without states nothing is known to be exact.
    window_.append(std::move(slice_));
    return {std::move(window_), "folded", states_ ? profile::View::wall : profile::View::on_cpu};
  }
  /// Weights of a file that tells states are times, since fanlight wrote it.
  bool states() const { return states_; }
  bool empty() const { return total_ == 0 && slice_.samples.empty(); }

 private:
  Result<> stack(std::string_view rest, std::uint64_t weight, std::size_t number) {
    profile::SampleRow row{.weight = weight, .count = 1};
    std::string_view part = next_part(rest);
    if (const auto reason = reason_of_state(part); reason && !rest.empty()) {
      row.reason = *reason;
      row.sampler = *reason == Reason::running ? Sampler::kernel_cpu : Sampler::kernel_blocked;
      states_ = true;
      part = next_part(rest);
    }
    const auto [thread, added] = threads_.try_emplace(cut(part), 0);
    profile::Tables& tables = window_.tables();
    if (added) thread->second = tables.thread_born(static_cast<pid_t>(threads_.size()), thread->first);
    row.thread = thread->second;
    profile::Stack frames;
    while (!rest.empty()) {
      if (frames.size() == kMostFrames) return at_line(number, "a stack of more than 4096 frames");
      frames.push_back(tables.frame(named_frame(next_part(rest))));
    }
    row.stack = tables.stack(frames);
    slice_.samples.push_back(row);
    return {};
  }

  profile::Window window_ = foreign_window("folded stacks", "samples");
  profile::Slice slice_;
  std::map<std::string, profile::ThreadId> threads_;
  std::uint64_t total_ = 0;
  bool states_ = false;
};

}  // namespace

Result<Imported> read_folded(std::string_view text) {
  Reader reader;
  std::size_t number = 0;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    ++number;
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.empty() || line.front() == '#') continue;
    if (auto done = reader.line(line, number); !done) return std::unexpected(done.error());
  }
  if (reader.empty()) return fail(0, "no stacks in it");
  Imported imported = reader.finish();
  if (reader.states()) imported.window.target().weight_unit = "nanoseconds";
  return imported;
}

}  // namespace fanlight::formats
