#include "collector/process/mappings.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <random>

namespace fanlight::process {
namespace {

const std::filesystem::path kRoot = std::filesystem::path(FANLIGHT_SOURCE_DIR) / "tests/data/process_root";

TEST(Mappings, KeptTreeHoldsExecutableOnesInOrder) {
  const auto mappings = Mappings::read(4242, kRoot);
  ASSERT_TRUE(mappings) << mappings.error().what;
  std::vector<std::string> paths;
  for (const Mapping& mapping : mappings->all()) paths.push_back(mapping.path + (mapping.deleted ? " gone" : ""));
  EXPECT_THAT(paths, ::testing::ElementsAre("/opt/fanlight/bin/fanlight-server gone", "[anon]", "/memfd:code gone",
                                            "/usr/lib/x86_64-linux-gnu/libc.so.6", "/srv/two words/libplugin.so",
                                            "[vdso]", "[vsyscall]"));
  EXPECT_EQ(mappings->malformed_lines(), 1u);
}

TEST(Mappings, AnAddressFindsItsFile) {
  const auto mappings = Mappings::read(4242, kRoot);
  ASSERT_TRUE(mappings);
  struct Case {
    const char* name;
    std::uint64_t address;
    const char* path;  // null: no mapping
  };
  for (const Case& c :
       {Case{"below all", 0x1000, nullptr}, Case{"first byte", 0x5633d36b3000, "/opt/fanlight/bin/fanlight-server"},
        Case{"last byte", 0x5633d36b7fff, "/opt/fanlight/bin/fanlight-server"},
        Case{"one past", 0x5633d36b8000, nullptr}, Case{"data", 0x5633d36bc010, nullptr},
        Case{"vdso", 0x7ffd2f9f7a00, "[vdso]"}, Case{"above all", ~0ull, nullptr}}) {
    SCOPED_TRACE(c.name);
    const Mapping* found = mappings->find(c.address);
    EXPECT_EQ(found == nullptr ? "" : found->path, c.path == nullptr ? "" : c.path);
  }
  const Mapping* program = mappings->find(0x5633d36b3000);
  EXPECT_EQ(program->offset, 0x2000u);
  EXPECT_EQ(program->inode, 247134u);
}

TEST(Mappings, LinesThatMakeNoSenseAreCounted) {
  struct Case {
    const char* name;
    std::string text;
    std::size_t kept;
    std::uint64_t malformed;
  };
  for (const Case& c :
       {Case{"empty", "", 0, 0}, Case{"no newline at the end", "1000-2000 r-xp 00000000 00:00 0 ", 1, 0},
        Case{"not hexadecimal", "10g0-2000 r-xp 0 00:00 0\n", 0, 1},
        Case{"backwards", "2000-1000 r-xp 0 00:00 0\n", 0, 1}, Case{"empty range", "1000-1000 r-xp 0 00:00 0\n", 0, 1},
        Case{"too many digits", "10000000000000000-20000000000000000 r-xp 0 00:00 0\n", 0, 1},
        Case{"short permissions", "1000-2000 r-x 0 00:00 0\n", 0, 1},
        Case{"negative inode", "1000-2000 r-xp 0 00:00 -1\n", 0, 1},
        Case{"overlap", "1000-3000 r-xp 0 00:00 0 /a\n2000-4000 r-xp 0 00:00 0 /b\n", 1, 1},
        Case{"not in order", "5000-6000 r-xp 0 00:00 0 /b\n1000-2000 r-xp 0 00:00 0 /a\n", 2, 0},
        Case{"endless path", "1000-2000 r-xp 0 00:00 0 /" + std::string(5000, 'a') + "\n", 0, 1}}) {
    SCOPED_TRACE(c.name);
    const Mappings mappings = Mappings::parse(c.text);
    EXPECT_EQ(mappings.all().size(), c.kept);
    EXPECT_EQ(mappings.malformed_lines(), c.malformed);
    EXPECT_TRUE(std::ranges::is_sorted(mappings.all(), {}, &Mapping::start));
  }
}

TEST(Mappings, AnyBytesAreSurvived) {
  std::mt19937 random(7);
  constexpr std::string_view kAlphabet = "0123456789abcdefrwxps- :/\n\0\xff";
  for (int round = 0; round < 2000; ++round) {
    std::string text(random() % 400, '\0');
    for (char& c : text) c = kAlphabet[random() % kAlphabet.size()];
    const Mappings mappings = Mappings::parse(text);
    for (const Mapping& mapping : mappings.all()) EXPECT_EQ(mappings.find(mapping.start), &mapping);
  }
}

TEST(Mappings, FindsItsOwnCode) {
  const auto mappings = Mappings::read(::getpid());
  ASSERT_TRUE(mappings) << mappings.error().what;
  const Mapping* here = mappings->find(reinterpret_cast<std::uint64_t>(&Mappings::parse));
  ASSERT_NE(here, nullptr);
  EXPECT_EQ(here->path, std::filesystem::read_symlink("/proc/self/exe").string());
  const auto none = Mappings::read(999, kRoot);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ENOENT);
}

}  // namespace
}  // namespace fanlight::process
