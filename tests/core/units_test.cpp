#include "core/units.hpp"

#include <gtest/gtest.h>

namespace fanlight {
namespace {

using namespace std::chrono_literals;

TEST(Units, ParsesDurations) {
  struct Case {
    const char* text;
    std::chrono::nanoseconds expected;
  };
  for (const Case& c : {Case{"10s", 10s}, Case{"10", 10s}, Case{"250ms", 250ms}, Case{"1.5m", 90s}, Case{"7us", 7us},
                        Case{"3ns", 3ns}, Case{"1h", 3600s}, Case{"0", 0s}}) {
    SCOPED_TRACE(c.text);
    const auto parsed = parse_duration(c.text);
    ASSERT_TRUE(parsed) << parsed.error().what;
    EXPECT_EQ(*parsed, c.expected);
  }
}

TEST(Units, RejectsWhatIsNoDuration) {
  for (const char* text : {"", "s", "-1s", "10 parsecs", "nan", "1e99h", "2000000h", "10s10s"}) {
    SCOPED_TRACE(text);
    EXPECT_FALSE(parse_duration(text));
  }
}

TEST(Units, ParsesSizes) {
  struct Case {
    const char* text;
    std::uint64_t expected;
  };
  for (const Case& c : {Case{"4096", 4096}, Case{"64K", 65536}, Case{"64KiB", 65536}, Case{"2mb", 2097152},
                        Case{"1G", 1073741824}, Case{"12 B", 12}}) {
    SCOPED_TRACE(c.text);
    const auto parsed = parse_bytes(c.text);
    ASSERT_TRUE(parsed) << parsed.error().what;
    EXPECT_EQ(*parsed, c.expected);
  }
}

TEST(Units, RejectsWhatIsNoSize) {
  for (const char* text : {"", "K", "-4", "4X", "99999999999999999999G"}) {
    SCOPED_TRACE(text);
    EXPECT_FALSE(parse_bytes(text));
  }
}

TEST(Units, FormatsThreeDigits) {
  EXPECT_EQ(format_ns(0), "0.00 ns");
  EXPECT_EQ(format_ns(812), "812 ns");
  EXPECT_EQ(format_ns(999.6), "1.00 us");
  EXPECT_EQ(format_ns(1'250'000), "1.25 ms");
  EXPECT_EQ(format_ns(10e9), "10.0 s");
  EXPECT_EQ(format_bytes(128), "128 B");
  EXPECT_EQ(format_bytes(1.5 * 1048576), "1.50 MiB");
  EXPECT_EQ(format_count(84'211), "84.2k");
  EXPECT_EQ(format_count(7), "7");
  EXPECT_EQ(format_share(1, 3), "33.3 %");
  EXPECT_EQ(format_share(1, 0), "-");
}

}  // namespace
}  // namespace fanlight
