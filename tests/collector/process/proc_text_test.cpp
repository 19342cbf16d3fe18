#include "collector/process/proc_text.hpp"

#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>

namespace fanlight::process {
namespace {

TEST(ProcText, PrintableKeepsUtf8AndNothingElse) {
  struct Case {
    const char* name;
    std::string in;
    std::size_t max;
    std::string out;
  };
  for (const Case& c :
       {Case{"plain", "worker-1", 64, "worker-1"}, Case{"empty", "", 64, ""},
        Case{"control characters", "a\tb\nc\x7f", 64, "a?b?c?"},
        Case{"C1 control",
             "a\xc2\x85"
             "b",
             64, "a?b"},
        Case{"two bytes", "\xc3\xa9", 64, "\xc3\xa9"}, Case{"overlong", "\xc0\xaf", 64, "??"},
        Case{"surrogate", "\xed\xa0\x80", 64, "???"}, Case{"above U+10FFFF", "\xf4\x90\x80\x80", 64, "????"},
        Case{"cut short", "x\xe2\x82", 64, "x??"}, Case{"bound", "abcdef", 3, "abc"},
        Case{"bound inside a character", "ab\xe2\x82\xac", 4, "ab"}}) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(printable(c.in, c.max), c.out);
  }
}

TEST(ProcText, FilesAreReadUpToABound) {
  const std::filesystem::path file =
      std::filesystem::path(FANLIGHT_SOURCE_DIR) / "tests/data/process_root/proc/4242/task/4243/comm";
  EXPECT_EQ(read_text(file, 9).value_or("-"), "worker-1\n");
  const auto bounded = read_text(file, 8);
  ASSERT_FALSE(bounded);
  EXPECT_EQ(bounded.error().code, EFBIG);
  const auto directory = read_text(file.parent_path(), 8);
  ASSERT_FALSE(directory);
  EXPECT_EQ(directory.error().code, EISDIR);
}

}  // namespace
}  // namespace fanlight::process
