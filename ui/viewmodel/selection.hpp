// What a person chose to look at. In: clicks and keys. Out: what the panels and the composer go by, step by step back.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "collector/profile/select.hpp"
#include "collector/profile/view.hpp"
#include "ui/model/range.hpp"

namespace fanlight::ui {

/// What a box of the flame graph is coloured by.
enum class Colouring : std::uint8_t { module, state, label, change };
inline constexpr std::array<Colouring, 4> kColourings{Colouring::module, Colouring::state, Colouring::label,
                                                      Colouring::change};
std::string_view name_of(Colouring colouring);

/// One thing that was chosen: it filters every panel. Undone as a whole.
struct Chosen {
  profile::View view = profile::View::on_cpu;
  bool idle = false;  // show stacks that wait in epoll, poll or select
  Range range;
  std::vector<std::string> threads;  // names; a thread must have one of them; empty: all
  std::vector<std::string> labels;   // "key=value"; samples must have each of them
  std::vector<std::string> focus;    // functions; stacks must have each of them
  std::vector<std::string> drop;     // functions; stacks must have none of them
  std::vector<std::string> merge;    // functions that are left out of stacks: their callees hang from their callers
  std::string sandwich;              // a function: its callers above it, its callees below; empty: the plain graph
  bool invert = false;               // leaf first
  std::vector<std::string> zoom;     // names from below the root: holds over new data and other views
  bool operator==(const Chosen&) const = default;
};

struct Selection : Chosen {
  std::string search;
  Colouring colouring = Colouring::module;
  std::string label_key;  // Colouring::label: by the value of this key
  bool frozen = false;    // what is shown stays; data keep coming
  bool help = false;
};

/// Turns one step of the zoom back; false when there was none.
inline bool zoom_out(Selection& selection) {
  if (selection.zoom.empty()) return false;
  selection.zoom.pop_back();
  return true;
}

/// Adds `value` to one of the lists, or takes it out where it is there.
void toggle(std::vector<std::string>& list, const std::string& value);

/// What stands in the way of seeing everything, in words, and how to take just that away.
struct Crumb {
  enum class What : std::uint8_t { range, thread, label, focus, drop, merge, sandwich, invert } what;
  std::string value;
  std::string words;  // "worker-1", "only send", "without malloc"
};
/// `begin_ns`: what times are told from; `range_words`: the range's own, empty where it is not chosen.
std::vector<Crumb> crumbs(const Chosen& chosen, const std::string& range_words);
void remove(Chosen& chosen, const Crumb& crumb, const Range& everything);

/// What the collector's own selection needs; names are taken literally.
profile::Selection profile_selection(const Chosen& chosen);
/// `text` as a regular expression that matches just it.
std::string literal_pattern(std::string_view text);

/// Steps that can be taken back and made again. The zoom belongs to them: it is what people want back most.
class History {
 public:
  /// What is chosen now; a change is a step. `settled` false: a drag is under way, wait.
  void note(const Chosen& now, bool settled);
  bool can_undo() const { return !past_.empty(); }
  bool can_redo() const { return !future_.empty(); }
  /// The state before, to be chosen now.
  Chosen undo();
  Chosen redo();

 private:
  static constexpr std::size_t kMost = 200;
  std::vector<Chosen> past_, future_;
  Chosen now_;
  bool begun_ = false;
};

}  // namespace fanlight::ui
