#include <charconv>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "collector/formats/foreign.hpp"
#include "collector/formats/import.hpp"

namespace fanlight::formats {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;

/// "comm  pid/tid [cpu] 12.345678: period event:"
struct Head {
  std::string comm;
  pid_t tid = 0;
  std::uint64_t time_ns = 0;
  std::optional<std::uint64_t> period;
  bool clock = false;  // the period is nanoseconds
};

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t' || text.back() == '\r')) text.remove_suffix(1);
  return text;
}

/// Takes the last word off `text`.
std::string_view last_word(std::string_view& text) {
  text = trimmed(text);
  const std::size_t space = text.find_last_of(" \t");
  const std::string_view word = space == std::string_view::npos ? text : text.substr(space + 1);
  text = trimmed(text.substr(0, text.size() - word.size()));
  return word;
}

template <class Number>
bool whole_number(std::string_view text, Number& into, int base = 10) {
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), into, base);
  return ec == std::errc{} && end == text.data() + text.size() && !text.empty();
}

/// "12.345678" with up to nine places.
bool time_from(std::string_view text, std::uint64_t& into) {
  const std::size_t dot = text.find('.');
  if (dot == std::string_view::npos) return false;
  std::uint64_t seconds = 0;
  if (!whole_number(text.substr(0, dot), seconds) || seconds > 10'000'000'000) return false;
  std::string places(text.substr(dot + 1, 9));
  places.resize(9, '0');
  std::uint64_t rest = 0;
  if (!whole_number(std::string_view(places), rest)) return false;
  into = seconds * kSecond + rest;
  return true;
}

/// Empty when the line is no head. The time is looked for from the left: a word of digits, a dot, digits and a colon.
std::optional<Head> head_of(std::string_view line) {
  if (line.empty() || line.front() == ' ' || line.front() == '\t') {
    // Short names are padded on the left, so a head may begin with spaces; a frame begins with an address.
    std::string_view word = trimmed(line);
    word = word.substr(0, word.find_first_of(" \t"));
    std::uint64_t address = 0;
    if (whole_number(word, address, 16) && trimmed(line).back() != ':') {
      return std::nullopt;
    }
  }
  Head head;
  std::size_t colon = 0;
  while ((colon = line.find(": ", colon)) != std::string_view::npos) {
    std::string_view before = line.substr(0, colon);
    if (time_from(last_word(before), head.time_ns)) {
      std::string_view words = before;
      std::string_view id = last_word(words);
      if (id.size() > 2 && id.front() == '[' && id.back() == ']') id = last_word(words);
      if (const std::size_t slash = id.find('/'); slash != std::string_view::npos) id = id.substr(slash + 1);
      if (!whole_number(id, head.tid) || words.empty()) return std::nullopt;
      head.comm = cut(words);
      break;
    }
    colon += 2;
  }
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view event = trimmed(line.substr(colon + 2));
  const std::size_t space = event.find_first_of(" \t");
  std::uint64_t period = 0;
  if (space != std::string_view::npos && whole_number(event.substr(0, space), period)) {
    head.period = period;
    event = trimmed(event.substr(space));
  }
  head.clock = event.starts_with("cpu-clock") || event.starts_with("task-clock");
  return head;
}

/// "ffffffff8100 symbol+0x12 (module)"; empty when the line is no frame.
std::optional<profile::Frame> frame_of(std::string_view line) {
  line = trimmed(line);
  const std::size_t space = line.find_first_of(" \t");
  if (space == std::string_view::npos) return std::nullopt;
  profile::Frame frame;
  if (!whole_number(line.substr(0, space), frame.offset, 16)) return std::nullopt;
  std::string_view rest = trimmed(line.substr(space));
  std::string_view module;
  // The module is the last pair of parentheses; names of functions have some, too.
  if (const std::size_t open = rest.rfind(" ("); open != std::string_view::npos && rest.back() == ')') {
    module = rest.substr(open + 2, rest.size() - open - 3);
    rest = rest.substr(0, open);
  } else if (rest.size() > 1 && rest.front() == '(' && rest.back() == ')') {
    module = rest.substr(1, rest.size() - 2);
    rest = {};
  }
  if (const std::size_t plus = rest.rfind("+0x"); plus != std::string_view::npos) rest = rest.substr(0, plus);
  rest = trimmed(rest);
  const bool kernel = module.starts_with("[kernel") || module.starts_with("[guest.kernel") ||
                      (frame.offset >> 63) != 0 || (module.starts_with("[") && module.find(".ko") != module.npos);
  frame.origin = kernel ? profile::FrameOrigin::kernel : profile::FrameOrigin::user;
  frame.module = kernel && module.starts_with("[kernel") ? "[kernel]" : cut(module);
  frame.name = rest == "[unknown]" || rest.empty() ? "[unknown]" : cut(rest);
  return frame;
}

struct Sample {
  Head head;
  profile::ThreadId thread = 0;
  profile::StackId stack = 0;
};

class Reader {
 public:
  Result<> line(std::string_view line, std::size_t number) {
    if (trimmed(line).empty()) {
      settle();
      return {};
    }
    if (line.front() == '#') return {};
    if (open_) {
      if (auto frame = frame_of(line)) {
        if (frames_.size() >= kMostFrames) return refuse(number, "a stack of more than 4096 frames");
        frames_.push_back(window_.tables().frame(*frame));
        return {};
      }
    }
    auto head = head_of(line);
    if (!head) return refuse(number, "neither an event nor a frame of one");
    settle();
    open_ = std::move(head);
    return {};
  }

  Result<Imported> finish() {
    settle();
    bool times = !samples_.empty();
    for (const Sample& sample : samples_) times = times && sample.head.clock && sample.head.period.value_or(0) > 0;
    if (times) window_.target().weight_unit = "nanoseconds";
    // perf prints in order of time, but not always; slices are in order.
    std::map<std::uint64_t, profile::Slice> seconds;
    using Key = std::tuple<std::uint64_t, profile::ThreadId, profile::StackId>;
    std::map<Key, std::size_t> place;
    std::uint64_t total = 0;
    for (const Sample& sample : samples_) {
      const std::uint64_t second = sample.head.time_ns / kSecond;
      profile::Slice& slice = seconds[second];
      const std::uint64_t weight = times ? *sample.head.period : 1;
      constexpr std::uint64_t kMost = std::uint64_t{1} << 62;
      if (weight > kMost || total > kMost - weight) return fail(0, "the periods add up to more than 2^62");
      total += weight;
      const auto [found, added] = place.emplace(Key{second, sample.thread, sample.stack}, slice.samples.size());
      if (added) {
        slice.samples.push_back({.thread = sample.thread, .stack = sample.stack, .time_ns = sample.head.time_ns});
      }
      slice.samples[found->second].weight += weight;
      ++slice.samples[found->second].count;
      if (slice.from_ns == 0 || sample.head.time_ns < slice.from_ns) slice.from_ns = sample.head.time_ns;
      slice.to_ns = std::max(slice.to_ns, sample.head.time_ns + 1);
    }
    for (auto& [second, slice] : seconds) window_.append(std::move(slice));
    return Imported{std::move(window_), "perf script", profile::View::on_cpu};
  }

 private:
  static std::unexpected<Error> refuse(std::size_t number, const std::string& what) {
    return fail(0, "line " + std::to_string(number) + ": " + what, "give the text that `perf script` prints");
  }

  void settle() {
    if (!open_) return;
    profile::Tables& tables = window_.tables();
    const auto [thread, added] = threads_.try_emplace({open_->tid, open_->comm}, 0);
    if (added) thread->second = tables.thread_born(open_->tid, open_->comm);
    const profile::Stack stack(frames_.rbegin(), frames_.rend());
    frames_.clear();
    samples_.push_back({std::move(*open_), thread->second, tables.stack(stack)});
    samples_.back().head.comm.clear();
    open_.reset();
  }

  profile::Window window_ = foreign_window("perf script", "samples");
  std::optional<Head> open_;
  profile::Stack frames_;  // leaf first
  std::vector<Sample> samples_;
  std::map<std::pair<pid_t, std::string>, profile::ThreadId> threads_;
};

}  // namespace

Result<Imported> read_perf_script(std::string_view text) {
  Reader reader;
  std::size_t number = 0;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    if (auto done = reader.line(line, ++number); !done) return std::unexpected(done.error());
  }
  return reader.finish();
}

}  // namespace fanlight::formats
