#include "core/errno_name.hpp"

#include <gtest/gtest.h>

#include <cerrno>

namespace fanlight {
namespace {

TEST(ErrnoName, IsWhatProgrammersKnow) {
  struct Case {
    int number;
    const char* name;
  };
  for (const Case& c : {Case{EPIPE, "EPIPE"}, Case{ECONNRESET, "ECONNRESET"}, Case{EWOULDBLOCK, "EAGAIN"},
                        Case{512, "ERESTARTSYS"}, Case{4000, "errno 4000"}, Case{0, "errno 0"}, Case{-1, "errno -1"}}) {
    EXPECT_EQ(errno_name(c.number), c.name);
  }
}

}  // namespace
}  // namespace fanlight
