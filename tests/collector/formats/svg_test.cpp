#include "collector/formats/svg.hpp"

#include <gtest/gtest.h>

#include <map>
#include <sstream>

#include <boost/property_tree/ptree.hpp>
#include <boost/property_tree/xml_parser.hpp>

#include "collector/formats/flame.hpp"
#include "tests/collector/profile/made_windows.hpp"
#include "tests/golden.hpp"

namespace fanlight::formats {
namespace {

namespace pt = boost::property_tree;

pt::ptree parsed(const std::string& text) {
  std::istringstream in(text);
  pt::ptree tree;
  pt::read_xml(in, tree);
  return tree;
}

TEST(Svg, OfTheBroadcaster) {
  const profile::Profile profile = testing::broadcaster().query();
  testing::expect_golden("broadcaster.wall.svg", svg(profile::view(profile, profile::View::wall)));
}

TEST(Svg, IsWellFormedWhateverTheNamesAre) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    const profile::Profile profile = testing::random_window(seed).query();
    for (const profile::View view : profile::kViews) EXPECT_NO_THROW(parsed(svg(profile::view(profile, view))));
  }
}

TEST(Svg, NeedsNothingFromOutsideAndEvaluatesNothing) {
  std::string text = svg(profile::view(testing::broadcaster().query(), profile::View::wall));
  for (const char* name : {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xhtml"}) {
    const std::size_t at = text.find(name);
    ASSERT_NE(at, std::string::npos);
    text.erase(at, std::string(name).size());
  }
  for (const char* outside :
       {"http:", "https:", "url(", "@import", "href", "eval(", "Function(", "fetch(", "XMLHttp"}) {
    EXPECT_EQ(text.find(outside), std::string::npos) << outside;
  }
}

TEST(Svg, AHostileNameStaysText) {
  const profile::WeightedStacks stacks{
      .name = "oncpu",
      .unit = "nanoseconds",
      .frames = {{profile::FrameOrigin::user, "x\"/><script>", 1, "</title><script>alert(1)</script>]]>\x1b&"}},
      .stacks = {{{0}, 5, 1}}};
  const std::string text = svg(stacks, {.title = "<b>\"&"});
  EXPECT_EQ(text.find("<script>alert"), std::string::npos);
  const pt::ptree tree = parsed(text);
  EXPECT_EQ(tree.get<std::string>("svg.title"), "<b>\"&");
}

TEST(Svg, EmptyViewsSaySo) {
  EXPECT_NE(svg(profile::WeightedStacks{.name = "map"}).find("no samples in this view"), std::string::npos);
}

TEST(Flame, BoxesAddUpAndNest) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    const profile::Profile profile = testing::random_window(seed).query();
    const profile::WeightedStacks stacks = profile::view(profile, profile::View::wall);
    const Flame picture = flame(stacks, 0);
    ASSERT_FALSE(picture.boxes.empty());
    EXPECT_EQ(picture.boxes[0].weight, stacks.total());
    EXPECT_EQ(picture.hidden, 0u);
    std::vector<const FlameBox*> path;
    for (const FlameBox& box : picture.boxes) {
      path.resize(box.depth);
      if (!path.empty()) {
        EXPECT_GE(box.start, path.back()->start);
        EXPECT_LE(box.start + box.weight, path.back()->start + path.back()->weight);
      }
      path.push_back(&box);
    }
  }
}

TEST(Flame, SaysWhatItLeavesOut) {
  profile::WeightedStacks stacks{.frames = {{.name = "wide"}, {.name = "narrow"}, {.name = "above"}},
                                 .stacks = {{{0}, 990, 1}, {{1, 2}, 10, 1}}};
  const Flame picture = flame(stacks, 0.05);
  EXPECT_EQ(picture.boxes.size(), 2u);
  EXPECT_EQ(picture.hidden, 1u);
  EXPECT_EQ(picture.hidden_weight, 10u);
  stacks.stacks = {{profile::Stack(5000, 0), 1, 1}};
  EXPECT_EQ(flame(stacks, 0).depth, 1024u);
  EXPECT_EQ(flame(stacks, 0).hidden, 5000u - 1024);
}

}  // namespace
}  // namespace fanlight::formats
