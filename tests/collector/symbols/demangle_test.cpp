#include "collector/symbols/demangle.hpp"

#include <gtest/gtest.h>

#include <string>

namespace fanlight::symbols {
namespace {

TEST(Demangle, DisplayNames) {
  struct Case {
    const char* symbol;
    const char* shown;
  };
  for (const Case& c : {
           Case{"", ""},
           Case{"main", "main"},
           Case{"_ZNSt6vectorIiSaIiEE9push_backERKi", "std::vector<int>::push_back"},
           Case{"_ZN8fanlight6server6Worker5flushEv", "fanlight::server::Worker::flush"},
           Case{"_ZN8fanlight6server6Worker5flushEv.part.0", "fanlight::server::Worker::flush"},
           Case{"_ZN8fanlight6server6Worker5flushEv.cold", "fanlight::server::Worker::flush"},
           Case{"tcp_sendmsg.isra.0", "tcp_sendmsg"},
           Case{"foo.constprop.0.isra.0.cold", "foo"},
           Case{"foo.colder", "foo.colder"},
           Case{"runtime.mallocgc", "runtime.mallocgc"},
           Case{"memcpy@@GLIBC_2.14", "memcpy"},
           Case{"_ZNSsC1ERKSs@GLIBCXX_3.4", "std::string::basic_string"},
           Case{"_ZN4core3ptr13drop_in_place17h0123456789abcdefE", "core::ptr::drop_in_place"},
           Case{"_RNvNtCs1234_7mycrate3foo3bar", "mycrate::foo::bar"},
           Case{"_Znot_mangled", "_Znot_mangled"},
           Case{"_Z", "_Z"},
           Case{"a\nb;c\x01", "a?b;c?"},
       }) {
    SCOPED_TRACE(c.symbol);
    EXPECT_EQ(display_name(c.symbol), c.shown);
  }
}

/// f(b<...>) where each b has the one before twice: 11 bytes of symbol double what it stands for.
std::string doubling_symbol(int levels) {
  std::string symbol = "_Z1f1a1bIS_S_E";
  const auto reference = [](int index) {
    constexpr const char* kDigits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    std::string digits;
    for (int rest = index - 1;; rest /= 36) {
      digits.insert(digits.begin(), kDigits[rest % 36]);
      if (rest < 36) break;
    }
    return "S" + digits + "_";
  };
  for (int level = 0; level < levels; ++level) symbol += "S0_I" + reference(level + 2) + reference(level + 2) + "E";
  return symbol;
}

TEST(Demangle, SubstitutionsCannotGrowWithoutBound) {
  EXPECT_EQ(demangle(doubling_symbol(1)), "f(a, b<a, a>, b<b<a, a>, b<a, a> >)");
  EXPECT_EQ(demangle(doubling_symbol(60)).size(), 64u * 1024);
  EXPECT_LE(display_name(doubling_symbol(60)).size(), 512u);
}

TEST(Demangle, DeepNamesCannotOverflowTheStack) {
  for (const char* pattern : {"P", "K", "Fv", "Z", "1aI", "DpP", "N1a", "X", "T_", "L_Z"}) {
    SCOPED_TRACE(pattern);
    for (const std::size_t length : {1000u, 4000u, 100'000u}) {
      std::string symbol = "_Z1f";
      while (symbol.size() < length) symbol += pattern;
      EXPECT_FALSE(display_name(symbol + "i").empty());
      EXPECT_FALSE(display_name("_Z" + symbol.substr(4) + "1fv").empty());
    }
  }
}

TEST(Demangle, NamesAreBounded) {
  const std::string name(10'000, 'x');
  EXPECT_EQ(demangle("_Z10000" + name).size(), 10'007u) << "longer than what is demangled";
  EXPECT_EQ(display_name(name).size(), 512u);
}

}  // namespace
}  // namespace fanlight::symbols
