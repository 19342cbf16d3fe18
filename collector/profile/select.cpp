#include "collector/profile/select.hpp"

#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <tuple>
#include <unordered_map>
#include <utility>

namespace fanlight::profile {
namespace {

std::unique_ptr<RE2> pattern(const std::string& text) {
  RE2::Options options(RE2::Quiet);
  options.set_encoding(RE2::Options::EncodingLatin1);  // names are bytes, which need not be UTF-8
  return std::make_unique<RE2>(text, options);
}

Result<std::unique_ptr<RE2>> checked(const char* option, const std::string& text) {
  if (text.empty()) return nullptr;
  auto compiled = pattern(text);
  if (compiled->ok()) return compiled;
  return fail(0, std::string(option) + ": '" + text + "' is not a pattern: " + compiled->error(),
              "quote it for the shell, and write a backslash before . * + ? ( ) [ where they stand for themselves");
}

std::string file_name(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

std::string percent(double share) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%g", share * 100);
  return text.data();
}

/// Finds markers of a result by name, and adds those that are missing.
class Markers {
 public:
  explicit Markers(WeightedStacks& stacks) : stacks_(stacks) {
    for (FrameId id = 0; id < stacks.frames.size(); ++id) {
      if (stacks.frames[id].origin == FrameOrigin::marker) known_.emplace(stacks.frames[id].name, id);
    }
  }
  FrameId operator()(const std::string& name) {
    const auto [found, added] = known_.emplace(name, static_cast<FrameId>(stacks_.frames.size()));
    if (added) stacks_.frames.push_back({.origin = FrameOrigin::marker, .name = name});
    return found->second;
  }

 private:
  WeightedStacks& stacks_;
  std::map<std::string, FrameId> known_;
};

/// Behind the markers at a stack's root, which are its state and its thread, before its first function.
void put_spans(WeightedStacks& stacks, Markers& marker) {
  for (WeightedStack& stack : stacks.stacks) {
    std::vector<FrameId> spans;
    for (const auto& [key, value] : stacks.labels.at(stack.labels)) {
      if (key != kSpanKey) continue;
      for (std::size_t begin = 0; begin <= value.size();) {
        const std::size_t end = std::min(value.find(kSpanSeparator, begin), value.size());
        spans.push_back(marker("span " + value.substr(begin, end - begin)));
        begin = end + std::string_view(kSpanSeparator).size();
      }
    }
    const auto first = std::find_if(stack.frames.begin(), stack.frames.end(), [&](FrameId id) {
      return stacks.frames[id].origin != FrameOrigin::marker || stacks.frames[id].name == "[unsampled]";
    });
    stack.frames.insert(first, spans.begin(), spans.end());
  }
}

}  // namespace

struct Selector::State {
  Selection wanted;
  std::unique_ptr<RE2> thread;
  std::vector<std::pair<std::string, std::unique_ptr<RE2>>> labels;
  std::unique_ptr<RE2> focus;
  std::unique_ptr<RE2> ignore;

  bool labels_match(const Labels& set) const {
    return std::all_of(labels.begin(), labels.end(), [&](const auto& wish) {
      return std::any_of(set.begin(), set.end(), [&](const auto& label) {
        return label.first == wish.first && RE2::PartialMatch(label.second, *wish.second);
      });
    });
  }
  static bool function_matches(const Frame& frame, const RE2& wish) {
    return RE2::PartialMatch(frame.name, wish) ||
           std::any_of(frame.inlined.begin(), frame.inlined.end(),
                       [&](const Inlined& call) { return RE2::PartialMatch(call.name, wish); });
  }
  /// By frame, so that a name is looked at once however many stacks it is in.
  static std::vector<bool> matches(const WeightedStacks& stacks, const RE2* wish) {
    std::vector<bool> hit(stacks.frames.size());
    for (std::size_t i = 0; wish != nullptr && i < hit.size(); ++i) hit[i] = function_matches(stacks.frames[i], *wish);
    return hit;
  }
  void leave_out(WeightedStacks& stacks) const {
    const std::vector<bool> focused = matches(stacks, focus.get());
    const std::vector<bool> ignored = matches(stacks, ignore.get());
    std::vector<bool> labelled(stacks.labels.size());
    for (std::size_t i = 0; i < labelled.size(); ++i) labelled[i] = labels_match(stacks.labels[i]);
    std::erase_if(stacks.stacks, [&](const WeightedStack& stack) {
      const auto any = [&](const std::vector<bool>& hit) {
        return std::any_of(stack.frames.begin(), stack.frames.end(), [&](FrameId id) { return hit[id]; });
      };
      return (focus && !any(focused)) || (ignore && any(ignored)) || !labelled.at(stack.labels);
    });
  }
  std::string group_of(const WeightedStacks& stacks, const WeightedStack& stack) const {
    if (wanted.group_by == "module") {
      for (auto frame = stack.frames.rbegin(); frame != stack.frames.rend(); ++frame) {
        const Frame& leaf = stacks.frames[*frame];
        if (leaf.origin == FrameOrigin::marker) break;
        if (!leaf.module.empty()) return file_name(leaf.module);
      }
      return "[no module]";
    }
    std::string text;
    for (const auto& [key, value] : stacks.labels.at(stack.labels)) {
      if (wanted.group_by == "label") {
        text += (text.empty() ? "" : ", ") + key + "=" + value;
      } else if (wanted.group_by == "label:" + key) {
        text = key + "=" + value;
      }
    }
    return text.empty() ? "[no label]" : text;
  }
};

Selector::Selector(std::unique_ptr<State> state) : state_(std::move(state)) {}
Selector::Selector(Selector&&) noexcept = default;
Selector& Selector::operator=(Selector&&) noexcept = default;
Selector::~Selector() = default;

Result<Selector> Selector::make(const Selection& selection) {
  auto state = std::make_unique<State>();
  state->wanted = selection;
  struct Option {
    const char* name;
    const std::string& text;
    std::unique_ptr<RE2>& into;
  };
  for (const Option& option :
       {Option{"--thread", selection.thread, state->thread}, Option{"--focus", selection.focus, state->focus},
        Option{"--ignore", selection.ignore, state->ignore}}) {
    auto compiled = checked(option.name, option.text);
    if (!compiled) return std::unexpected(compiled.error());
    option.into = std::move(*compiled);
  }
  for (const std::string& wish : selection.labels) {
    const std::size_t equals = wish.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == wish.size()) {
      return fail(0, "--label: '" + wish + "' is not KEY=PATTERN", "write it like --label topic=news");
    }
    auto compiled = checked("--label", wish.substr(equals + 1));
    if (!compiled) return std::unexpected(compiled.error());
    state->labels.emplace_back(wish.substr(0, equals), std::move(*compiled));
  }
  const std::string& group = selection.group_by;
  if (!group.empty() && group != "thread" && group != "module" && group != "label" && !group.starts_with("label:")) {
    return fail(0, "--group-by: '" + group + "' is none of: thread module label label:KEY");
  }
  if (!(selection.min_share >= 0 && selection.min_share <= 1)) {
    return fail(0, "--min-percent: a number from 0 to 100");
  }
  return Selector(std::move(state));
}

bool Selector::narrows() const {
  return state_->thread != nullptr || !state_->labels.empty() || state_->focus != nullptr || state_->ignore != nullptr;
}

void Selector::keep_threads(Profile& profile) const {
  if (!state_->thread) return;
  std::vector<bool> kept(profile.threads.size());
  for (std::size_t i = 0; i < kept.size(); ++i) {
    Thread& thread = profile.threads[i];
    kept[i] =
        RE2::PartialMatch(thread.name, *state_->thread) || std::to_string(thread.tid) == state_->thread->pattern();
    if (kept[i]) continue;
    thread.ns = {};
    thread.socket = {};
    thread.run_queue_ns = {};
  }
  std::erase_if(profile.samples, [&](const SampleRow& row) { return !kept.at(row.thread); });
  std::erase_if(profile.label_times, [&](const LabelTime& row) { return !kept.at(row.thread); });
}

WeightedStacks Selector::view(const Profile& profile, View view, bool by_labels) const {
  const bool needs_labels =
      by_labels || !state_->labels.empty() || state_->wanted.spans || state_->wanted.group_by.starts_with("label");
  if (!state_->thread) return apply(profile::view(profile, view, needs_labels), by_labels);
  Profile kept = profile;
  keep_threads(kept);
  return apply(profile::view(kept, view, needs_labels), by_labels);
}

WeightedStacks Selector::apply(WeightedStacks stacks, bool by_labels) const {
  const Selection& wanted = state_->wanted;
  const std::uint64_t whole = stacks.total();
  if (state_->focus || state_->ignore || !state_->labels.empty()) state_->leave_out(stacks);
  Markers marker(stacks);
  if (wanted.spans) put_spans(stacks, marker);
  if (!wanted.group_by.empty() && wanted.group_by != "thread") {
    for (WeightedStack& stack : stacks.stacks) {
      stack.frames.insert(stack.frames.begin(), marker(state_->group_of(stacks, stack)));
    }
    stacks.state_roots = false;
  }
  if (wanted.invert) {
    for (WeightedStack& stack : stacks.stacks) std::reverse(stack.frames.begin(), stack.frames.end());
    stacks.state_roots = false;
  }
  if (!by_labels && stacks.labels.size() > 1) {
    for (WeightedStack& stack : stacks.stacks) stack.labels = 0;
    stacks.labels.resize(1);
  }
  join_alike(stacks);
  if (wanted.min_share > 0) {
    const double least = static_cast<double>(whole) * wanted.min_share;
    const FrameId below = marker("[below " + percent(wanted.min_share) + " %]");
    for (WeightedStack& stack : stacks.stacks) {
      if (static_cast<double>(stack.weight) >= least) continue;
      // The state stays, since formats tell it apart.
      stack.frames.resize(stacks.state_roots ? 1 : 0);
      stack.frames.push_back(below);
      stack.labels = 0;
    }
    join_alike(stacks);
  }
  return stacks;
}

void join_alike(WeightedStacks& stacks) {
  std::unordered_multimap<std::uint64_t, std::size_t> known;
  known.reserve(stacks.stacks.size());
  std::size_t kept = 0;
  for (std::size_t i = 0; i < stacks.stacks.size(); ++i) {
    WeightedStack& stack = stacks.stacks[i];
    std::uint64_t hash = 0xcbf29ce484222325 ^ stack.labels;
    for (const FrameId frame : stack.frames) hash = (hash ^ frame) * 0x100000001b3;
    const auto [first, last] = known.equal_range(hash);
    const auto alike = std::find_if(first, last, [&](const auto& entry) {
      const WeightedStack& other = stacks.stacks[entry.second];
      return other.labels == stack.labels && other.frames == stack.frames;
    });
    if (alike != last) {
      stacks.stacks[alike->second].weight += stack.weight;
      stacks.stacks[alike->second].count += stack.count;
      stacks.stacks[alike->second].variance += stack.variance;
      continue;
    }
    known.emplace(hash, kept);
    if (kept != i) stacks.stacks[kept] = std::move(stack);
    ++kept;
  }
  stacks.stacks.resize(kept);
  std::sort(stacks.stacks.begin(), stacks.stacks.end(), [](const WeightedStack& a, const WeightedStack& b) {
    return std::tie(b.weight, a.frames, a.labels) < std::tie(a.weight, b.frames, b.labels);
  });
}

}  // namespace fanlight::profile
