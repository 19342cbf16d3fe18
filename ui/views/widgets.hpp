// What is where on the screen, for tests. In: panels as they are drawn. Out: names and rectangles, as JSON.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ui/canvas/drawing.hpp"

namespace fanlight::ui {

/// Filled anew with every frame, and only when somebody asked for it.
struct Widgets {
  struct Panel {
    std::string name;
    Rect rect;
  };
  struct Box {
    std::string name;
    int depth = 0;
    int parent = -1;  // index of the box that it lies under
    Rect rect;
    double share = 0;  // of the weight of the whole tree
    bool merged = false;
  };
  std::vector<Panel> panels;
  std::vector<Panel> items;  // buttons, tabs, headers, rows: what can be clicked
  std::vector<Box> flame;
  std::string view;
  std::string status;
  std::uint64_t profile_number = 0;
  float width = 0, height = 0;

  void clear() { *this = {}; }
};

/// {"width":,"height":,"view":"","status":"","profile":N,"panels":[{"name","x","y","w","h"}],
/// "items":[{"name","x","y","w","h"}],
/// "flame":[{"name","depth","parent","x","y","w","h","share","merged"}]}
std::string to_json(const Widgets& widgets);

}  // namespace fanlight::ui
