#include <gtest/gtest.h>

#include <array>
#include <random>
#include <vector>

#include "collector/inprocess/frame_walk.hpp"

namespace fanlight::inprocess {
namespace {

/// A stack of 64 words that the walker is pointed at.
class FakeStack {
 public:
  std::uint64_t at(std::size_t word) const { return reinterpret_cast<std::uint64_t>(words_.data() + word); }
  void frame(std::size_t word, std::uint64_t next, std::uint64_t return_address) {
    words_[word] = next;
    words_[word + 1] = return_address;
  }
  std::uint64_t& operator[](std::size_t word) { return words_[word]; }
  std::vector<std::uint64_t> walk(std::uint64_t sp, std::uint64_t fp, unsigned room = 8, bool* truncated = nullptr,
                                  const fanlight_code& code = {}) {
    std::vector<__u64> out(room + 1, 0xdead);
    const Walk walk = walk_stack({0x1111, sp, fp}, code, at(0), at(64), out.data(), room);
    EXPECT_LE(walk.frames, room);
    EXPECT_EQ(out[room], 0xdeadu);
    if (truncated != nullptr) *truncated = walk.truncated;
    return {out.begin(), out.begin() + walk.frames};
  }

 private:
  std::array<std::uint64_t, 64> words_{};
};

using Addresses = std::vector<std::uint64_t>;

TEST(FrameWalk, FollowsFramesAndStopsWhereTheyStopMakingSense) {
  struct Case {
    const char* name;
    std::uint64_t last_next;
    Addresses expected;
  };
  FakeStack stack;
  for (const Case& c : {
           Case{"thread's entry", 0, {0x1111, 0x5001, 0x5002}},
           Case{"loop to itself", stack.at(20), {0x1111, 0x5001, 0x5002}},
           Case{"loop back", stack.at(10), {0x1111, 0x5001, 0x5002}},
           Case{"below the stack", stack.at(0) - 8, {0x1111, 0x5001, 0x5002}},
           Case{"not aligned", stack.at(30) + 4, {0x1111, 0x5001, 0x5002}},
           Case{"last word of the stack", stack.at(63), {0x1111, 0x5001, 0x5002}},
           Case{"past the stack", stack.at(64), {0x1111, 0x5001, 0x5002}},
           Case{"all ones", ~std::uint64_t{0}, {0x1111, 0x5001, 0x5002}},
           Case{"third frame", stack.at(30), {0x1111, 0x5001, 0x5002, 0x5003}},
           Case{"frame on the last two words", stack.at(62), {0x1111, 0x5001, 0x5002, 0x5004}},
       }) {
    SCOPED_TRACE(c.name);
    stack.frame(10, stack.at(20), 0x5001);
    stack.frame(20, c.last_next, 0x5002);
    stack.frame(30, 0, 0x5003);
    stack.frame(62, 0, 0x5004);
    EXPECT_EQ(stack.walk(stack.at(8), stack.at(10)), c.expected);
  }
}

TEST(FrameWalk, LeafAloneWhereThereIsNothingToFollow) {
  FakeStack stack;
  stack.frame(10, 0, 0x5001);
  EXPECT_EQ(stack.walk(stack.at(8), 0x1234), Addresses{0x1111});  // the register holds something else
  EXPECT_EQ(stack.walk(stack.at(12), stack.at(10)),
            Addresses{0x1111});                                    // below the stack pointer: not a frame any more
  EXPECT_EQ(stack.walk(0x1000, stack.at(10)), Addresses{0x1111});  // on a signal stack
  stack.frame(10, 0, 12);
  EXPECT_EQ(stack.walk(stack.at(8), stack.at(10)), Addresses{0x1111});  // a return address on the zero page
}

TEST(FrameWalk, SaysWhenThereWasNoRoom) {
  FakeStack stack;
  for (std::size_t i = 0; i < 10; ++i) stack.frame(4 + i * 2, i == 9 ? 0 : stack.at(6 + i * 2), 0x5000 + i);
  bool truncated = false;
  EXPECT_EQ(stack.walk(stack.at(0), stack.at(4), 11, &truncated).size(), 11u);
  EXPECT_FALSE(truncated);
  EXPECT_EQ(stack.walk(stack.at(0), stack.at(4), 10, &truncated).size(), 10u);
  EXPECT_TRUE(truncated);
  EXPECT_TRUE(stack.walk(stack.at(0), stack.at(4), 0).empty());
}

TEST(FrameWalk, FindsTheCallerOfAWrapperWithoutFramePointers) {
  FakeStack stack;
  stack[12] = stack.at(30);  // rbp, pushed by the wrapper's prologue
  stack[13] = 0x40'0123;     // the first word that points into the executable: where the wrapper returns to
  stack.frame(30, 0, 0x40'0456);
  const fanlight_code code{.start = 0x40'0000, .end = 0x41'0000};
  EXPECT_EQ(stack.walk(stack.at(8), 77, 8, nullptr, code), (Addresses{0x1111, 0x40'0123, 0x40'0456}));
  stack[13] = 0x50'0123;
  stack.frame(30, 0, 0x50'0456);
  EXPECT_EQ(stack.walk(stack.at(8), 77, 8, nullptr, code), Addresses{0x1111}) << "no such word: nothing is guessed";
}

TEST(FrameWalk, EndsOnAnyGarbage) {
  std::mt19937_64 random(3);
  FakeStack stack;
  for (int round = 0; round < 100'000; ++round) {
    for (std::size_t i = 0; i < 64; ++i)
      stack[i] = random() % 2 == 0 ? stack.at(random() % 64) + (random() % 8 == 0 ? random() % 8 : 0) : random();
    const auto addresses = stack.walk(stack.at(random() % 64), stack.at(random() % 64), 64);
    ASSERT_LE(addresses.size(), 64u);  // each frame lies above the one before
  }
}

}  // namespace
}  // namespace fanlight::inprocess
