// A collector that is killed at any moment leaves nothing: no program, no link, no map, no pinned object; the target
// goes on, and the recording can be read.
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <random>
#include <set>

#include "tests/e2e/broadcast.hpp"

namespace fanlight::testing {
namespace {

constexpr int kKills = 50;

/// What the kernel keeps for a process that loads and attaches programs, by its numbers.
struct Held {
  std::set<std::uint32_t> programs, links, maps;
  bool empty() const { return programs.empty() && links.empty() && maps.empty(); }
};

Held held_by(pid_t pid) {
  Held held;
  std::error_code gone;
  for (const auto& file : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fdinfo", gone)) {
    std::ifstream lines(file.path());
    bool of_a_link = false;
    std::string key;
    std::uint32_t id = 0;
    for (std::string line; std::getline(lines, line);) {
      std::istringstream words(line);
      if (!(words >> key >> id)) continue;
      of_a_link = of_a_link || key == "link_id:";
      if (key == "link_id:") held.links.insert(id);
      if (key == "prog_id:" && !of_a_link) held.programs.insert(id);
      if (key == "map_id:") held.maps.insert(id);
    }
  }
  return held;
}

bool exists(bpf_cmd command, std::uint32_t id) {
  bpf_attr attributes{};
  attributes.prog_id = id;  // the same place for maps and links
  const Fd found{static_cast<int>(::syscall(SYS_bpf, command, &attributes, sizeof attributes))};
  return found || errno != ENOENT;
}

/// Those that are still there. The kernel lets go of them a grace period after the last file is closed.
std::size_t left_of(const Held& held) {
  const auto count = [](bpf_cmd command, const std::set<std::uint32_t>& ids) {
    std::size_t left = 0;
    for (const std::uint32_t id : ids) left += exists(command, id) ? 1 : 0;
    return left;
  };
  return count(BPF_PROG_GET_FD_BY_ID, held.programs) + count(BPF_LINK_GET_FD_BY_ID, held.links) +
         count(BPF_MAP_GET_FD_BY_ID, held.maps);
}

std::set<std::string> pinned() {
  std::set<std::string> paths;
  std::error_code none;
  for (const auto& entry : std::filesystem::recursive_directory_iterator("/sys/fs/bpf", none))
    paths.insert(entry.path());
  return paths;
}

TEST(Kill, FiftyTimesAtRandomMomentsLeavesNothing) {
  Child target({TRUTH_SPLIT, "600"});
  ASSERT_FALSE(target.await("ready").empty()) << target.err();
  target.send("go");
  const auto directory = scratch("kills");
  const auto file = directory / "run.fanlight";
  const std::set<std::string> pinned_before = pinned();
  std::mt19937 random{std::random_device{}()};
  const auto began = std::chrono::steady_clock::now();
  {
    Child first({FANLIGHT_CLI, "record", "--pid", std::to_string(target.pid()), "-o", file.string()});
    ASSERT_FALSE(first.await("recording ").empty()) << first.err();
  }
  const auto attaching =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began);
  int while_attached = 0, readable = 0;
  for (int round = 0; round < kKills; ++round) {
    SCOPED_TRACE("round " + std::to_string(round));
    std::filesystem::remove(file);
    Child recorder({FANLIGHT_CLI, "record", "--pid", std::to_string(target.pid()), "-o", file.string()});
    // The first slice is committed a second after it has attached, which takes longer where others compile.
    const auto moment =
        std::chrono::milliseconds(std::uniform_int_distribution<std::int64_t>(0, 2 * attaching.count() + 1200)(random));
    ASSERT_FALSE(recorder.wait_for(moment)) << recorder.err();
    // Held still, so that what it holds is what it dies with.
    recorder.signal(SIGSTOP);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    const Held held = held_by(recorder.pid());
    const bool recording = recorder.err().find("recording ") != std::string::npos;
    recorder.signal(SIGKILL);
    ASSERT_EQ(recorder.wait(), 128 + SIGKILL);
    while_attached += held.links.empty() ? 0 : 1;

    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    std::size_t left = left_of(held);
    while (left > 0 && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
      left = left_of(held);
    }
    ASSERT_EQ(left, 0u) << "programs, links and maps outlive their collector";
    ASSERT_TRUE(target.running()) << target.err();
    if (!recording || !std::filesystem::exists(file)) continue;
    Child reader({FANLIGHT_CLI, "report", file.string()});
    EXPECT_EQ(reader.wait(), 0) << reader.err();
    readable += reader.out().find("What stands out") != std::string::npos ||
                        reader.out().find("nothing was recorded") != std::string::npos
                    ? 1
                    : 0;
  }
  EXPECT_EQ(pinned(), pinned_before);
  // Moments of every kind were met, or this proves less than it says.
  EXPECT_GT(while_attached, kKills / 5);
  EXPECT_GT(readable, 0);
  RecordProperty("while_attached", while_attached);
  RecordProperty("readable", readable);
}

}  // namespace
}  // namespace fanlight::testing
