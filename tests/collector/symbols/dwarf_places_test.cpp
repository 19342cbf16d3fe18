#include "collector/symbols/dwarf_places.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "collector/symbols/symbols.hpp"
#include "tests/child.hpp"

namespace fanlight::symbols {
namespace {

namespace fs = std::filesystem;

std::string output_of(const std::string& command) {
  std::FILE* pipe = ::popen(command.c_str(), "r");
  std::string text;
  char bytes[4096];
  while (pipe != nullptr) {
    const std::size_t got = std::fread(bytes, 1, sizeof bytes, pipe);
    if (got == 0) break;
    text.append(bytes, got);
  }
  if (pipe != nullptr) ::pclose(pipe);
  return text;
}

/// Addresses of symbols, as the file states them.
std::map<std::string, std::uint64_t> symbols_of(const std::string& file) {
  std::istringstream lines(output_of("nm " + file));
  std::map<std::string, std::uint64_t> symbols;
  for (std::string line; std::getline(lines, line);) {
    unsigned long address = 0;
    char kind = 0, name[400] = {};
    if (std::sscanf(line.c_str(), "%lx %c %399s", &address, &kind, name) == 3) symbols[name] = address;
  }
  return symbols;
}

DwarfPlaces open(const std::string& file) {
  auto places = DwarfPlaces::open(Fd{::open(file.c_str(), O_RDONLY | O_CLOEXEC)});
  EXPECT_TRUE(places) << places.error().what;
  return std::move(*places);
}

TEST(DwarfPlaces, TellInlinedFunctionsAndLines) {
  for (const char* file : {INLINES_GCC_4, INLINES_GCC_5, INLINES_CLANG_4, INLINES_CLANG_5, INLINES_SPLIT_4,
                           INLINES_SPLIT_5, INLINES_CLANG_SPLIT_5, INLINES_PACKED}) {
    SCOPED_TRACE(file);
    const auto symbols = symbols_of(file);
    std::vector<std::uint64_t> addresses{symbols.at("mark_innermost"), symbols.at("mark_outer"), 0x10};
    std::ranges::sort(addresses);
    const auto places = open(file).find(addresses);
    const auto at = [&](std::uint64_t address) {
      return places[static_cast<std::size_t>(std::ranges::find(addresses, address) - addresses.begin())];
    };
    const Place inner = at(symbols.at("mark_innermost"));
    EXPECT_EQ(inner.name, "inlines_outer");
    EXPECT_TRUE(inner.file.ends_with("tests/collector/symbols/inlines.cpp")) << inner.file;
    EXPECT_EQ(inner.line, 21u);
    ASSERT_EQ(inner.inlined.size(), 2u);
    EXPECT_EQ(inner.inlined[0].name, "inlines::middle");
    EXPECT_EQ(inner.inlined[0].line, 14u);
    EXPECT_EQ(inner.inlined[1].name, "inlines::innermost");
    EXPECT_EQ(inner.inlined[1].line, 8u);
    EXPECT_EQ(inner.inlined[1].file, inner.file);
    const Place outer = at(symbols.at("mark_outer"));
    EXPECT_EQ(outer.name, "inlines_outer");
    EXPECT_EQ(outer.line, 22u);
    EXPECT_TRUE(outer.inlined.empty());
    EXPECT_EQ(at(0x10), Place{});
  }
}

TEST(DwarfPlaces, AgreeWithAddr2line) {
  const std::string self = std::filesystem::read_symlink("/proc/self/exe");
  std::istringstream lines(output_of("readelf -SW " + self));
  std::uint64_t start = 0, size = 0;
  for (std::string line; std::getline(lines, line);) {
    char name[64];
    unsigned long address = 0, offset = 0, bytes = 0;
    if (std::sscanf(line.c_str(), " [%*[^]]] %63s %*s %lx %lx %lx", name, &address, &offset, &bytes) == 4 &&
        std::string(name) == ".text") {
      start = address;
      size = bytes;
    }
  }
  ASSERT_GT(size, 1000u);
  std::minstd_rand random(7);
  std::vector<std::uint64_t> addresses;
  std::string asked;
  for (int i = 0; i < 2000; ++i) addresses.push_back(start + random() % size);
  std::ranges::sort(addresses);
  const auto input = std::filesystem::temp_directory_path() / ("addresses-" + std::to_string(::getpid()));
  {
    std::ofstream file(input);
    for (const std::uint64_t address : addresses) file << std::hex << address << '\n';
  }
  std::istringstream answers(output_of("addr2line -a -i -e " + self + " < " + input.string()));
  std::filesystem::remove(input);
  std::vector<std::vector<std::string>> expected;  // innermost first
  for (std::string line; std::getline(answers, line);) {
    if (line.starts_with("0x"))
      expected.emplace_back();
    else
      expected.back().push_back(line.substr(0, line.find(" (discriminator")));
  }
  ASSERT_EQ(expected.size(), addresses.size());
  const auto places = open(self).find(addresses);
  std::size_t same_depth = 0, same_lines = 0, known = 0;
  for (std::size_t i = 0; i < addresses.size(); ++i) {
    if (expected[i][0].starts_with("??")) continue;
    ++known;
    std::vector<std::string> lines_found;
    for (auto call = places[i].inlined.rbegin(); call != places[i].inlined.rend(); ++call)
      lines_found.push_back(std::to_string(call->line));
    lines_found.push_back(std::to_string(places[i].line));
    std::vector<std::string> lines_expected;
    for (const std::string& one : expected[i]) lines_expected.push_back(one.substr(one.rfind(':') + 1));
    for (std::string& one : lines_expected)
      if (one == "?") one = "0";
    same_depth += lines_found.size() == lines_expected.size();
    same_lines += lines_found == lines_expected;
  }
  EXPECT_GT(known, addresses.size() / 2);
  EXPECT_GE(same_depth, known * 99 / 100) << known;
  EXPECT_GE(same_lines, known * 98 / 100) << known;
}

TEST(DwarfPlaces, SurviveDamage) {
  std::ifstream file(INLINES_GCC_5, std::ios::binary);
  const std::string whole{std::istreambuf_iterator<char>(file), {}};
  const auto symbols = symbols_of(INLINES_GCC_5);
  std::vector<std::uint64_t> addresses{symbols.at("mark_innermost"), symbols.at("mark_outer")};
  std::ranges::sort(addresses);
  const auto path = std::filesystem::temp_directory_path() / ("damaged-" + std::to_string(::getpid()));
  std::minstd_rand random(11);
  for (int round = 0; round < 300; ++round) {
    std::string bytes = whole;
    for (int i = 0; i < 20; ++i) bytes[random() % bytes.size()] = static_cast<char>(random());
    if (round % 5 == 0) bytes.resize(random() % bytes.size());
    std::ofstream(path, std::ios::binary) << bytes;
    auto places = DwarfPlaces::open(Fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC)});
    if (places) {
      EXPECT_EQ(places->find(addresses).size(), addresses.size());
    }
  }
  std::filesystem::remove(path);
}

// libdw opens by itself what debug information names. A pipe there would have us wait for ever.
class PipesForFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "fanlight-pipes-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override { fs::remove_all(directory_); }

  std::string path(const char* name) const { return (directory_ / name).string(); }
  void run(const std::string& command) const { ASSERT_EQ(std::system(command.c_str()), 0) << command; }

  fs::path directory_;
};

TEST_F(PipesForFiles, BesideAProgramWhoseTreeIsSplitOff) {
  fs::copy_file(INLINES_BESIDE, path("program"));
  const auto symbols = symbols_of(path("program"));
  const std::vector<std::uint64_t> addresses{symbols.at("mark_innermost")};
  EXPECT_FALSE(open(path("program")).find(addresses)[0].inlined.empty()) << "it is found where it was compiled";
  ASSERT_EQ(::mkfifo(path("inlines_beside-inlines.dwo").c_str(), 0600), 0);
  const auto places = open(path("program")).find(addresses);
  EXPECT_TRUE(places[0].inlined.empty());
  EXPECT_GT(places[0].line, 0u) << "lines are in the program itself";
}

TEST_F(PipesForFiles, InPlaceOfWhatDwzMovedElsewhere) {
  // "Names lie in the other file" (DW_FORM_strp_sup) in place of "in this one" (DW_FORM_strp), for DW_AT_name.
  fs::copy_file(INLINES_GCC_5, path("program"));
  run("cd " + directory_.string() + " && objcopy -O binary --only-section=.debug_abbrev" +
      " --set-section-flags .debug_abbrev=alloc program abbreviations");
  std::ifstream file(path("abbreviations"), std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(file), {}};
  std::size_t changed = 0;
  for (std::size_t at = 0; (at = bytes.find("\x03\x0e", at)) != std::string::npos; ++changed) bytes[at + 1] = '\x1d';
  ASSERT_GT(changed, 0u);
  std::ofstream(path("abbreviations"), std::ios::binary) << bytes;
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  std::ofstream(path("link"), std::ios::binary) << "pipe" << '\0' << std::string(20, 'b');
  run("cd " + directory_.string() + " && objcopy --update-section .debug_abbrev=abbreviations" +
      " --add-section .gnu_debugaltlink=link program");
  const auto places = DwarfPlaces::open(Fd{::open(path("program").c_str(), O_RDONLY | O_CLOEXEC)});
  ASSERT_FALSE(places);
  EXPECT_EQ(places.error().what, "debug information that refers to no regular file");
}

TEST(Places, AreKeptOnDisk) {
  std::string name = (std::filesystem::temp_directory_path() / "fanlight-places-XXXXXX").string();
  ASSERT_NE(::mkdtemp(name.data()), nullptr);
  const std::filesystem::path root = name;
  std::filesystem::copy_file(INLINES_GCC_5, root / "program");
  const auto symbols = symbols_of(INLINES_GCC_5);
  constexpr std::uint64_t kBase = 0x400000;  // where the linker puts the first byte of such a file
  const std::vector<std::uint64_t> offsets{symbols.at("mark_innermost") - kBase, symbols.at("mark_outer") - kBase};
  std::vector<Place> first;
  {
    Symbols fresh(0, root, DiskCache(root / "cache"));
    first = fresh.places("/program", offsets);
    EXPECT_EQ(fresh.counts().files_read, 1u);
    EXPECT_EQ(fresh.sources().with, 1u);
    EXPECT_FALSE(fresh.build_id("/program").empty());
  }
  ASSERT_EQ(first.size(), 2u);
  EXPECT_EQ(first[0].inlined.size(), 2u);
  Symbols again(0, root, DiskCache(root / "cache"));
  EXPECT_EQ(again.places("/program", offsets), first);
  EXPECT_EQ(again.counts().files_read, 0u) << "not even the symbols";
  std::filesystem::remove_all(root);
}

}  // namespace
}  // namespace fanlight::symbols
