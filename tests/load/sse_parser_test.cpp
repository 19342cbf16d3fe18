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

/// Feeds `stream` in pieces that `cut` chooses the sizes of, as a connection does: what is not taken comes again.
template <class Cut>
std::vector<Event> parse(std::string_view stream, Cut cut, Found* last = nullptr) {
  SseState state;
  std::string scratch, rest, id;
  std::vector<Event> events;
  Found found = Found::nothing;
  while (!stream.empty() && found != Found::error) {
    const std::size_t count = std::min(cut(), stream.size());
    const std::string buffer = rest + std::string(stream.substr(0, count));
    stream.remove_prefix(count);
    std::string_view bytes = buffer;
    SseEvent event;
    while ((found = next_sse(bytes, state, scratch, event)) == Found::item) {
      if (event.has_id) id = event.id;
      if (event.has_data) events.push_back({std::string(event.data), id, std::string(event.event)});
    }
    rest = bytes;
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
  parse("data: " + std::string(kMaxItem, 'x'), kWhole, &last);
  EXPECT_EQ(last, Found::error);
  std::string many;
  while (many.size() <= kMaxItem) many += "data: four\n";
  parse(many, [] { return std::size_t{100'000}; }, &last);
  EXPECT_EQ(last, Found::error);
  EXPECT_EQ(
      parse("data: " + std::string(1u << 20, 'x') + "\n\n", [] { return std::size_t{100'000}; }, &last).size(), 1u);
}

TEST(SseParser, TellsRetryAndOddComments) {
  struct Case {
    const char* name;
    std::string stream;
    std::int64_t retry_ms;
    unsigned bad_comments;
  };
  for (const Case& c : {Case{"neither", ": fine\ndata: x\n\n", -1, 0}, Case{"retry", "retry: 250\n\n", 250, 0},
                        Case{"no number", "retry: 2x\n\n", -1, 0}, Case{"negative", "retry: -5\n\n", -1, 0},
                        Case{"256 bytes", ":" + std::string(256, 'c') + "\n\n", -1, 0},
                        Case{"257 bytes", ":" + std::string(257, 'c') + "\n\n", -1, 1},
                        Case{"control characters", ":a\x01\n:b\x7f\n:c\t\n\n", -1, 2}}) {
    SCOPED_TRACE(c.name);
    SseState state;
    std::string scratch;
    SseEvent event;
    std::string_view bytes = c.stream;
    ASSERT_EQ(next_sse(bytes, state, scratch, event), Found::item);
    EXPECT_EQ(event.retry_ms, c.retry_ms);
    EXPECT_EQ(event.bad_comments, c.bad_comments);
  }
}

}  // namespace
}  // namespace fanlight::load
