// Every writer keeps the total; what has a reader comes back with the same weight for each stack.
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "collector/formats/flame.hpp"
#include "collector/formats/folded.hpp"
#include "collector/formats/import.hpp"
#include "collector/formats/pprof.hpp"
#include "collector/formats/speedscope.hpp"
#include "collector/formats/tabular.hpp"
#include "collector/profile/select.hpp"
#include "tests/collector/formats/lines.hpp"
#include "tests/collector/profile/made_windows.hpp"

namespace fanlight::formats {
namespace {

using testing::by_line;
using testing::difference;

/// Stacks with their labels, as lines: what pprof must bring back beyond folded stacks.
std::map<std::string, std::uint64_t> by_labels(const profile::WeightedStacks& stacks) {
  std::map<std::string, std::uint64_t> lines;
  for (const profile::WeightedStack& stack : stacks.stacks) {
    profile::WeightedStacks one = stacks;
    one.stacks = {stack};
    std::string line = folded(one);
    line = line.substr(0, line.rfind(' '));
    // A label of the target may not be called as one of ours.
    for (const auto& [key, value] : stacks.labels[stack.labels]) line += "|" + key + "=" + value;
    lines[line] += stack.weight;
  }
  return lines;
}

TEST(Conservation, FoldedAndPprofBringBackEveryStack) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const profile::Profile profile = testing::random_window(seed).query();
    for (const profile::View view : profile::kViews) {
      SCOPED_TRACE(std::to_string(seed) + " " + std::string(profile::name_of(view)));
      const profile::WeightedStacks stacks = profile::view(profile, view);
      if (stacks.stacks.empty()) continue;
      const std::string lines = folded(stacks);
      const auto from_folded = import_profile(lines, "folded");
      ASSERT_TRUE(from_folded) << from_folded.error().what << lines.substr(0, 200);
      EXPECT_EQ(from_folded->format, "folded");
      EXPECT_EQ(
          difference(by_line(folded(profile::view(from_folded->window.query(), from_folded->view))), by_line(lines)),
          "");

      const auto packed = pprof(stacks);
      ASSERT_TRUE(packed);
      const auto from_pprof = import_profile(*packed, "pprof");
      ASSERT_TRUE(from_pprof) << from_pprof.error().what;
      const profile::WeightedStacks back = profile::view(from_pprof->window.query(), from_pprof->view);
      EXPECT_EQ(difference(by_line(folded(back)), by_line(lines)), "");
      EXPECT_EQ(back.unit, stacks.unit);
    }
  }
}

TEST(Conservation, PprofBringsBackLabelsStatesSourcesAndBuildIds) {
  profile::Window window = testing::broadcaster();
  profile::Tables& tables = window.tables();
  const auto news = tables.labels({{"topic", "news"}, {"class", "slow"}});
  tables.set_build_id("/opt/fanlight/bin/fanlight-server", "00ffee");
  tables.set_source(3, "codec.cpp", 40, {{"append", "frame.hpp", 7}, {"memcpy", "", 0}});
  profile::Slice slice = window.slices()[0];
  for (profile::SampleRow& row : slice.samples) row.labels = row.stack % 2 == 1 ? news : 0;
  window.append(slice);
  const profile::WeightedStacks wall = profile::view(window.query(), profile::View::wall, true);
  const auto packed = pprof(wall);
  ASSERT_TRUE(packed);
  const auto back = read_pprof(*packed);
  ASSERT_TRUE(back) << back.error().what;
  EXPECT_EQ(back->view, profile::View::wall);
  const profile::WeightedStacks again = profile::view(back->window.query(), profile::View::wall, true);
  EXPECT_EQ(difference(by_labels(again), by_labels(wall)), "");
  EXPECT_NE(folded(again).find("encode<Sse>(std::string_view);append;memcpy "), std::string::npos) << folded(again);
  ASSERT_EQ(again.modules.size(), 1u);
  EXPECT_EQ(again.modules[0].build_id, "00ffee");
}

TEST(Conservation, EveryOtherWriterKeepsTheTotal) {
  namespace js = boost::json;
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    const profile::Profile profile = testing::random_window(seed).query();
    for (const profile::View view : profile::kViews) {
      SCOPED_TRACE(std::to_string(seed) + " " + std::string(profile::name_of(view)));
      const profile::WeightedStacks stacks = profile::view(profile, view);
      std::uint64_t total = 0;
      const js::value scope = js::parse(speedscope(stacks));
      const js::value& only = scope.at("profiles").at(0);
      for (const js::value& weight : only.at("weights").as_array()) total += weight.to_number<std::uint64_t>();
      EXPECT_EQ(total, stacks.total());
      EXPECT_EQ(only.at("endValue").to_number<std::uint64_t>(), stacks.total());
      EXPECT_EQ(only.at("samples").as_array().size(), only.at("weights").as_array().size());
      for (const js::value& sample : only.at("samples").as_array()) {
        for (const js::value& frame : sample.as_array()) {
          EXPECT_LT(frame.to_number<std::size_t>(), scope.at("shared").at("frames").as_array().size());
        }
      }
      total = 0;
      const js::value plain = js::parse(stacks_json(stacks));
      for (const js::value& stack : plain.at("stacks").as_array()) {
        total += stack.at("weight").to_number<std::uint64_t>();
      }
      EXPECT_EQ(total, stacks.total());
      total = 0;
      for (const auto& row : testing::csv_rows(csv(stacks))) {
        ASSERT_EQ(row.size(), 11u);
        if (row[0] != "weight") total += std::stoull(row[0]);
      }
      EXPECT_EQ(total, stacks.total());
      std::uint64_t ends = 0;
      for (const FlameBox& box : flame(stacks, 0).boxes) ends += box.self;
      EXPECT_EQ(ends, stacks.total());
    }
  }
}

TEST(Conservation, SelectionsKeepWhatTheyShow) {
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE(seed);
    const profile::Profile profile = testing::random_window(seed).query();
    const profile::WeightedStacks whole = profile::view(profile, profile::View::wall);
    struct Case {
      const char* name;
      profile::Selection selection;
    };
    for (const Case& c : {Case{"invert", {.invert = true}}, Case{"by module", {.group_by = "module"}},
                          Case{"by label", {.group_by = "label"}}, Case{"by topic", {.group_by = "label:topic"}},
                          Case{"minimum", {.min_share = 0.1}}}) {
      SCOPED_TRACE(c.name);
      const auto selector = profile::Selector::make(c.selection);
      ASSERT_TRUE(selector);
      EXPECT_EQ(selector->view(profile, profile::View::wall).total(), whole.total());
    }
    const auto with = profile::Selector::make({.focus = "main"});
    const auto without = profile::Selector::make({.ignore = "main"});
    ASSERT_TRUE(with && without);
    EXPECT_EQ(with->view(profile, profile::View::wall).total() + without->view(profile, profile::View::wall).total(),
              whole.total());
  }
}

}  // namespace
}  // namespace fanlight::formats
