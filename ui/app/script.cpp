#include "ui/app/script.hpp"

#include <sstream>

#include "core/units.hpp"

namespace fanlight::ui {
namespace {

struct Word {
  const char* name;
  Step::What what;
};
constexpr Word kWords[] = {{"wait", Step::What::wait},
                           {"await", Step::What::await},
                           {"command", Step::What::command},
                           {"click", Step::What::click},
                           {"right-click", Step::What::right_click},
                           {"hover", Step::What::hover},
                           {"drag", Step::What::drag},
                           {"type", Step::What::type},
                           {"enter", Step::What::enter},
                           {"wheel", Step::What::wheel},
                           {"shot", Step::What::shot},
                           {"widgets", Step::What::widgets}};

/// Takes four numbers off the end of `text`.
bool take_box(Step& step) {
  float* const into[] = {&step.y1, &step.x1, &step.y0, &step.x0};
  for (float* number : into) {
    const std::size_t blank = step.text.rfind(' ');
    if (blank == std::string::npos) return false;
    std::istringstream word(step.text.substr(blank + 1));
    if (!(word >> *number)) return false;
    step.text.resize(blank);
  }
  return true;
}

}  // namespace

Result<std::vector<Step>> parse_script(std::string_view text) {
  std::vector<Step> steps;
  std::istringstream lines{std::string(text)};
  std::size_t number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (line.empty() || line[0] == '#') continue;
    const auto refuse = [&](const char* why) {
      return fail(0, "line " + std::to_string(number) + " of the script, '" + line + "': " + why,
                  "steps: wait await command click right-click hover drag type enter wheel shot widgets");
    };
    const std::size_t blank = std::min(line.find(' '), line.size());
    Step step{.text = line.substr(std::min(line.size(), blank + 1))};
    const Word* word = nullptr;
    for (const Word& known : kWords)
      if (line.compare(0, blank, known.name) == 0) word = &known;
    if (word == nullptr) return refuse("no such step");
    step.what = word->what;
    if (step.what == Step::What::wait) {
      const auto time = parse_duration(step.text);
      if (!time) return refuse("no time");
      step.time = *time;
    }
    if (step.what == Step::What::drag && !take_box(step)) return refuse("needs four shares of the rectangle");
    if (step.what == Step::What::wheel) {
      std::istringstream turns(step.text);
      if (!(turns >> step.y0)) return refuse("needs a number");
    }
    steps.push_back(std::move(step));
  }
  return steps;
}

}  // namespace fanlight::ui
