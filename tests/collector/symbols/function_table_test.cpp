#include "collector/symbols/function_table.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace fanlight::symbols {
namespace {

/// A table under construction: names by content instead of by offset.
struct Builder {
  std::vector<Function> functions;
  std::string text = std::string(1, '\0');

  Builder& add(const char* name, std::uint64_t start, std::uint64_t size, bool typed = true, std::uint8_t binding = 0) {
    functions.push_back({.start = start,
                         .size = size,
                         .limit = 1000,
                         .name = static_cast<std::uint32_t>(text.size()),
                         .typed = typed,
                         .binding_rank = binding});
    text.append(name).push_back('\0');
    return *this;
  }
  FunctionTable table() const { return FunctionTable(functions, text); }
};

TEST(FunctionTable, FindsWhatCoversAnAddress) {
  const FunctionTable table = Builder()
                                  .add("outer", 100, 100)
                                  .add("inner", 120, 10)
                                  .add("label", 150, 0, false)
                                  .add("next", 200, 20)
                                  .add("asm", 300, 0, false)
                                  .add("asm2", 340, 0)
                                  .table();
  struct Case {
    std::uint64_t address;
    const char* name;
  };
  for (const Case& c : {Case{0, ""}, Case{99, ""}, Case{100, "outer"}, Case{119, "outer"}, Case{120, "inner"},
                        Case{129, "inner"}, Case{130, "outer"}, Case{150, "outer"}, Case{199, "outer"},
                        Case{200, "next"}, Case{219, "next"}, Case{220, ""}, Case{299, ""}, Case{300, "asm"},
                        Case{339, "asm"}, Case{340, "asm2"}, Case{999, "asm2"}, Case{1000, ""}, Case{~0ull, ""}}) {
    SCOPED_TRACE(c.address);
    EXPECT_EQ(table.find(c.address), c.name);
  }
}

TEST(FunctionTable, PicksTheNameThatSaysMost) {
  struct Case {
    const char* what;
    Builder builder;
    const char* name;
  };
  for (const Case& c :
       {Case{"underscores",
             Builder().add("__write", 10, 5).add("write", 10, 5, true, 1).add("__GI___write", 10, 5, true, 2), "write"},
        Case{"binding", Builder().add("local", 10, 5, true, 2).add("global", 10, 5), "global"},
        Case{"size", Builder().add("label", 10, 0).add("_sized", 10, 5), "_sized"},
        Case{"type", Builder().add("label", 10, 5, false).add("_typed", 10, 5), "_typed"},
        Case{"C++ is not hidden", Builder().add("_ZN1aC2Ev", 10, 5).add("_plain", 10, 5), "_ZN1aC2Ev"},
        Case{"order of equals", Builder().add("bb", 10, 5).add("aa", 10, 5), "aa"}}) {
    SCOPED_TRACE(c.what);
    EXPECT_EQ(c.builder.table().find(12), c.name);
  }
}

TEST(FunctionTable, HostileEntriesNameNothing) {
  Builder builder;
  builder.add("huge", 100, ~0ull).add("wraps", ~0ull - 5, 100);
  builder.functions.push_back({.start = 50, .size = 10, .name = 1u << 30});
  builder.functions.push_back({.start = 70, .size = 10, .name = static_cast<std::uint32_t>(builder.text.size())});
  builder.text += "not terminated";
  const FunctionTable table = builder.table();
  EXPECT_EQ(table.find(55), "");
  EXPECT_EQ(table.find(75), "");
  EXPECT_EQ(table.find(1'000'000), "huge");
  EXPECT_EQ(table.find(~0ull - 2), "wraps");
  EXPECT_TRUE(FunctionTable().empty());
  EXPECT_EQ(FunctionTable().find(0), "");
}

TEST(FunctionTable, AgreesWithSearchingOneByOne) {
  std::mt19937 random(3);
  for (int round = 0; round < 500; ++round) {
    Builder builder;
    for (unsigned i = random() % 12; i > 0; --i) {
      const std::string name = "f" + std::to_string(i);
      builder.add(name.c_str(), 1 + random() % 60, 1 + random() % 30);
    }
    const FunctionTable table = builder.table();
    for (std::uint64_t address = 0; address < 100; ++address) {
      // The function that starts last among those that cover the address; aliases share the widest size.
      const Function* best = nullptr;
      for (const Function& f : builder.functions) {
        std::uint64_t size = 0;
        for (const Function& alias : builder.functions)
          if (alias.start == f.start) size = std::max(size, alias.size);
        if (address < f.start || address >= f.start + size) continue;
        const std::string name = builder.text.c_str() + f.name;
        const std::string held = best == nullptr ? "" : builder.text.c_str() + best->name;
        const bool nearer = best == nullptr || f.start > best->start;
        const bool better =
            best != nullptr && f.start == best->start && std::pair(name.size(), name) < std::pair(held.size(), held);
        if (nearer || better) best = &f;
      }
      ASSERT_EQ(table.find(address), best == nullptr ? "" : std::string_view(builder.text.c_str() + best->name))
          << "round " << round << ", address " << address;
    }
  }
}

}  // namespace
}  // namespace fanlight::symbols
