// What the world gives a run, beside its plan. In: nothing. Out: whether to go on; where words go.
#pragma once

#include <functional>
#include <string>

namespace fanlight::load {

struct Surroundings {
  std::function<bool()> interrupted = [] { return false; };  // asked every 20 ms; true ends the run early
  std::function<void(const std::string&)> progress = [](const std::string&) {};  // a line in words
  unsigned progress_every_ms = 1000;
};

}  // namespace fanlight::load
