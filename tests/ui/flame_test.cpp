#include <gtest/gtest.h>

#include <map>
#include <random>

#include "tests/golden.hpp"
#include "ui/viewmodel/flame_layout.hpp"
#include "ui/views/paint_flame.hpp"

namespace fanlight::ui {
namespace {

using profile::FrameOrigin;
using profile::WeightedStacks;

/// "main;heavy;write_k 70": names that end in _k are kernel frames, those in [] and the first one are markers.
WeightedStacks stacks_of(std::initializer_list<std::pair<const char*, std::uint64_t>> folded) {
  WeightedStacks stacks{.name = "oncpu", .unit = "nanoseconds"};
  std::map<std::string, profile::FrameId> known;
  for (const auto& [line, weight] : folded) {
    profile::WeightedStack stack{.weight = weight, .count = 1};
    std::istringstream words(line);
    for (std::string name; std::getline(words, name, ';');) {
      const auto [found, fresh] = known.emplace(name, stacks.frames.size());
      const FrameOrigin origin = name.starts_with('[') || stack.frames.empty() ? FrameOrigin::marker
                                 : name.ends_with("_k")                        ? FrameOrigin::kernel
                                                                               : FrameOrigin::user;
      if (fresh) stacks.frames.push_back({origin, origin == FrameOrigin::user ? "/bin/split" : "", 0, name});
      stack.frames.push_back(found->second);
    }
    stacks.stacks.push_back(std::move(stack));
  }
  return stacks;
}

WeightedStacks split() {
  return stacks_of({{"worker;main;heavy;spin", 50}, {"worker;main;heavy;write_k", 20}, {"worker;main;light", 30}});
}

const FlameBox* box_named(const FlameTree& tree, const FlameLayout& layout, std::string_view name) {
  for (const FlameBox& box : layout.boxes)
    if (!box.merged && tree.name_of(box.node) == name) return &box;
  return nullptr;
}

TEST(FlameTree, JoinsStacksByNameAndKeepsTotals) {
  const FlameTree tree = build_flame_tree(split());
  EXPECT_EQ(tree.root().total, 100u);
  const FlameNode& heavy = tree.nodes[find(tree, "heavy")];
  EXPECT_EQ(heavy.total, 70u);
  EXPECT_EQ(heavy.self, 0u);
  EXPECT_EQ(heavy.count, 2u);
  EXPECT_EQ(tree.nodes[find(tree, "light")].self, 30u);
  EXPECT_EQ(find(tree, "nobody"), 0u);
}

TEST(FlameTree, SameNameAtOtherAddressIsTheSameBox) {
  WeightedStacks stacks = stacks_of({{"worker;main;heavy", 1}});
  profile::Frame elsewhere = stacks.frames[2];
  elsewhere.offset = 0x40;
  stacks.frames.push_back(elsewhere);
  stacks.stacks.push_back({{0, 1, 3}, 4, 1});
  const FlameTree tree = build_flame_tree(stacks);
  EXPECT_EQ(tree.nodes.size(), 4u);
  EXPECT_EQ(tree.nodes[find(tree, "heavy")].total, 5u);
}

TEST(FlameTree, TotalIsSelfPlusChildren) {
  std::mt19937 random(7);
  WeightedStacks stacks = stacks_of({{"r;a;b;c;d;e;f;g", 1}});
  for (int i = 0; i < 400; ++i) {
    profile::WeightedStack stack{.weight = random() % 1000, .count = 1};
    for (unsigned depth = random() % 12; depth-- > 0;) stack.frames.push_back(random() % stacks.frames.size());
    stacks.stacks.push_back(stack);
  }
  const FlameTree tree = build_flame_tree(stacks);
  EXPECT_EQ(tree.root().total, stacks.total());
  for (const FlameNode& node : tree.nodes) {
    std::uint64_t children = 0;
    for (NodeId child = node.first_child; child < node.first_child + node.child_count; ++child)
      children += tree.nodes[child].total;
    EXPECT_EQ(node.total, node.self + children);
  }
}

TEST(FlameTree, LeavesIdleOutOnlyWhereAStateSaysSo) {
  WeightedStacks stacks = stacks_of({{"running;main", 10}, {"blocked: epoll/poll/select;worker;epoll_wait", 90}});
  EXPECT_EQ(remove_idle(stacks), 90u);
  EXPECT_EQ(build_flame_tree(stacks).root().total, 10u);
  WeightedStacks off = stacks_of({{"worker;[x];wait", 5}});
  off.frames.push_back({FrameOrigin::marker, "", 0, "epoll/poll/select"});
  off.stacks.push_back({{0, 3, 2}, 7, 1});
  EXPECT_EQ(remove_idle(off), 7u);
  WeightedStacks function = stacks_of({{"worker;epoll/poll/select", 3}});
  EXPECT_EQ(remove_idle(function), 0u) << "a function of that name is not a state";
}

TEST(FlameTree, PathsHoldOverNewData) {
  const FlameTree tree = build_flame_tree(split());
  const std::vector<std::string> path = path_to(tree, find(tree, "heavy"));
  EXPECT_EQ(path, (std::vector<std::string>{"worker", "main", "heavy"}));
  EXPECT_EQ(follow(tree, path), find(tree, "heavy"));
  const FlameTree other = build_flame_tree(stacks_of({{"worker;main;light", 30}}));
  EXPECT_EQ(other.name_of(follow(other, path)), "main") << "as far as the path still exists";
}

TEST(FlameLayout, WidthsAreShares) {
  const FlameTree tree = build_flame_tree(split());
  const FlameLayout layout = layout_flame(tree, 0, 1000);
  EXPECT_FLOAT_EQ(box_named(tree, layout, "main")->w, 1000);
  EXPECT_FLOAT_EQ(box_named(tree, layout, "heavy")->w, 700);
  EXPECT_FLOAT_EQ(box_named(tree, layout, "light")->x, 700);
  EXPECT_FLOAT_EQ(box_named(tree, layout, "light")->w, 300);
  EXPECT_EQ(box_named(tree, layout, "spin")->row, 4);
  EXPECT_EQ(layout.rows, 5);
}

TEST(FlameLayout, ZoomFillsTheWidthAndKeepsTheAncestors) {
  const FlameTree tree = build_flame_tree(split());
  const FlameLayout layout = layout_flame(tree, find(tree, "heavy"), 700);
  EXPECT_FLOAT_EQ(box_named(tree, layout, "main")->w, 700);
  EXPECT_FLOAT_EQ(box_named(tree, layout, "heavy")->w, 700);
  EXPECT_FLOAT_EQ(box_named(tree, layout, "spin")->w, 500);
  EXPECT_EQ(box_named(tree, layout, "light"), nullptr);
}

TEST(FlameLayout, ChildrenNeverPassTheirParentAndNothingOverlaps) {
  std::mt19937 random(11);
  WeightedStacks stacks = stacks_of({{"r;a;b;c;d;e;f;g;h;i;j", 1}});
  for (int i = 0; i < 3000; ++i) {
    profile::WeightedStack stack{.weight = 1 + random() % (i % 50 == 0 ? 100'000 : 30), .count = 1};
    for (unsigned depth = 1 + random() % 9; depth-- > 0;) stack.frames.push_back(random() % stacks.frames.size());
    stacks.stacks.push_back(stack);
  }
  const FlameTree tree = build_flame_tree(stacks);
  const FlameLayout layout = layout_flame(tree, 0, 1200);
  ASSERT_GT(layout.boxes.size(), 100u);
  EXPECT_LT(layout.boxes.size(), 1200u * layout.rows);
  std::map<NodeId, const FlameBox*> by_node;
  std::map<int, float> right_edge;
  for (const FlameBox& box : layout.boxes) {
    EXPECT_GE(box.x, right_edge[box.row] - 0.01f);
    right_edge[box.row] = box.x + box.w;
    if (!box.merged) by_node[box.node] = &box;
    if (box.node == 0) continue;
    const FlameBox* parent = by_node.at(tree.nodes[box.node].parent);
    EXPECT_GE(box.x, parent->x - 0.01f);
    EXPECT_LE(box.x + box.w, parent->x + parent->w + 0.01f);
  }
}

TEST(FlameLayout, NarrowNeighboursBecomeOneBox) {
  WeightedStacks stacks = stacks_of({{"r;wide", 100'000}});
  for (int i = 0; i < 500; ++i) {
    stacks.frames.push_back({FrameOrigin::user, "", 0, "narrow" + std::to_string(i)});
    stacks.stacks.push_back({{0, static_cast<profile::FrameId>(stacks.frames.size() - 1)}, 20, 1});
  }
  const FlameTree tree = build_flame_tree(stacks);
  const FlameLayout layout = layout_flame(tree, 0, 1000);
  ASSERT_EQ(layout.boxes.size(), 4u);  // all, r, the merged run (names before "wide"), wide
  EXPECT_TRUE(layout.boxes[2].merged);
  EXPECT_NEAR(layout.boxes[2].w, 1000.0 * 10'000 / 110'000, 0.1);
}

TEST(FlameLayout, FindsTheBoxUnderThePointer) {
  const FlameTree tree = build_flame_tree(split());
  const FlameLayout layout = layout_flame(tree, 0, 1000);
  struct Case {
    int row;
    float x;
    const char* name;  // empty: none
  };
  for (const Case& c : {Case{0, 5, "all"}, Case{3, 699, "heavy"}, Case{3, 700, "light"}, Case{4, 0, "spin"},
                        Case{4, 900, ""}, Case{3, 1000, ""}, Case{5, 10, ""}, Case{-1, 10, ""}, Case{0, -1, ""}}) {
    SCOPED_TRACE(std::to_string(c.row) + "," + std::to_string(c.x));
    const FlameBox* box = box_at(layout, c.row, c.x);
    EXPECT_EQ(box == nullptr ? "" : tree.name_of(box->node), c.name);
  }
}

TEST(FlameLayout, NothingToShow) {
  EXPECT_TRUE(layout_flame(build_flame_tree({}), 0, 1000).boxes.empty());
  EXPECT_TRUE(layout_flame(build_flame_tree(split()), 0, 0).boxes.empty());
  EXPECT_EQ(layout_flame(build_flame_tree(split()), 9999, 100).boxes.size(), 7u) << "an unknown zoom is no zoom";
}

TEST(FlameSearch, CountsEveryStackOnce) {
  const FlameTree tree =
      build_flame_tree(stacks_of({{"w;send;send", 40}, {"w;Resend", 10}, {"w;recv", 50}, {"w;recv;sendto", 25}}));
  EXPECT_EQ(search_flame(tree, "SEND").weight, 75u);
  EXPECT_EQ(search_flame(tree, "recv").weight, 75u);
  EXPECT_EQ(search_flame(tree, "nothing").weight, 0u);
  EXPECT_FALSE(search_flame(tree, "").active);
}

TEST(ShortName, SaysItAsPeopleDo) {
  struct Case {
    const char *name, *expected;
  };
  for (const Case& c : {
           Case{"main", "main"},
           Case{"fanlight::server::Worker::run()", "fanlight::server::Worker::run"},
           Case{"void std::vector<int, std::allocator<int> >::push_back(int const&)", "std::vector::push_back"},
           Case{"foo(int)::{lambda(auto:1)#2}::operator()(int) const", "foo::{lambda#2}::operator()"},
           Case{"std::ostream& operator<< <char>(std::ostream&, char)", "std::ostream& operator<< "},
           Case{"A::operator->() const", "A::operator->"},
           Case{"bool operator<(A const&, A const&)", "bool operator<"},
           Case{"(anonymous namespace)::helper(int)", "{anon}::helper"},
           Case{"[libc.so.6+0x1234]", "[libc.so.6+0x1234]"},
           Case{"run(std::function<void (int)>) [clone .cold]", "run"},
       }) {
    EXPECT_EQ(short_name(c.name), c.expected) << c.name;
  }
}

Pen fixed_pen() {
  return {1, [](std::string_view text, Face face) { return static_cast<float>(text.size()) * face_size(face) * 0.5f; }};
}

TEST(FlamePaint, DrawsWhatItDrew) {
  const FlameTree tree = build_flame_tree(split());
  const FlameLayout layout = layout_flame(tree, 0, 400);
  const FlameSearch search = search_flame(tree, "light");
  Drawing drawing;
  paint_flame(drawing, {.tree = tree, .layout = layout, .search = search, .left = 10, .top = 100}, fixed_pen());
  fanlight::testing::expect_golden("ui/flame.log", draw_log(drawing));
}

TEST(FlamePaint, LeavesOutWhatIsScrolledAway) {
  const FlameTree tree = build_flame_tree(split());
  const FlameLayout layout = layout_flame(tree, 0, 400);
  Drawing drawing;
  paint_flame(drawing, {.tree = tree, .layout = layout, .search = {}, .clip_top = 41, .clip_bottom = 50}, fixed_pen());
  EXPECT_EQ(drawing.fills().size(), 1u);
}

TEST(Fit, CutsAtCharactersAndSaysSo) {
  const Measure fixed = [](std::string_view text, Face) { return static_cast<float>(text.size()); };
  EXPECT_EQ(fit("accept", 6, Face::small, fixed), "accept");
  EXPECT_EQ(fit("acceptance", 8, Face::small, fixed), "accep\u2026");
  EXPECT_EQ(fit("acceptance", 5, Face::small, fixed), "") << "two letters and an ellipsis say nothing";
  const std::string cut = fit("\u0434\u0434\u0434\u0434\u0434\u0434", 10, Face::small, fixed);
  EXPECT_EQ(cut, "\u0434\u0434\u0434\u2026") << "never within a character";
}

}  // namespace
}  // namespace fanlight::ui
