// A fault in a live target, and the panel that is for it: found by its name, with nobody looking for it.
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/ui/screen.hpp"

namespace fanlight::ui {
namespace {

using fanlight::testing::Child;

struct Fault {
  const char* name;
  const char* page;
  const char* row;    // what must come to stand on the page, as --widgets names rows
  const char* holds;  // and what the row must say as well
};

class Faults : public ::testing::TestWithParam<Fault> {};

TEST_P(Faults, StandOnTheirPanel) {
  const Fault& fault = GetParam();
  const testing::Screen screen;
  ASSERT_TRUE(screen.works()) << screen.why();
  const auto directory = std::filesystem::temp_directory_path() /
                         ("fanlight-ui-faults-" + std::string(fault.name) + "-" + std::to_string(::getpid()));
  std::filesystem::create_directories(directory);
  Child target({UI_FAULTY, fault.name});
  const std::string pid = target.await("ready ");
  ASSERT_FALSE(pid.empty()) << target.err();
  Child collector({FANLIGHT_CLI, "attach", "--pid", pid, "--listen", "127.0.0.1:0"});
  const std::string place = collector.await("serving on http://", std::chrono::seconds(60));
  ASSERT_FALSE(place.empty()) << collector.err();
  const std::string steps = (directory / "steps").string(), widgets = (directory / "widgets.json").string();
  // A target that has been watched for a while, and a dashboard that comes late: the past must be there.
  std::this_thread::sleep_for(std::chrono::seconds(4));
  std::ofstream(steps) << "await Overview\ncommand page " << fault.page << "\nawait " << fault.row << "\nwidgets "
                       << widgets << "\nshot " << (directory / (std::string(fault.name) + ".png")).string() << "\n";
  Child dashboard(screen.command({"--connect", place, "--script", steps}));
  ASSERT_EQ(dashboard.wait_for(std::chrono::seconds(150)).value_or(-1), 0) << dashboard.err();
  const auto read = testing::read_widgets(widgets);
  ASSERT_TRUE(read.contains("items"));
  std::string found;
  for (const auto& item : read.at("items").as_array())
    if (found.empty() && std::string_view(item.at("name").as_string()).starts_with(fault.row))
      found = item.at("name").as_string();
  EXPECT_NE(found.find(fault.holds), std::string::npos) << found;
  if (std::getenv("FANLIGHT_KEEP_PICTURES") == nullptr) std::filesystem::remove_all(directory);
}

INSTANTIATE_TEST_SUITE_P(
    Planted, Faults,
    ::testing::Values(Fault{"lock", "Locks", "Locks: (anonymous namespace)::contend", "| worker-a |"},
                      Fault{"neighbour", "Scheduler", "Who takes the CPU away: victim | noisy", " ms"},
                      Fault{"map", "Maps", "Map and registry operations: hot_map", "lookup"},
                      Fault{"client", "Sockets", "Clients: 127.0.0.1:", " s | "}),
    [](const auto& planted) { return std::string(planted.param.name); });

}  // namespace
}  // namespace fanlight::ui
