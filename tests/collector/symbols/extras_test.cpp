// Names from elsewhere: packed symbols, debug links, run-time compilers; and what is on disk, damaged.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <string>

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
