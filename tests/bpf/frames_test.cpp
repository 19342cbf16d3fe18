// The walker of user stacks, natively, on stacks made by hand: every word below is what a compiler would have left.
#include "bpf/frames.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <vector>

namespace fanlight {
namespace {

constexpr std::uint64_t kSp = 0x7ffe'0000'1000;
constexpr fanlight_code kCode{0x5555'0000'0000, 0x5555'0010'0000};
constexpr std::uint64_t kLibrary = 0x7f00'0000'1234;

/// Memory in words; what was never set cannot be read.
struct Stack {
  std::map<std::uint64_t, std::uint64_t> words;
  int reads = 0;

  void frame(std::uint64_t bp, std::uint64_t next, std::uint64_t return_address) {
    words[bp] = next;
    words[bp + 8] = return_address;
  }
  static long read(void* context, fanlight_frame* into, __u64 address) {
    auto& stack = *static_cast<Stack*>(context);
    ++stack.reads;
    const auto next = stack.words.find(address);
    const auto back = stack.words.find(address + 8);
    if (next == stack.words.end() || back == stack.words.end()) return -14;
    *into = {next->second, back->second};
    return 0;
  }
  std::vector<std::uint64_t> walk(fanlight_registers registers, std::uint32_t at = 0, std::uint32_t room = 254) {
    fanlight_walk walk{};
    for (std::uint64_t i = 0; i < FANLIGHT_TOP_WORDS; ++i) {
      const auto word = words.find(registers.sp + 8 * i);
      walk.top[i] = word == words.end() ? 0 : word->second;
    }
    std::vector<__u64> frames(room);
    const std::uint32_t found = fanlight_walk_frames(read, this, &registers, &kCode, &walk, 1, frames.data(), at, room);
    if (at >= room) return {};
    return {frames.begin() + at, frames.begin() + at + found};
  }
};

std::uint64_t code(std::uint64_t offset) { return kCode.start + offset; }

TEST(Frames, FollowsFramePointersUpwards) {
  Stack stack;
  stack.frame(kSp + 0x40, kSp + 0x80, code(0x100));
  stack.frame(kSp + 0x80, kSp + 0x100, code(0x200));
  stack.frame(kSp + 0x100, 0, kLibrary);
  EXPECT_EQ(stack.walk({code(0x10), kSp, kSp + 0x40}),
            (std::vector<std::uint64_t>{code(0x10), code(0x100), code(0x200), kLibrary}));
}

TEST(Frames, StopsWhereTheChainMakesNoSense) {
  struct Case {
    const char* name;
    std::uint64_t next;
    std::uint64_t back;
    std::size_t frames;
  };
  for (const Case& c :
       {Case{"points at itself", kSp + 0x40, code(0x100), 2}, Case{"points down", kSp, code(0x100), 2},
        Case{"misaligned", kSp + 0x81, code(0x100), 2}, Case{"unreadable", kSp + 0x4000, code(0x100), 2},
        Case{"returns to nowhere", kSp + 0x80, 0, 1}, Case{"returns to a small number", kSp + 0x80, 17, 1},
        Case{"returns into the kernel", kSp + 0x80, 0xffff'8000'0000'0000, 1}}) {
    SCOPED_TRACE(c.name);
    Stack stack;
    stack.frame(kSp + 0x40, c.next, c.back);
    EXPECT_EQ(stack.walk({code(0x10), kSp, kSp + 0x40}).size(), c.frames);
  }
}

TEST(Frames, FindsTheCallerOfALeafThatLeftRbpAlone) {
  Stack stack;
  stack.words[kSp] = code(0x50);  // memcpy: nothing pushed, so the return address is on top
  stack.frame(kSp + 0x60, 0, code(0x90));
  EXPECT_EQ(stack.walk({kLibrary, kSp, kSp + 0x60}), (std::vector<std::uint64_t>{kLibrary, code(0x50), code(0x90)}));
}

// glibc's send in a program with threads: push %rbp; sub $0x20,%rsp; ...; mov %eax,%ebp; syscall.
Stack inside_send() {
  Stack stack;
  stack.words[kSp] = 0x0000'0007'0000'0009;
  stack.words[kSp + 0x08] = kSp + 0x200;  // the buffer: a stack address, and no frame
  stack.words[kSp + 0x10] = 128;
  stack.words[kSp + 0x18] = 0;
  stack.words[kSp + 0x20] = kSp + 0x60;  // the caller's rbp
  stack.words[kSp + 0x28] = code(0x50);  // into the caller
  stack.frame(kSp + 0x60, kSp + 0xa0, code(0x90));
  stack.frame(kSp + 0xa0, 1, kLibrary);
  return stack;
}

TEST(Frames, FindsTheCallersOfAWrapperThatUsesRbpForSomethingElse) {
  Stack stack = inside_send();
  EXPECT_EQ(stack.walk({kLibrary, kSp, 0}), (std::vector<std::uint64_t>{kLibrary, code(0x50), code(0x90), kLibrary}));
}

TEST(Frames, TakesNoStackAddressForASavedFramePointerUnlessAFrameIsThere) {
  Stack stack = inside_send();
  stack.words[kSp + 0x20] = kSp + 0x200;  // readable, but what stands there returns into a library
  stack.frame(kSp + 0x200, 0, kLibrary);
  EXPECT_EQ(stack.walk({kLibrary, kSp, 0}), (std::vector<std::uint64_t>{kLibrary, code(0x50)}));
}

TEST(Frames, LooksAtTheTopOnlyOutsideTheExecutable) {
  Stack stack;
  stack.words[kSp] = code(0x50);  // left over from an earlier call
  stack.frame(kSp + 0x60, 0, code(0x90));
  EXPECT_EQ(stack.walk({code(0x10), kSp, kSp + 0x60}), (std::vector<std::uint64_t>{code(0x10), code(0x90)}));
}

TEST(Frames, EndsAfterAsManyFramesAsARecordHolds) {
  Stack stack;
  for (std::uint64_t i = 0; i < 1000; ++i) stack.frame(kSp + 16 * i, kSp + 16 * (i + 1), code(i));
  EXPECT_EQ(stack.walk({code(0), kSp, kSp}).size(), std::size_t{FANLIGHT_WALK_FRAMES});
  EXPECT_LE(stack.reads, FANLIGHT_WALK_FRAMES);
}

TEST(Frames, NeverWritesBeyondItsRoom) {
  for (std::uint32_t at : {0u, 100u, 250u, 253u, 254u, 300u}) {
    SCOPED_TRACE(at);
    Stack stack = inside_send();
    const auto found = stack.walk({kLibrary, kSp, 0}, at);
    EXPECT_EQ(found.size(), std::min<std::size_t>(4, at < 254 ? 254 - at : 0));
  }
}

}  // namespace
}  // namespace fanlight
