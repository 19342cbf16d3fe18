// Entries as linkers write them, copied from what objdump shows of their output.
#include "collector/unwind/linkage.hpp"

#include <gtest/gtest.h>

#include <array>
#include <ostream>
#include <utility>
#include <vector>

namespace fanlight::unwind {
namespace {

enum class Is : std::uint8_t { nothing, jump, lazy };

struct Entry {
  const char* what;
  std::array<std::uint8_t, kLinkageEntry> bytes;
  Is is;
};

std::ostream& operator<<(std::ostream& out, const Entry& entry) { return out << entry.what; }

class Linkage : public ::testing::TestWithParam<Entry> {};

TEST_P(Linkage, IsRecognizedByItsInstructions) {
  const auto rule = linkage_rule(GetParam().bytes);
  ASSERT_EQ(rule.has_value(), GetParam().is != Is::nothing);
  if (!rule) return;
  EXPECT_EQ(rule->offset, 8);
  EXPECT_EQ(rule->base, 7) << "rsp";
  EXPECT_EQ(rule->kind, GetParam().is == Is::lazy ? FANLIGHT_UNWIND_PLT : FANLIGHT_UNWIND_REGISTER);
  EXPECT_EQ(rule->after, GetParam().is == Is::lazy ? 11 : 0) << "from where on its number is on the stack";
}

INSTANTIATE_TEST_SUITE_P(
    All, Linkage,
    ::testing::Values(
        Entry{"jmp *; push; jmp: GNU ld and lld, lazy",
              {0xff, 0x25, 0xe2, 0x2f, 0, 0, 0x68, 0, 0, 0, 0, 0xe9, 0xe0, 0xff, 0xff, 0xff},
              Is::lazy},
        Entry{"jmp *; xchg: .plt.got", {0xff, 0x25, 0xe2, 0x2f, 0, 0, 0x66, 0x90, 0, 0, 0, 0, 0, 0, 0, 0}, Is::jump},
        Entry{"endbr64; bnd jmp *: .plt.sec of GNU ld",
              {0xf3, 0x0f, 0x1e, 0xfa, 0xf2, 0xff, 0x25, 0xad, 0x2f, 0, 0, 0x0f, 0x1f, 0x44, 0, 0},
              Is::jump},
        Entry{"endbr64; jmp *: .plt.sec of newer ones",
              {0xf3, 0x0f, 0x1e, 0xfa, 0xff, 0x25, 0xae, 0x2f, 0, 0, 0x66, 0x0f, 0x1f, 0x44, 0, 0},
              Is::jump},
        Entry{"endbr64; mov $2, %r11d; jmp *: mold",
              {0xf3, 0x0f, 0x1e, 0xfa, 0x41, 0xbb, 2, 0, 0, 0, 0xff, 0x25, 0x70, 0xe2, 0x06, 0},
              Is::jump},
        Entry{"endbr64; push %r11; push *: mold's way to the dynamic linker, which changes the stack first",
              {0xf3, 0x0f, 0x1e, 0xfa, 0x41, 0x53, 0xff, 0x35, 0x8c, 0xe2, 0x06, 0, 0xff, 0x25, 0x8e, 0xe2},
              Is::nothing},
        Entry{"push *; jmp *: GNU ld's",
              {0xff, 0x35, 0xe2, 0x2f, 0, 0, 0xff, 0x25, 0xe4, 0x2f, 0, 0, 0x0f, 0x1f, 0x40, 0},
              Is::nothing},
        Entry{"endbr64; push %rbp: a function",
              {0xf3, 0x0f, 0x1e, 0xfa, 0x55, 0x48, 0x89, 0xe5, 0x48, 0x83, 0xec, 0x10, 0x89, 0x7d, 0xfc, 0x90},
              Is::nothing},
        Entry{"int3: what fills gaps",
              {0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc},
              Is::nothing}));

struct Head {
  const char* what;
  std::vector<std::uint8_t> bytes;
  std::vector<std::pair<int, int>> steps;  // from which byte on, and how far the caller's frame lies above rsp
  std::uint64_t length;
};

TEST(LinkageHead, IsFollowedPushByPush) {
  for (const Head& c : {
           Head{"mold: the number comes in r11",
                {0xf3, 0x0f, 0x1e, 0xfa, 0x41, 0x53, 0xff, 0x35, 0xbc, 0x46, 0x0a, 0, 0xff, 0x25, 0xbe, 0x46, 0x0a, 0,
                 0xcc},
                {{0, 8}, {6, 16}, {12, 24}},
                32},
           Head{"lld and GNU ld: the entry has pushed it",
                {0xff, 0x35, 0xe2, 0x2f, 0, 0, 0xff, 0x25, 0xe4, 0x2f, 0, 0, 0x0f, 0x1f, 0x40, 0},
                {{0, 16}, {6, 24}},
                16},
           Head{"GNU ld with bnd",
                {0xff, 0x35, 0xe2, 0x2f, 0, 0, 0xf2, 0xff, 0x25, 0xe4, 0x2f, 0, 0, 0x0f, 0x1f, 0},
                {{0, 16}, {6, 24}},
                16},
           Head{"an entry", {0xff, 0x25, 0xe2, 0x2f, 0, 0, 0x68, 0, 0, 0, 0, 0xe9, 0xe0, 0xff, 0xff, 0xff}, {}, 0},
           Head{"a function", {0xf3, 0x0f, 0x1e, 0xfa, 0x55, 0x48, 0x89, 0xe5, 0x48, 0x83, 0xec, 0x10}, {}, 0},
           Head{"cut off", {0xff, 0x35, 0xe2, 0x2f, 0, 0, 0xff, 0x25, 0xe4}, {}, 0},
           Head{"nothing", {}, {}, 0},
       }) {
    SCOPED_TRACE(c.what);
    const auto head = linkage_head(c.bytes);
    ASSERT_EQ(head.has_value(), c.length > 0);
    if (!head) continue;
    EXPECT_EQ(head->bytes, c.length);
    ASSERT_EQ(head->count, c.steps.size());
    for (std::size_t i = 0; i < c.steps.size(); ++i) {
      EXPECT_EQ(head->steps[i].at, c.steps[i].first);
      EXPECT_EQ(head->steps[i].rule.offset, c.steps[i].second);
      EXPECT_EQ(head->steps[i].rule.base, 7) << "rsp";
    }
  }
}

}  // namespace
}  // namespace fanlight::unwind
