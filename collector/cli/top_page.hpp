// What `fanlight top` shows. In: a profile and what the user chose. Out: lines for a terminal of any size.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "collector/profile/view.hpp"

namespace fanlight::cli {

enum class Panel { functions, sockets, maps, locks, ledger };
enum class SortBy { running, runnable, blocked, name };

struct TopChoice {
  Panel panel = Panel::functions;
  SortBy sort = SortBy::running;
  profile::View view = profile::View::on_cpu;  // of the functions
  std::string filter;                          // part of the names of threads and functions
  unsigned seconds = 5;                        // how far back
  bool frozen = false;
  bool typing = false;  // the filter is being typed
  std::string message;  // of the last command; instead of the keys
};

struct TopLine {
  enum class Look { plain, head, title, warning, keys } look = Look::plain;
  std::string text;  // no longer than the width, no control characters
};

/// At most `height` lines of at most `width` letters; made for 80 by 24, and whole on less. Cost: one view.
std::vector<TopLine> top_page(const profile::Profile& profile, const TopChoice& choice, std::size_t width,
                              std::size_t height);

}  // namespace fanlight::cli
