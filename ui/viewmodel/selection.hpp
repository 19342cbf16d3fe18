// What a person chose to look at. In: clicks and keys. Out: what the panels and the composer go by.
#pragma once

#include <string>
#include <vector>

#include "collector/profile/view.hpp"
#include "ui/model/range.hpp"

namespace fanlight::ui {

struct Selection {
  profile::View view = profile::View::on_cpu;
  bool idle = false;  // show stacks that wait in epoll, poll or select
  Range range;
  std::vector<std::string> zoom;  // names from below the root: holds over new data and other views
  std::string search;
  bool frozen = false;  // what is shown stays; data keep coming
  bool help = false;
};

/// Turns one step of the zoom back; false when there was none.
inline bool zoom_out(Selection& selection) {
  if (selection.zoom.empty()) return false;
  selection.zoom.pop_back();
  return true;
}

}  // namespace fanlight::ui
