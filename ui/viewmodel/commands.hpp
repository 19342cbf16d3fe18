// The command palette. In: what can be done, what was typed. Out: the commands that match, best first.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace fanlight::ui {

struct Command {
  std::string id;     // "view wall", "page Timeline", "undo"
  std::string words;  // what it does, as people say it
  std::string key;    // the key that does the same; empty: none
  bool operator==(const Command&) const = default;
};

/// All of them, in the order of the key sheet. `pages`, `label_keys`: those there are now.
std::vector<Command> all_commands(std::span<const std::string> pages, std::span<const std::string> label_keys);

/// How well `typed` fits: its letters in order, in either case; higher is better, 0 is not at all. Letters that begin
/// words and letters side by side count more.
int match_score(std::string_view words, std::string_view typed);

/// Indices of those that match, best first, ties in their own order. Nothing typed: all.
std::vector<std::size_t> matching(const std::vector<Command>& commands, std::string_view typed);

}  // namespace fanlight::ui
