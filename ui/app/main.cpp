// fanlight-ui: the dashboard. Never privileged.
#include <exception>
#include <iostream>

#include "ui/app/app.hpp"

int main(int argc, char** argv) try {
  const auto parsed = fanlight::ui::parse_options(argc, argv);
  if (const int* code = std::get_if<int>(&parsed)) return *code;
  const auto done = fanlight::ui::run(std::get<fanlight::ui::Options>(parsed));
  if (done) return 0;
  std::cerr << "fanlight-ui: " << done.error().what << "\nhint: "
            << (done.error().hint.empty() ? "fanlight-ui --help shows the options and examples" : done.error().hint)
            << "\n";
  return 1;
} catch (const std::exception& error) {
  std::cerr << "fanlight-ui: " << error.what()
            << "\nhint: this is a defect; please report it with the command you typed\n";
  return 1;
}
