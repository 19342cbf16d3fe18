// jitdump files, made by hand and by node.
#include "collector/symbols/jit_dump.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <string>

#include "collector/process/mappings.hpp"
#include "collector/symbols/symbols.hpp"
#include "tests/child.hpp"

namespace fanlight::symbols {
namespace {

namespace fs = std::filesystem;

template <class T>
void put(std::string& bytes, T value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}
std::string header() {
  std::string bytes;
  for (const std::uint32_t word : {0x4A695444u, 1u, 40u, 62u, 0u, 4242u}) put(bytes, word);
  put(bytes, std::uint64_t{0});
  put(bytes, std::uint64_t{0});
  return bytes;
}
std::string record(std::uint32_t kind, const std::string& body) {
  std::string bytes;
  put(bytes, kind);
  put(bytes, static_cast<std::uint32_t>(16 + body.size()));
  put(bytes, std::uint64_t{0});
  return bytes + body;
}
std::string load(std::uint64_t start, std::uint64_t size, const std::string& name) {
  std::string body;
  for (int i = 0; i < 2; ++i) put(body, std::uint32_t{4242});
  for (const std::uint64_t word : {start, start, size, std::uint64_t{1}}) put(body, word);
  return record(0, body + name + '\0' + std::string(size, '\x90'));
}
std::string move(std::uint64_t from, std::uint64_t to, std::uint64_t size) {
  std::string body;
  for (int i = 0; i < 2; ++i) put(body, std::uint32_t{4242});
  for (const std::uint64_t word : {to, from, to, size, std::uint64_t{1}}) put(body, word);
  return record(1, body);
}
struct Line {
  std::uint64_t address;
  std::uint32_t line;
  std::string file;
};
std::string lines(std::uint64_t start, const std::vector<Line>& all) {
  std::string body;
  put(body, start);
  put(body, std::uint64_t{all.size()});
  for (const Line& line : all) {
    put(body, line.address);
    put(body, line.line);
    put(body, std::uint32_t{0});
    body += line.file + '\0';
  }
  return record(2, body);
}

TEST(JitDump, NamesCodeWithItsLines) {
  const JitDump dump =
      parse_jit_dump(header() + lines(0x1000, {{0x1000, 3, "a.js"}, {0x1010, 4, "\xff"}, {0x1018, 9, "b.js"}}) +
                     load(0x1000, 32, "JS:*first") + load(0x2000, 16, "stub"));
  EXPECT_EQ(dump.find(0x1000), (Place{.name = "JS:*first", .file = "a.js", .line = 3}));
  EXPECT_EQ(dump.find(0x1014), (Place{.name = "JS:*first", .file = "a.js", .line = 4}));
  EXPECT_EQ(dump.find(0x101f), (Place{.name = "JS:*first", .file = "b.js", .line = 9}));
  EXPECT_EQ(dump.find(0x1020), Place{});
  EXPECT_EQ(dump.find(0x2008), (Place{.name = "stub"})) << "another function's lines are not its own";
}

TEST(JitDump, FollowsCodeThatMovesAndIsReplaced) {
  const JitDump dump = parse_jit_dump(header() + lines(0x1000, {{0x1000, 3, "a.js"}}) + load(0x1000, 16, "old") +
                                      move(0x1000, 0x5000, 16) + load(0x1000, 16, "new"));
  EXPECT_EQ(dump.find(0x5004), (Place{.name = "old", .file = "a.js", .line = 3}));
  EXPECT_EQ(dump.find(0x1004), (Place{.name = "new"}));
}

TEST(JitDump, ReadsWhatIsWholeAndSurvivesTheRest) {
  const std::string whole =
      header() + load(0x1000, 16, "first") + lines(0x2000, {{0x2000, 1, "x"}}) + load(0x2000, 16, "second");
  EXPECT_EQ(parse_jit_dump(whole.substr(0, whole.size() - 1)).find(0x1000).name, "first") << "still being written";
  EXPECT_EQ(parse_jit_dump(whole.substr(0, whole.size() - 1)).find(0x2000).name, "");
  EXPECT_TRUE(parse_jit_dump("").empty());
  EXPECT_TRUE(parse_jit_dump("JiTD").empty());
  std::minstd_rand random(3);
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = whole;
    for (int flips = 0; flips < 6; ++flips) bytes[random() % bytes.size()] = static_cast<char>(random());
    if (round % 5 == 0) bytes.resize(random() % bytes.size());
    parse_jit_dump(bytes).find(0x1004);
  }
}

TEST(JitDump, OfNodeNamesItsFunctions) {
  if (std::system("node --version >/dev/null 2>&1") != 0) GTEST_SKIP() << "node is not installed: scripts/setup";
  std::string name = (fs::temp_directory_path() / "fanlight-jit-XXXXXX").string();
  ASSERT_NE(::mkdtemp(name.data()), nullptr);
  const std::string script =
      "function hot_in_javascript(n) { let s = 0; for (let i = 0; i < n; i++) s += i % 7; return s; }"
      "for (let i = 0; i < 300; i++) hot_in_javascript(100000); console.log('warm now'); setInterval(() => {}, 1000);";
  testing::Child node({"env", "-C", name, "node", "--perf-prof", "-e", script});
  ASSERT_FALSE(node.await("warm").empty()) << node.err();
  const fs::path dump = fs::path(name) / ("jit-" + std::to_string(node.pid()) + ".dump");
  ASSERT_TRUE(fs::exists(dump));
  std::ifstream file(dump, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  // Where node says that the function is; as a symboliser asked about that address finds it by itself.
  const JitDump parsed = parse_jit_dump(bytes);
  const auto mappings = process::Mappings::read(node.pid());
  ASSERT_TRUE(mappings);
  std::uint64_t address = 0;
  Place place;
  for (const process::Mapping& mapping : mappings->all()) {
    if (!mapping.path.starts_with("[anon")) continue;
    for (std::uint64_t at = mapping.start; at < mapping.end && address == 0; at += 16) {
      place = parsed.find(at);
      if (place.name.find("hot_in_javascript") != std::string::npos) address = at;
    }
  }
  ASSERT_NE(address, 0u);
  Symbols symbols(node.pid());
  const auto places = symbols.places("[anon]", std::vector<std::uint64_t>{address});
  EXPECT_EQ(places.at(0), place);
  fs::remove_all(name);
}

}  // namespace
}  // namespace fanlight::symbols
