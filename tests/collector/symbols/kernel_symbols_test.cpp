#include "collector/symbols/kernel_symbols.hpp"

#include <gtest/gtest.h>

namespace fanlight::symbols {
namespace {

TEST(KernelSymbols, CodeIsNamedDataIsNot) {
  const auto table = parse_kernel_symbols(
      "ffffffff81000000 T _stext\n"
      "ffffffff81000000 T startup_64\n"
      "ffffffff81000100 t helper.isra.0\n"
      "ffffffff81000200 D some_data\n"
      "not a line\n"
      "\n"
      "ffffffff8100030g T bad_address\n"
      "ffffffffc0000000 t handler\t[some_module]\n"
      "ffffffffffffff00 t last");
  ASSERT_TRUE(table) << table.error().what;
  struct Case {
    std::uint64_t address;
    const char* name;
  };
  for (const Case& c :
       {Case{0xffffffff80ffffff, ""}, Case{0xffffffff81000000, "startup_64"}, Case{0xffffffff810000ff, "startup_64"},
        Case{0xffffffff81000100, "helper.isra.0"}, Case{0xffffffff81000200, "helper.isra.0"},
        Case{0xffffffff81100101, ""}, Case{0xffffffffc0000010, "handler"}, Case{0xffffffffc0100000, ""},
        Case{0xffffffffffffff80, "last"}}) {
    SCOPED_TRACE(c.address);
    EXPECT_EQ(table->find(c.address), c.name);
  }
}

TEST(KernelSymbols, HiddenAddressesAreAnErrorWithAHint) {
  const auto table = parse_kernel_symbols("0000000000000000 T _stext\n0000000000000000 t helper\n");
  ASSERT_FALSE(table);
  EXPECT_EQ(table.error().what, "kernel symbols: addresses are hidden");
  EXPECT_NE(table.error().hint.find("CAP_SYSLOG"), std::string::npos);
  EXPECT_TRUE(parse_kernel_symbols("").has_value()) << "no lines, nothing hidden";
}

}  // namespace
}  // namespace fanlight::symbols
