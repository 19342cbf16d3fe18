#include "server/codec/sse.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace fanlight::server::codec {
namespace {

std::string encoded(std::string_view payload, std::uint64_t id, std::string_view name = {}) {
  std::string out;
  append_sse(out, id, name, payload);
  return out;
}

TEST(Sse, OneDataLinePerLine) {
  struct Case {
    const char* name;
    std::string_view payload;
    std::uint64_t id;
    const char* wire;
  };
  for (const Case& c : {
           Case{"plain", "hello", 1, "id: 1\ndata: hello\n\n"},
           Case{"empty", "", 2, "id: 2\ndata: \n\n"},
           Case{"two lines", "a\nb", 10, "id: 10\ndata: a\ndata: b\n\n"},
           Case{"CRLF is one end", "a\r\nb", 10, "id: 10\ndata: a\ndata: b\n\n"},
           Case{"CR alone", "a\rb", 10, "id: 10\ndata: a\ndata: b\n\n"},
           Case{"LF CR are two", "a\n\rb", 10, "id: 10\ndata: a\ndata: \ndata: b\n\n"},
           Case{"begins with a line end", "\na", 3, "id: 3\ndata: \ndata: a\n\n"},
           Case{"begins with CRLF", "\r\na\rb\nc\r\n", 3, "id: 3\ndata: \ndata: a\ndata: b\ndata: c\ndata: \n\n"},
           Case{"ends with a line end", "a\n", 3, "id: 3\ndata: a\ndata: \n\n"},
           Case{"CR at the very end", "a\r", 3, "id: 3\ndata: a\ndata: \n\n"},
           Case{"an empty line cannot end the event early", "a\n\nevent: x", 4,
                "id: 4\ndata: a\ndata: \ndata: event: x\n\n"},
           Case{"keeps leading spaces", " a", 5, "id: 5\ndata:  a\n\n"},
           Case{"longest id", "x", std::numeric_limits<std::uint64_t>::max(), "id: 18446744073709551615\ndata: x\n\n"},
           Case{"id 0", "x", 0, "id: 0\ndata: x\n\n"},
       }) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(encoded(c.payload, c.id), c.wire);
  }
}

TEST(Sse, KeepsBytesThatAreNotText) {
  const std::string payload("a\0\xFF", 3);
  EXPECT_EQ(encoded(payload, 1), "id: 1\ndata: " + payload + "\n\n");
}

TEST(Sse, NamesCommentsAndAdvice) {
  EXPECT_EQ(encoded("x", 7, "price"), "id: 7\nevent: price\ndata: x\n\n");
  std::string out;
  append_sse(out, std::nullopt, "loss", "{}");
  EXPECT_EQ(out, "event: loss\ndata: {}\n\n");
  out.clear();
  append_sse_comment(out, "two\nlines\x01 and\x7F" + std::string(300, 'x'));
  EXPECT_TRUE(out.starts_with(": two lines  and xxx")) << "no control characters";
  EXPECT_EQ(out.size(), 2 + 256 + 2u) << "cut to 256 bytes";
  out.clear();
  append_sse_retry(out, std::chrono::milliseconds(15000));
  EXPECT_EQ(out, "retry: 15000\n\n");
}

TEST(Sse, EventNames) {
  for (const char* good : {"a", "price.update", "A-1_b"}) EXPECT_TRUE(is_event_name(good)) << good;
  for (const char* bad : {"", "two words", "line\nend", "colon:", "caf\xC3\xA9"})
    EXPECT_FALSE(is_event_name(bad)) << bad;
  EXPECT_TRUE(is_event_name(std::string(64, 'x')));
  EXPECT_FALSE(is_event_name(std::string(65, 'x')));
}

TEST(Sse, HeartbeatIsAComment) {
  EXPECT_EQ(sse_heartbeat()->bytes(), ": heartbeat\n\n");
  EXPECT_EQ(sse_heartbeat()->kind, Encoded::Kind::control);
  EXPECT_EQ(sse_heartbeat().get(), sse_heartbeat().get()) << "made once";
}

}  // namespace
}  // namespace fanlight::server::codec
