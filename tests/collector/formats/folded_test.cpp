#include "collector/formats/folded.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <sstream>

#include "collector/formats/text.hpp"
#include "tests/collector/profile/made_windows.hpp"
#include "tests/golden.hpp"

namespace fanlight::formats {
namespace {

TEST(Folded, OfTheBroadcaster) {
  const profile::Profile profile = testing::broadcaster().query();
  testing::expect_golden("broadcaster.oncpu.folded", folded(profile::view(profile, profile::View::on_cpu)));
  testing::expect_golden("broadcaster.wall.folded", folded(profile::view(profile, profile::View::wall)));
}

TEST(Folded, LinesAddUpToTheViewWhateverTheNamesAre) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE(seed);
    const profile::Profile profile = testing::random_window(seed).query();
    for (const profile::View view : profile::kViews) {
      const profile::WeightedStacks stacks = profile::view(profile, view);
      std::istringstream text(folded(stacks));
      std::uint64_t whole = 0;
      std::uint64_t last = ~std::uint64_t{0};
      for (std::string line; std::getline(text, line);) {
        const std::size_t space = line.rfind(' ');
        ASSERT_NE(space, std::string::npos) << line;
        ASSERT_GT(space, 0u) << "a stack has a name";
        const std::uint64_t weight = std::stoull(line.substr(space + 1));
        EXPECT_LE(weight, last) << "heaviest first";
        last = weight;
        whole += weight;
        EXPECT_EQ(line.find('\t'), std::string::npos);
      }
      EXPECT_EQ(whole, stacks.total());
    }
  }
}

TEST(Folded, KernelFramesAreMarkedAndSeparatorsReplaced) {
  const profile::WeightedStacks stacks{.frames = {{profile::FrameOrigin::user, "x", 1, "a;b\nc"},
                                                  {profile::FrameOrigin::kernel, "[kernel]", 2, "do_it"},
                                                  {profile::FrameOrigin::user, "x", 3, ""}},
                                       .stacks = {{{0, 1}, 5, 1}, {{0, 2}, 3, 1}, {{}, 2, 1}}};
  EXPECT_EQ(folded(stacks), "a:b c;do_it_[k] 5\na:b c;[unknown] 3\n[unknown] 2\n");
}

TEST(Folded, PlacesOfOneFunctionAreOneLine) {
  const profile::WeightedStacks stacks{
      .frames = {{profile::FrameOrigin::user, "x", 1, "f"}, {profile::FrameOrigin::user, "x", 2, "f"}},
      .stacks = {{{0}, 5, 1}, {{1}, 3, 1}}};
  EXPECT_EQ(folded(stacks), "f 8\n");
}

TEST(Folded, ComesInPiecesUntilTheSinkHasEnough) {
  profile::WeightedStacks stacks;
  for (std::uint32_t i = 0; i < 1000; ++i) {
    stacks.frames.push_back({.module = "x", .offset = i, .name = std::string(300, 'f') + std::to_string(i)});
    stacks.stacks.push_back({{i}, 1 + i, 1});
  }
  std::string whole;
  unsigned pieces = 0;
  ASSERT_TRUE(folded(stacks, [&](std::string_view piece) -> Result<> {
    EXPECT_TRUE(piece.ends_with('\n')) << "lines stay whole";
    ++pieces;
    whole += piece;
    return {};
  }));
  EXPECT_EQ(whole, folded(stacks));
  EXPECT_EQ(std::ranges::count(whole, '\n'), 1000);
  EXPECT_GT(pieces, 3u);
  unsigned taken = 0;
  const auto ended = folded(stacks, [&](std::string_view) { return ++taken < 2 ? Result<>() : fail(ENOSPC, "write"); });
  ASSERT_FALSE(ended);
  EXPECT_EQ(ended.error().code, ENOSPC);
  EXPECT_EQ(taken, 2u);
}

TEST(Text, CleansWhatFormatsCannotCarry) {
  struct Case {
    const char* name;
    std::string raw, clean;
  };
  const std::string mark = "\xef\xbf\xbd";
  for (const Case& c :
       {Case{"plain", "std::vector<int>", "std::vector<int>"}, Case{"accents", "na\xc3\xafve", "na\xc3\xafve"},
        Case{"escape sequence", "\x1b[31m", " [31m"}, Case{"C1 control", "\xc2\x9bX", " X"},
        Case{"stray byte",
             "a\xff"
             "b",
             "a" + mark + "b"},
        Case{"cut short", "\xe2\x82", mark + mark}, Case{"overlong", "\xc0\xaf", mark + mark},
        Case{"surrogate", "\xed\xa0\x80", mark + mark + mark},
        Case{"too high", "\xf4\x90\x80\x80", mark + mark + mark + mark}, Case{"noncharacter", "\xef\xbf\xbf", mark},
        Case{"NUL", std::string("a\0b", 3), "a b"}}) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(clean(c.raw), c.clean);
  }
}

}  // namespace
}  // namespace fanlight::formats
