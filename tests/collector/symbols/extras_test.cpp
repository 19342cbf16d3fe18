// Names from elsewhere: packed symbols, debug links, run-time compilers; and what is on disk, damaged.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "collector/symbols/disk_cache.hpp"
#include "collector/symbols/elf_functions.hpp"
#include "collector/symbols/perf_map.hpp"
#include "collector/symbols/place_table.hpp"
#include "collector/symbols/symbols.hpp"
#include "collector/symbols/unpack.hpp"
#include "tests/child.hpp"

namespace fanlight::symbols {
namespace {

namespace fs = std::filesystem;

struct Scratch {
  Scratch() {
    std::string name = (fs::temp_directory_path() / "fanlight-extras-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    path = name;
  }
  ~Scratch() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
  fs::path path;
};

std::string bytes_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

bool names_hidden(const fs::path& root, const std::string& module) {
  Symbols symbols(0, root);
  for (std::uint64_t offset = 0; offset < 0x4000; ++offset)
    if (symbols.user(module, offset) == "sample::(anonymous namespace)::hidden") return true;
  return false;
}

TEST(PackedSymbols, NameLocalFunctionsOfStrippedFiles) {
  const Scratch scratch;
  fs::copy_file(SAMPLE_STRIPPED, scratch.path / "plain.so");
  fs::copy_file(SAMPLE_MINI, scratch.path / "mini.so");
  EXPECT_FALSE(names_hidden(scratch.path, "/plain.so"));
  EXPECT_TRUE(names_hidden(scratch.path, "/mini.so"));
  EXPECT_EQ(unpack_xz("no stream at all"), "");
}

TEST(DebugLinks, AreFollowedWhenTheChecksumFits) {
  const Scratch scratch;
  fs::create_directories(scratch.path / "opt/.debug");
  fs::copy_file(SAMPLE_LINKED, scratch.path / "opt/sample.so");
  Symbols without(0, scratch.path);
  const std::vector<std::uint64_t> offsets{0x1100};
  without.places("/opt/sample.so", offsets);
  EXPECT_EQ(without.sources().with, 0u);
  EXPECT_THAT(without.sources().without, ::testing::ElementsAre("sample.so"));
  fs::copy_file(SAMPLE_DEBUG, scratch.path / "opt/.debug/sample.debug");
  Symbols with(0, scratch.path);
  with.places("/opt/sample.so", offsets);
  EXPECT_EQ(with.sources().with, 1u);
  std::ofstream(scratch.path / "opt/.debug/sample.debug", std::ios::app) << "x";
  Symbols other(0, scratch.path);
  other.places("/opt/sample.so", offsets);
  EXPECT_EQ(other.sources().with, 0u);
}

// A file with holes takes no room, and reading it takes as long as it says it is: an hour.
TEST(DebugLinks, AreNotReadWhenTheyAreLargerThanAnyDebugFile) {
  const Scratch scratch;
  fs::create_directories(scratch.path / "opt");
  fs::copy_file(SAMPLE_LINKED, scratch.path / "opt/sample.so");
  std::ofstream(scratch.path / "opt/sample.debug") << "x";
  fs::resize_file(scratch.path / "opt/sample.debug", std::uintmax_t{4} << 40);
  Symbols symbols(0, scratch.path);
  symbols.places("/opt/sample.so", std::vector<std::uint64_t>{0x1100});
  EXPECT_EQ(symbols.sources().with, 0u);
}

TEST(DebugFiles, OfAnotherBuildAreNotBelieved) {
  const Scratch scratch;
  fs::create_directories(scratch.path / "opt");
  fs::copy_file(SAMPLE_STRIPPED, scratch.path / "opt/sample.so");
  const Fd own{::open(SAMPLE_STRIPPED, O_RDONLY | O_CLOEXEC)};
  const std::string id = read_debug_hints(own.get()).value_or(DebugHints{}).build_id;
  ASSERT_GT(id.size(), 4u);
  const fs::path place = scratch.path / "usr/lib/debug/.build-id" / id.substr(0, 2) / (id.substr(2) + ".debug");
  fs::create_directories(place.parent_path());
  for (const auto& [file, believed] : {std::pair{SAMPLE_DEBUG, 1u}, {INLINES_GCC_5, 0u}}) {
    SCOPED_TRACE(file);
    fs::copy_file(file, place, fs::copy_options::overwrite_existing);
    Symbols symbols(0, scratch.path);
    symbols.places("/opt/sample.so", std::vector<std::uint64_t>{0x1100});
    EXPECT_EQ(symbols.sources().with, believed);
  }
}

// DWARF does not tell of functions that were written in assembly; the debug file's symbols do.
TEST(DebugFiles, NameWhatOnlyTheirSymbolsKnow) {
  const Scratch scratch;
  fs::create_directories(scratch.path / "opt/.debug");
  fs::copy_file(SAMPLE_LINKED, scratch.path / "opt/sample.so");
  fs::copy_file(SAMPLE_DEBUG, scratch.path / "opt/.debug/sample.debug");
  Symbols symbols(0, scratch.path);
  std::vector<std::uint64_t> offsets;
  for (std::uint64_t offset = 0; offset < 0x4000; ++offset) offsets.push_back(offset);
  std::set<std::string> names;
  for (const Place& place : symbols.places("/opt/sample.so", offsets)) names.insert(place.name);
  EXPECT_TRUE(names.contains("sample_unexported")) << ::testing::PrintToString(names);
}

TEST(PerfMap, NamesByTheLastLineForAnAddress) {
  const FunctionTable table = parse_perf_map(
      "7f00 20 LazyCompile:*first a.js:1\n"
      "nonsense\n"
      "0x7f40 10 stub\n"
      "7f00 30 LazyCompile:*again b.js:2\n"
      "7fff zz bad\n");
  EXPECT_EQ(table.find(0x7f00), "LazyCompile:*again b.js:2");
  EXPECT_EQ(table.find(0x7f2f), "LazyCompile:*again b.js:2");
  EXPECT_EQ(table.find(0x7f30), "");
  EXPECT_EQ(table.find(0x7f4f), "stub");
  EXPECT_EQ(table.size() > 0, true);
}

TEST(PerfMap, IsReadFromTheTargetsTmp) {
  testing::Child child({"sleep", "60"});
  const fs::path map = "/tmp/perf-" + std::to_string(child.pid()) + ".map";
  std::ofstream(map) << "7f0000001000 100 compiled_at_run_time\n";
  Symbols symbols(child.pid());
  const std::vector<std::uint64_t> addresses{0x7f0000001010, 0x7f0000009000};
  const auto places = symbols.places("[anon]", addresses);
  fs::remove(map);
  ASSERT_EQ(places.size(), 2u);
  EXPECT_EQ(places[0].name, "compiled_at_run_time");
  EXPECT_EQ(places[1].name, "[anon+0x7f0000009000]");
}

// As .NET does: what it may write to and what it may run are two mappings of one file in memory.
TEST(PerfMap, NamesCodeThatLiesInAFileInMemory) {
  const Fd file{::memfd_create("doublemapper", MFD_CLOEXEC)};
  ASSERT_EQ(::ftruncate(file.get(), 0x4000), 0);
  void* const code = ::mmap(nullptr, 0x2000, PROT_READ | PROT_EXEC, MAP_SHARED, file.get(), 0x2000);
  ASSERT_NE(code, MAP_FAILED);
  const fs::path map = "/tmp/perf-" + std::to_string(::getpid()) + ".map";
  char line[64];
  std::snprintf(line, sizeof line, "%lx 40 compiled_into_memory\n", reinterpret_cast<unsigned long>(code) + 0x100);
  std::ofstream(map) << line;
  Symbols symbols(::getpid());
  const auto places = symbols.places("/memfd:doublemapper", std::vector<std::uint64_t>{0x2110, 0x2200, 0x110});
  fs::remove(map);
  ::munmap(code, 0x2000);
  ASSERT_EQ(places.size(), 3u);
  EXPECT_EQ(places[0].name, "compiled_into_memory");
  EXPECT_EQ(places[1].name, "[memfd:doublemapper+0x2200]");
  EXPECT_EQ(places[2].name, "[memfd:doublemapper+0x110]") << "not mapped for execution";
}

// Interpreters that write such a map themselves: node, and Python from 3.12 on.
TEST(PerfMap, OfInterpretersNamesTheirFunctions) {
  struct Case {
    const char* name;
    const char* available;
    std::vector<std::string> command;
  };
  const std::string javascript =
      "function hot_function(n) { let s = 0; for (let i = 0; i < n; i++) s += i % 7; return s; }"
      "for (let i = 0; i < 300; i++) hot_function(100000); console.log('warm now'); setInterval(() => {}, 1000);";
  const std::string python =
      "import time\ndef hot_function():\n  return 1\nhot_function()\nprint('warm now', flush=True)\ntime.sleep(60)\n";
  std::size_t tried = 0;
  for (const Case& c : {Case{"node", "node --version >/dev/null 2>&1", {"node", "--perf-basic-prof", "-e", javascript}},
                        Case{"python",
                             "python3 -c 'import sys; sys.activate_stack_trampoline' 2>/dev/null",
                             {"python3", "-X", "perf", "-c", python}}}) {
    if (std::system(c.available) != 0) continue;
    SCOPED_TRACE(c.name);
    ++tried;
    testing::Child child(c.command);
    ASSERT_FALSE(child.await("warm").empty()) << child.err();
    const fs::path path = "/tmp/perf-" + std::to_string(child.pid()) + ".map";
    std::istringstream lines(bytes_of(path));
    std::uint64_t start = 0;
    for (std::string line; std::getline(lines, line);)
      if (line.find("hot_function") != std::string::npos) start = std::stoull(line, nullptr, 16);
    ASSERT_NE(start, 0u);
    Symbols symbols(child.pid());
    const auto places = symbols.places("[anon]", std::vector<std::uint64_t>{start + 1});
    EXPECT_NE(places.at(0).name.find("hot_function"), std::string::npos) << places.at(0).name;
    fs::remove(path);
  }
  if (tried == 0) GTEST_SKIP() << "neither node nor Python 3.12 is installed: scripts/setup";
}

TEST(PlaceTable, ComesBackWholeAndSurvivesDamage) {
  PlaceTable table;
  for (std::uint64_t i = 0; i < 50; ++i)
    table[i * 16] = {.name = "function " + std::to_string(i % 7),
                     .file = "/src/file.cpp",
                     .line = static_cast<std::uint32_t>(i),
                     .inlined = {{"inner", "/src/inner.hpp", 3}, {"innermost", "", 0}}};
  const std::string bytes = serialise(table);
  EXPECT_EQ(parse_places(bytes), table);
  for (std::size_t size = 0; size < bytes.size(); ++size) EXPECT_FALSE(parse_places(bytes.substr(0, size)));
  std::minstd_rand random(3);
  for (int round = 0; round < 20'000; ++round) {
    std::string damaged = bytes;
    for (int i = 0; i < 4; ++i) damaged[random() % damaged.size()] = static_cast<char>(random());
    parse_places(damaged);
  }
}

TEST(DiskCache, KeepsByBuildIdAndBelievesNoDamage) {
  const Scratch scratch;
  const DiskCache cache(scratch.path);
  cache.store("kind-1", "00aabb", "what was found");
  EXPECT_EQ(cache.load("kind-1", "00aabb"), "what was found");
  EXPECT_EQ(cache.load("kind-2", "00aabb"), std::nullopt);
  EXPECT_EQ(cache.load("kind-1", "00aabbcc"), std::nullopt);
  cache.store("kind-1", "../../etc", "x");
  EXPECT_FALSE(fs::exists(scratch.path / "etc"));
  std::string bytes = bytes_of(scratch.path / "kind-1/00aabb");
  bytes[3] ^= 1;
  std::ofstream(scratch.path / "kind-1/00aabb", std::ios::binary) << bytes;
  EXPECT_EQ(cache.load("kind-1", "00aabb"), std::nullopt);
  EXPECT_EQ(DiskCache().load("kind-1", "00aabb"), std::nullopt);
}

}  // namespace
}  // namespace fanlight::symbols
