#include "collector/serve/guard.hpp"

#include <gtest/gtest.h>

namespace fanlight::serve {
namespace {

TEST(Guard, AnswersOnlyToItsOwnNames) {
  struct Case {
    const char* name;
    const char* host;
    const char* origin;
    bool allowed;
  };
  for (const Case& c :
       {Case{"loopback address", "127.0.0.1:9180", "", true}, Case{"loopback name", "localhost:9180", "", true},
        Case{"name in capitals", "LOCALHOST:9180", "", true}, Case{"IPv6 loopback", "[::1]:9180", "", true},
        Case{"own page", "localhost:9180", "http://localhost:9180", true},
        Case{"other port", "127.0.0.1:80", "", false}, Case{"no port", "127.0.0.1", "", false},
        Case{"rebound name", "evil.example:9180", "", false},
        Case{"name that ends like ours", "evil-localhost:9180", "", false}, Case{"no host", "", "", false},
        Case{"foreign page", "127.0.0.1:9180", "http://evil.example", false},
        Case{"page on another port", "127.0.0.1:9180", "http://127.0.0.1:3000", false},
        Case{"opaque origin", "127.0.0.1:9180", "null", false}}) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(may_ask(c.host, c.origin, "127.0.0.1", 9180), c.allowed);
  }
}

TEST(Guard, TakesTheAddressItListensOn) {
  EXPECT_TRUE(may_ask("127.0.0.7:1", "", "127.0.0.7", 1));
  EXPECT_TRUE(may_ask("[::2]:1", "", "::2", 1));
  EXPECT_FALSE(may_ask("127.0.0.8:1", "", "127.0.0.7", 1));
}

}  // namespace
}  // namespace fanlight::serve
