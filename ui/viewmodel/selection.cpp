#include "ui/viewmodel/selection.hpp"

#include <algorithm>
#include <utility>

#include "ui/viewmodel/flame_layout.hpp"

namespace fanlight::ui {

std::string_view name_of(Colouring colouring) {
  constexpr std::array<std::string_view, 4> kNames{"module", "state", "label", "change"};
  return kNames[static_cast<std::size_t>(colouring)];
}

void toggle(std::vector<std::string>& list, const std::string& value) {
  const auto found = std::find(list.begin(), list.end(), value);
  if (found == list.end())
    list.push_back(value);
  else
    list.erase(found);
}

std::vector<Crumb> crumbs(const Chosen& chosen, const std::string& range_words) {
  std::vector<Crumb> list;
  using What = Crumb::What;
  if (!range_words.empty()) list.push_back({What::range, "", range_words});
  for (const std::string& name : chosen.threads) list.push_back({What::thread, name, name});
  for (const std::string& label : chosen.labels) list.push_back({What::label, label, label});
  for (const std::string& name : chosen.focus) list.push_back({What::focus, name, "only " + short_name(name)});
  for (const std::string& name : chosen.drop) list.push_back({What::drop, name, "without " + short_name(name)});
  for (const std::string& name : chosen.merge) list.push_back({What::merge, name, "through " + short_name(name)});
  if (!chosen.sandwich.empty())
    list.push_back({What::sandwich, chosen.sandwich, "around " + short_name(chosen.sandwich)});
  if (chosen.invert) list.push_back({What::invert, "", "inverted"});
  return list;
}

void remove(Chosen& chosen, const Crumb& crumb, const Range& everything) {
  const auto out_of = [&](std::vector<std::string>& list) { std::erase(list, crumb.value); };
  switch (crumb.what) {
    case Crumb::What::range: chosen.range = everything; break;
    case Crumb::What::thread: out_of(chosen.threads); break;
    case Crumb::What::label: out_of(chosen.labels); break;
    case Crumb::What::focus: out_of(chosen.focus); break;
    case Crumb::What::drop: out_of(chosen.drop); break;
    case Crumb::What::merge: out_of(chosen.merge); break;
    case Crumb::What::sandwich: chosen.sandwich.clear(); break;
    case Crumb::What::invert: chosen.invert = false; break;
  }
}

std::string literal_pattern(std::string_view text) {
  std::string pattern;
  for (const char c : text) {
    if (std::string_view("\\^$.|?*+()[]{}").find(c) != std::string_view::npos) pattern += '\\';
    pattern += c;
  }
  return pattern;
}

profile::Selection profile_selection(const Chosen& chosen) {
  profile::Selection selection;
  for (const std::string& name : chosen.threads)
    selection.thread += (selection.thread.empty() ? "^(" : "|") + literal_pattern(name);
  if (!selection.thread.empty()) selection.thread += ")$";
  for (const std::string& label : chosen.labels) {
    const std::size_t equals = label.find('=');
    if (equals == std::string::npos) continue;
    selection.labels.push_back(label.substr(0, equals + 1) + "^" + literal_pattern(label.substr(equals + 1)) + "$");
  }
  return selection;
}

void History::note(const Chosen& now, bool settled) {
  if (!begun_) {
    begun_ = true;
    now_ = now;
    return;
  }
  if (!settled || now == now_) return;
  past_.push_back(std::exchange(now_, now));
  if (past_.size() > kMost) past_.erase(past_.begin());
  future_.clear();
}

Chosen History::undo() {
  if (past_.empty()) return now_;
  future_.push_back(std::exchange(now_, past_.back()));
  past_.pop_back();
  return now_;
}

Chosen History::redo() {
  if (future_.empty()) return now_;
  past_.push_back(std::exchange(now_, future_.back()));
  future_.pop_back();
  return now_;
}

}  // namespace fanlight::ui
