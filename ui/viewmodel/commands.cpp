#include "ui/viewmodel/commands.hpp"

#include <algorithm>
#include <cctype>

#include "collector/profile/view.hpp"

namespace fanlight::ui {
namespace {

std::string_view words_of(profile::View view) {
  switch (view) {
    case profile::View::on_cpu: return "on-CPU";
    case profile::View::off_cpu: return "off-CPU";
    case profile::View::runnable: return "runnable";
    case profile::View::wall: return "wall time";
    case profile::View::socket: return "socket writes, by bytes";
    case profile::View::map: return "map operations";
    case profile::View::inprocess: return "the target's own samples";
    case profile::View::waker: return "wakers";
    case profile::View::faults: return "page faults";
  }
  return "";
}

}  // namespace

std::vector<Command> all_commands(std::span<const std::string> pages, std::span<const std::string> label_keys) {
  std::vector<Command> list{
      {"freeze", "Freeze what is shown, or follow again", "Space"},
      {"undo", "Undo the last choice", "Ctrl+Z, Backspace"},
      {"redo", "Make it again", "Ctrl+Y"},
      {"everything", "Look at everything again: no filters, the newest time", "Home"},
      {"why", "Why was it slow here? The report's sentences, and what changed", "w"},
      {"search", "Search for a function, and say what share matched", "/"},
      {"back", "End the search, then one step of the zoom back", "Esc"},
  };
  for (std::size_t i = 0; i < pages.size(); ++i) {
    // The tenth has the key 0; those after it have none.
    const std::string key = i < 10 ? "Alt+" + std::to_string((i + 1) % 10) : "";
    list.push_back({"page " + pages[i], "Page: " + pages[i], key});
  }
  list.push_back({"page-next", "Next page", "Ctrl+Right"});
  list.push_back({"page-previous", "Page before", "Ctrl+Left"});
  list.push_back({"target-next", "Next target", "Ctrl+Tab"});
  for (std::size_t i = 0; i < profile::kViews.size(); ++i)
    list.push_back({"view " + std::string(profile::name_of(profile::kViews[i])),
                    "Flame graph: " + std::string(words_of(profile::kViews[i])), std::to_string(i + 1)});
  for (const auto& [id, words, key] :
       {Command{"idle", "Flame graph: show or hide idle waiting", "i"},
        Command{"invert", "Flame graph: invert, leaf first", "v"},
        Command{"sandwich", "Flame graph: sandwich the function under the pointer, or end it", "s"},
        Command{"focus", "Flame graph: only stacks with the function under the pointer", "f"},
        Command{"drop", "Flame graph: no stacks with the function under the pointer", "d"},
        Command{"merge", "Flame graph: merge the function under the pointer into its callers", "m"},
        Command{"copy", "Flame graph: copy the stack under the pointer", "c"},
        Command{"colour module", "Colour by module", ""}, Command{"colour state", "Colour by state", ""},
        Command{"colour change", "Colour by change against the time before", "Shift+C"}})
    list.push_back({id, words, key});
  for (const std::string& key : label_keys) list.push_back({"colour label " + key, "Colour by label " + key, ""});
  for (const auto& [id, words, key] :
       {Command{"last 5", "Look at the last 5 s", ""},
        Command{"last 10", "Look at the last 10 s", ""},
        Command{"last 30", "Look at the last 30 s", ""},
        Command{"last 120", "Look at the last 2 min", ""},
        Command{"all", "Look at all that is kept", ""},
        Command{"zoom-in", "Timeline: zoom in", "+"},
        Command{"zoom-out", "Timeline: zoom out", "-"},
        Command{"earlier", "Timeline: earlier", "Left"},
        Command{"later", "Timeline: later", "Right"},
        Command{"enlarge", "Enlarge the panel under the pointer, or put it back", "z"},
        Command{"panel-png", "Export the panel under the pointer as a picture", "p"},
        Command{"panel-csv", "Export the panel under the pointer as CSV", "e"},
        Command{"export folded", "Export the view as folded stacks", ""},
        Command{"export pprof", "Export the view as pprof", ""},
        Command{"snapshot", "Save a snapshot of this time", "Ctrl+S"},
        Command{"theme dark", "Colours: dark", ""},
        Command{"theme light", "Colours: light", ""},
        Command{"theme contrast", "Colours: high contrast", ""},
        Command{"colour-blind", "Colours that remain apart for colour-blind eyes, with patterns", ""},
        Command{"scale-up", "Larger text", "Ctrl++"},
        Command{"scale-down", "Smaller text", "Ctrl+-"},
        Command{"layout-reset", "Put all panels back where they were at first", ""},
        Command{"palette", "This list of commands", "Ctrl+K"},
        Command{"help", "The sheet of keys", "?"}})
    list.push_back({id, words, key});
  return list;
}

int match_score(std::string_view words, std::string_view typed) {
  if (typed.empty()) return 1;
  int score = 0;
  std::size_t at = 0;
  bool together = false;
  for (const char wanted : typed) {
    if (wanted == ' ') {
      together = false;
      continue;
    }
    const auto lower = [](char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); };
    // A letter that begins a word is worth looking further for, unless the next one fits right here.
    std::size_t found = std::string_view::npos, begins = std::string_view::npos;
    for (std::size_t i = at; i < words.size(); ++i) {
      if (lower(words[i]) != lower(wanted)) continue;
      if (found == std::string_view::npos) found = i;
      if (i == 0 || !std::isalnum(static_cast<unsigned char>(words[i - 1]))) {
        begins = i;
        break;
      }
    }
    if (found == std::string_view::npos) return 0;
    const bool adjacent = together && found == at;
    if (!adjacent && begins != std::string_view::npos) found = begins;
    score += adjacent ? 4 : found == begins ? 3 : 1;
    at = found + 1;
    together = true;
  }
  return score;
}

std::vector<std::size_t> matching(const std::vector<Command>& commands, std::string_view typed) {
  std::vector<std::pair<int, std::size_t>> scored;
  for (std::size_t i = 0; i < commands.size(); ++i)
    if (const int score = match_score(commands[i].words, typed); score > 0) scored.emplace_back(score, i);
  std::stable_sort(scored.begin(), scored.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  std::vector<std::size_t> indices;
  for (const auto& [score, index] : scored) indices.push_back(index);
  return indices;
}

}  // namespace fanlight::ui
