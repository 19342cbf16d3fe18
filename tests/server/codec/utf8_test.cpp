#include "server/codec/utf8.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace fanlight::server::codec {
namespace {

TEST(Utf8, WellFormedAndNot) {
  struct Case {
    const char* name;
    std::string_view bytes;
    bool text;
  };
  for (const Case& c : {
           Case{"empty", "", true},
           Case{"ASCII", "plain ASCII text, longer than eight", true},
           Case{"two bytes", "\xC3\xA9", true},
           Case{"three bytes", "\xE2\x82\xAC", true},
           Case{"four bytes", "\xF0\x9F\x98\x80", true},
           Case{"highest", "\xF4\x8F\xBF\xBF", true},
           Case{"last before the surrogates", "\xED\x9F\xBF", true},
           Case{"lone continuation", "\x80", false},
           Case{"overlong two", "\xC0\xAF", false},
           Case{"overlong three", "\xE0\x9F\xBF", false},
           Case{"overlong four", "\xF0\x8F\xBF\xBF", false},
           Case{"surrogate", "\xED\xA0\x80", false},
           Case{"above U+10FFFF", "\xF4\x90\x80\x80", false},
           Case{"lead F5", "\xF5\x80\x80\x80", false},
           Case{"cut two", "\xC3", false},
           Case{"cut three", "\xE2\x82", false},
           Case{"cut four", "\xF0\x9F\x98", false},
           Case{"bad byte behind eight good", "12345678\xFF", false},
       }) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(is_utf8(c.bytes), c.text);
    // The same at every distance from the start: the eight-byte step must not skip it.
    for (std::size_t before = 1; before <= 9; ++before) {
      EXPECT_EQ(is_utf8(std::string(before, 'a') + std::string(c.bytes) + "b"), c.text) << before << " bytes further";
    }
  }
}

}  // namespace
}  // namespace fanlight::server::codec
