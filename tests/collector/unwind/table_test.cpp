// Tables from whole, damaged and invented files.
#include "collector/unwind/table.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <fstream>
#include <map>
#include <random>
#include <string>

#include "collector/unwind/cache.hpp"
#include "collector/unwind/cfi_program.hpp"
#include "collector/unwind/cfi_section.hpp"
#include "collector/unwind/published.hpp"
#include "collector/unwind/walk.hpp"
#include "core/fd.hpp"

namespace fanlight::unwind {
namespace {

Result<Table> table_of(const std::string& path) {
  const Fd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  return build_table(file.get());
}

std::string bytes_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

constexpr const char* kLibc = "/lib/x86_64-linux-gnu/libc.so.6";

std::span<const std::byte> as_bytes(const std::string& text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

/// No number in it may lead outside of it.
void expect_consistent(const Table& table) {
  for (const Page& page : table.pages) {
    ASSERT_LE(page.first + std::uint64_t{page.count}, table.rows.size());
    for (std::uint32_t i = 0; i < page.count; ++i) {
      ASSERT_LT(table.rows[page.first + i] & 0xffff, table.rules.size());
      if (i > 0) {
        ASSERT_LT(table.rows[page.first + i - 1] >> 16, table.rows[page.first + i] >> 16);
      }
    }
    if (page.count > 0) {
      ASSERT_EQ(table.rows[page.first] >> 16, 0u) << "each page begins with a row";
    }
  }
}

TEST(Table, OfLibcDescribesItsFunctions) {
  const auto table = table_of(kLibc);
  ASSERT_TRUE(table) << table.error().what;
  expect_consistent(*table);
  EXPECT_GT(table->functions, 1000u);
  EXPECT_EQ(table->malformed, 0u);
  EXPECT_LT(table->rules.size(), 1000u) << "rules are shared";
  EXPECT_LT(table->bytes(), 1u << 20);
  EXPECT_FALSE(table->build_id.empty());
  // The signal trampoline and the end of clone are what walks hinge on.
  std::map<unsigned, std::size_t> kinds;
  for (const Rule& rule : table->rules) ++kinds[rule.kind];
  EXPECT_EQ(kinds[FANLIGHT_UNWIND_SIGNAL], 1u);
  EXPECT_EQ(kinds[FANLIGHT_UNWIND_END], 1u);
  EXPECT_EQ(table->rule_at(0).kind, FANLIGHT_UNWIND_NONE);
}

TEST(Table, ComesBackFromItsBytes) {
  const auto table = table_of(kLibc);
  ASSERT_TRUE(table);
  const std::string bytes = serialise(*table);
  const auto again = parse(bytes);
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, *table);
  std::minstd_rand random(5);
  for (int round = 0; round < 300; ++round) {
    std::string damaged = bytes;
    for (int i = 0; i < 8; ++i) damaged[random() % (round % 2 ? damaged.size() : 200)] = static_cast<char>(random());
    if (const auto parsed = parse(damaged)) {
      for (const Page& page : parsed->pages) ASSERT_LE(page.first + std::uint64_t{page.count}, parsed->rows.size());
      for (const std::uint32_t row : parsed->rows) ASSERT_LT(row & 0xffff, parsed->rules.size());
    }
  }
  for (std::size_t size = 0; size < bytes.size(); size += 997) EXPECT_FALSE(parse(bytes.substr(0, size)));
}

TEST(Table, SurvivesDamagedFiles) {
  const std::string whole = bytes_of(UNWIND_LATE);
  ASSERT_GT(whole.size(), 4096u);
  std::minstd_rand random(9);
  std::size_t built = 0;
  for (int round = 0; round < 3000; ++round) {
    std::string bytes = whole;
    const std::size_t flips = 1 + random() % 64;
    for (std::size_t i = 0; i < flips; ++i) bytes[random() % bytes.size()] = static_cast<char>(random());
    if (round % 7 == 0) bytes.resize(random() % bytes.size());
    // Lying headers: any size, any offset.
    if (round % 3 == 0) {
      const std::uint64_t lie = random() % 2 ? ~std::uint64_t{0} >> random() % 40 : random();
      std::memcpy(bytes.data() + bytes.size() - std::min<std::size_t>(bytes.size(), 8 + random() % 2000), &lie,
                  std::min<std::size_t>(bytes.size(), sizeof lie));
    }
    const auto table = build_table(as_bytes(bytes));
    if (!table) continue;
    ++built;
    expect_consistent(*table);
  }
  EXPECT_GT(built, 100u);
}

TEST(Table, SurvivesRandomCallFrameInformation) {
  std::minstd_rand random(13);
  const std::array<std::uint8_t, 16> identity{0x7f, 'E', 'L', 'F', 2, 1, 1};
  std::size_t functions = 0;
  for (int round = 0; round < 20'000; ++round) {
    std::vector<std::uint8_t> bytes(random() % 200);
    for (auto& byte : bytes) byte = static_cast<std::uint8_t>(random());
    // A CIE that is right makes the noise behind it reach the interpreter.
    const std::vector<std::uint8_t> cie{0x14, 0,    0,  0, 0,    0,    0, 0, 1,    'z', 'R', 0,
                                        1,    0x78, 16, 1, 0x1b, 0x0c, 7, 8, 0x90, 1,   0,   0};
    std::vector<std::uint8_t> section = cie;
    const auto size = static_cast<std::uint8_t>(std::min<std::size_t>(bytes.size() + 13, 250));
    for (const int byte : {int{size}, 0, 0, 0, 0x1c, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0})
      section.push_back(static_cast<std::uint8_t>(byte));
    section.insert(section.end(), bytes.begin(), bytes.end());
    const Cfi cfi = read_cfi(section, 0x1000, CfiKind::eh_frame, identity);
    for (const Fde& fde : cfi.fdes) {
      ++functions;
      std::uint64_t last = 0;
      interpret(cfi.cies[fde.cie], fde.instructions, fde.range, [&](std::uint64_t address, const Rule& rule) {
        EXPECT_GE(address, last);
        EXPECT_LT(address, fde.range.end);
        EXPECT_LE(rule.kind, FANLIGHT_UNWIND_UNSUPPORTED);
        last = address;
      });
    }
  }
  EXPECT_GT(functions, 1000u);
}

TEST(Walk, SurvivesTablesAndStacksOfNoise) {
  std::minstd_rand random(17);
  std::vector<fanlight_unwind_chunk> chunks(1);
  std::vector<fanlight_unwind_page> pages(8);
  std::vector<fanlight_unwind_rule> rules(64);
  std::vector<fanlight_unwind_mappings> lists(2);
  for (int round = 0; round < 3000; ++round) {
    const auto noise = [&](auto& object) {
      auto* bytes = reinterpret_cast<unsigned char*>(&object);
      for (std::size_t i = 0; i < sizeof object; ++i) bytes[i] = static_cast<unsigned char>(random());
    };
    for (auto& rule : rules) {
      noise(rule);
      if (random() % 4) rule.kind = random() % 7;
      if (random() % 2) rule.offset = static_cast<std::int32_t>(random() % 512);
    }
    for (auto& page : pages) noise(page);
    if (random() % 2)
      pages[0] = {.first = static_cast<std::uint32_t>(random() % 65536),
                  .rows = static_cast<std::uint32_t>(random() % 70000)};
    for (int i = 0; i < 500; ++i) chunks[0].rows[random() % 65536] = static_cast<std::uint32_t>(random() * 7);
    fanlight_unwind_mappings& list = lists[0];
    list.count = static_cast<std::uint32_t>(random() % 3 ? random() % 5 : random());
    for (int i = 0; i < 4; ++i)
      list.at[i] = {.start = 0x1000u * static_cast<unsigned>(i),
                    .end = 0x1000u * static_cast<unsigned>(i) + 0x1000,
                    .origin = 0,
                    .page = 0,
                    .pages = static_cast<std::uint32_t>(random() % 10)};
    Registers registers{.ip = random() % 0x4000};
    for (auto& one : registers.general) one = random() % 0x10000;
    const Walked walked =
        walk({chunks, pages, rules, lists}, 0, registers, [&](void* into, std::size_t bytes, std::uint64_t) {
          for (std::size_t i = 0; i < bytes; ++i)
            static_cast<unsigned char*>(into)[i] = static_cast<unsigned char>(i % 8 < 2 ? random() : 0);
          return random() % 50 != 0;
        });
    EXPECT_LE(walked.frames.size(), 512u);
    EXPECT_NE(walked.stop, FANLIGHT_STOP_NOT);
  }
}

TEST(Rule, SaysWhatAnExpressionMeans) {
  struct Case {
    const char* name;
    std::vector<std::uint8_t> expression;
    bool signal;
    Rule rule;
  };
  for (const Case& c : {
           Case{"linkage table",
                {0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22},
                false,
                {.offset = 8, .after = 11, .kind = FANLIGHT_UNWIND_PLT, .base = 7}},
           Case{"realigned stack",
                {0x76, 0x58, 0x06},
                false,
                {.offset = -40, .kind = FANLIGHT_UNWIND_DEREFERENCE, .base = 6}},
           Case{"hand-written",
                {0x77, 0x28, 0x06, 0x23, 8},
                false,
                {.offset = 40, .after = 8, .kind = FANLIGHT_UNWIND_DEREFERENCE, .base = 7}},
           Case{"signal frame", {0x77, 0xa0, 1, 0x06}, true, {.offset = 40, .kind = FANLIGHT_UNWIND_SIGNAL, .base = 7}},
           Case{"empty", {}, false, {.kind = FANLIGHT_UNWIND_UNSUPPORTED}},
           Case{"something else",
                {0x77, 8, 0x79, 0, 0x38, 0x1e, 0x22, 0x06},
                false,
                {.kind = FANLIGHT_UNWIND_UNSUPPORTED}},
           Case{"cut off", {0x77}, false, {.kind = FANLIGHT_UNWIND_UNSUPPORTED}},
       }) {
    SCOPED_TRACE(c.name);
    CfiRow row{.cfa_is_expression = true, .cfa_expression = c.expression};
    EXPECT_TRUE(rule_of(row, c.signal) == c.rule);
  }
}

// However many there are, and with the page of old system calls, which a process's last mapping is.
TEST(Mappings, AreAllFound) {
  std::vector<fanlight_unwind_rule> rules(1);
  std::vector<fanlight_unwind_mappings> lists(2);
  const Arrays arrays{.chunks = {}, .pages = {}, .rules = rules, .mappings = lists};
  const auto nothing = [](void*, std::size_t, std::uint64_t) { return false; };
  for (std::uint64_t count = 1; count < 70; ++count) {
    Published published(arrays);
    std::vector<MappedTable> mapped;
    for (std::uint64_t i = 0; i < count; ++i)
      mapped.push_back({.start = 0x7f0000000000 + i * 0x3000, .end = 0x7f0000002000 + i * 0x3000});
    mapped.push_back({.start = 0xffffffffff600000, .end = 0xffffffffff601000});
    published.map(mapped);
    for (std::uint64_t i = 0; i < count; ++i) {
      EXPECT_EQ(walk(arrays, published.list(), {.ip = mapped[i].start}, nothing).stop, FANLIGHT_STOP_NO_RULE)
          << i << " of " << count;
      EXPECT_EQ(walk(arrays, published.list(), {.ip = mapped[i].end}, nothing).stop, FANLIGHT_STOP_NO_MAPPING)
          << i << " of " << count;
    }
  }
}

}  // namespace
}  // namespace fanlight::unwind
