// Writes a made-up recording, to look at panels without a target:
// ui_sample_recording FILE [SECONDS [DROPPED [no-kernel|rich]]].
#include <cstdlib>
#include <iostream>
#include <string_view>

#include "tests/ui/fabricate.hpp"

int main(int argc, char** argv) {
  if (argc < 2) {
    std::cerr
        << "ui_sample_recording: no file named\nhint: ui_sample_recording FILE [SECONDS [DROPPED [no-kernel|rich]]]\n";
    return 2;
  }
  fanlight::ui::testing::Fabrication wishes;
  if (argc > 2) wishes.seconds = static_cast<unsigned>(std::strtoul(argv[2], nullptr, 10));
  if (argc > 3) wishes.dropped = std::strtoull(argv[3], nullptr, 10);
  if (argc > 4 && std::string_view(argv[4]) == "no-kernel") wishes.kernel = false;
  if (argc > 4 && std::string_view(argv[4]) == "rich") wishes.rich = true;
  const auto written = fanlight::ui::testing::record(fanlight::ui::testing::fabricate(wishes), argv[1]);
  if (written) return 0;
  std::cerr << "ui_sample_recording: " << written.error().what << "\n";
  return 1;
}
