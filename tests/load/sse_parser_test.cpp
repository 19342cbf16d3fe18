#include "load/sse_parser.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace fanlight::load {
namespace {

struct Event {
  std::string data, id, event;
  bool operator==(const Event&) const = default;
};

void PrintTo(const Event& event, std::ostream* out) {
  *out << "data '" << event.data << "' id '" << event.id << "' event '" << event.event << "'";
}

/// Feeds `stream` in pieces that `cut` chooses the sizes of.
template <class Cut>
std::vector<Event> parse(std::string_view stream, Cut cut, Found* last = nullptr, std::size_t max_bytes = 1u << 20) {
  SseParser parser(max_bytes);
  std::vector<Event> events;
  Found found = Found::nothing;
  while (!stream.empty() && found != Found::error) {
    // A copy of its own: the parser must not keep what it was shown.
    const std::string piece(stream.substr(0, cut()));
    stream.remove_prefix(std::min(piece.size(), stream.size()));
    std::string_view bytes = piece;
    SseEvent event;
    while ((found = parser.next(bytes, event)) == Found::item)
      events.push_back({std::string(event.data), std::string(event.id), std::string(event.event)});
    EXPECT_TRUE(found == Found::error || bytes.empty());
  }
  if (last != nullptr) *last = found;
  return events;
}

const auto kWhole = [] { return std::string::npos; };
const auto kByteByByte = [] { return std::size_t{1}; };

TEST(SseParser, ReadsWhatTheStandardSays) {
  struct Case {
    const char* name;
    std::string stream;
    std::vector<Event> events;
  };
  for (const Case& c : {
           Case{"one event", "data: hello\n\n", {{"hello", "", ""}}},
           Case{"id and name", "id: 7\nevent: add\ndata: x\n\n", {{"x", "7", "add"}}},
           Case{
               "id stays, name does not", "id: 7\nevent: a\ndata: x\n\ndata: y\n\n", {{"x", "7", "a"}, {"y", "7", ""}}},
           Case{"several lines", "data: a\ndata:\ndata: b\n\n", {{"a\n\nb", "", ""}}},
           Case{"one space goes", "data:  two\ndata:none\n\n", {{" two\nnone", "", ""}}},
           Case{"carriage returns", "data: a\r\rdata: b\r\r", {{"a", "", ""}, {"b", "", ""}}},
           Case{"both", "data: a\r\n\r\ndata: b\r\n\r\n", {{"a", "", ""}, {"b", "", ""}}},
           Case{"mixed", "data: a\r\ndata: b\ndata: c\r\n\n", {{"a\nb\nc", "", ""}}},
           Case{"comments", ":\n: keep-alive\ndata: a\n:x\n\n", {{"a", "", ""}}},
           Case{"no data, no event", "event: ping\n\nid: 3\n\ndata: a\n\n", {{"a", "3", ""}}},
           Case{"an empty line of data", "data\n\n", {{"", "", ""}}},
           Case{"unknown fields", "retry: 3000\nfoo: bar\nbaz\ndata: a\n\n", {{"a", "", ""}}},
           Case{"names count to the letter", "Data: a\n data: b\ndata : c\ndata: d\n\n", {{"d", "", ""}}},
           Case{"colons in the value", "data: a:b: c\n\n", {{"a:b: c", "", ""}}},
           Case{"id with a NUL is none", std::string("id: 1\nid: a\0b\ndata: x\n\n", 23), {{"x", "1", ""}}},
           Case{"id taken back", "id: 1\ndata: x\n\nid\ndata: y\n\n", {{"x", "1", ""}, {"y", "", ""}}},
           Case{"byte order mark",
                "\xEF\xBB\xBF"
                "data: a\n\n",
                {{"a", "", ""}}},
           Case{"unfinished", "data: a\n\ndata: b\n", {{"a", "", ""}}},
           Case{"blank lines", "\n\n\r\n\rdata: a\n\n\n\n", {{"a", "", ""}}},
           Case{"NUL in data", std::string("data: a\0b\n\n", 11), {{std::string("a\0b", 3), "", ""}}},
       }) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(parse(c.stream, kWhole), c.events);
    EXPECT_EQ(parse(c.stream, kByteByByte), c.events);
  }
}

TEST(SseParser, AnyCuttingGivesTheSameEvents) {
  std::mt19937 random(11);
  const std::vector<std::string> pieces{"data: ", "data", ":",    "id: 5", "event: e", "x",
                                        "\n",     "\n\n", "\r\n", "\r",    "  "};
  for (int round = 0; round < 2000; ++round) {
    std::string stream;
    for (int i = 0; i < 60; ++i) stream += pieces[random() % pieces.size()];
    const std::vector<Event> whole = parse(stream, kWhole);
    ASSERT_EQ(parse(stream, [&] { return 1 + random() % 9; }), whole) << testing::PrintToString(stream);
  }
}

TEST(SseParser, EndlessLinesAndEventsAreErrors) {
  Found last = Found::nothing;
  parse("data: " + std::string(200, 'x'), [] { return std::size_t{7}; }, &last, 100);
  EXPECT_EQ(last, Found::error);
  std::string many;
  for (int i = 0; i < 50; ++i) many += "data: four\n";
  parse(many, kWhole, &last, 100);
  EXPECT_EQ(last, Found::error);
  EXPECT_EQ(parse("data: fits\n\n", kWhole, &last, 100).size(), 1u);
  SseParser parser(10);
  SseEvent event;
  std::string_view bytes = "0123456789abcdef\ndata: a\n\n";
  EXPECT_EQ(parser.next(bytes, event), Found::error);
  bytes = "data: a\n\n";
  EXPECT_EQ(parser.next(bytes, event), Found::error);  // it stays so
}

}  // namespace
}  // namespace fanlight::load
