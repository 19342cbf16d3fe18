// What a browser makes of our event streams: a reader by the letter of the standard, held to the cases of WPT's
// eventsource directory, then given everything that the encoder writes.
// Source: html.spec.whatwg.org, 9.2.6; github.com/web-platform-tests/wpt, eventsource/format-*.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "server/codec/sse.hpp"

namespace fanlight::server::codec {
namespace {

struct Event {
  std::string type = "message", data, id;
  bool operator==(const Event&) const = default;
};

struct Stream {
  std::vector<Event> events;
  std::optional<unsigned long> retry;
};

Stream read_stream(std::string_view text) {
  Stream stream;
  constexpr std::string_view kMark = "\xEF\xBB\xBF";
  if (text.starts_with(kMark)) text.remove_prefix(kMark.size());
  std::string data, type, id;
  const auto field = [&](std::string_view name, std::string_view value) {
    const bool digits = !value.empty() && std::ranges::all_of(value, [](char c) { return c >= '0' && c <= '9'; });
    if (name == "event") type = value;
    if (name == "data") data.append(value) += '\n';
    if (name == "id" && value.find('\0') == std::string_view::npos) id = value;
    if (name == "retry" && digits) stream.retry = std::stoul(std::string(value));
  };
  while (!text.empty()) {
    const std::size_t end = text.find_first_of("\r\n");
    if (end == std::string_view::npos) break;  // a line without an end is not complete
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end + (text.substr(end).starts_with("\r\n") ? 2 : 1));
    if (line.empty()) {
      if (!data.empty()) {
        data.pop_back();
        stream.events.push_back({.type = type.empty() ? "message" : type, .data = data, .id = id});
      }
      data.clear();
      type.clear();
      continue;
    }
    const std::size_t colon = line.find(':');
    if (colon == 0) continue;
    std::string_view value = colon == std::string_view::npos ? std::string_view() : line.substr(colon + 1);
    if (value.starts_with(' ')) value.remove_prefix(1);
    field(line.substr(0, colon), value);
  }
  return stream;
}

TEST(SseStream, ReadsAsWptExpects) {
  using namespace std::string_view_literals;
  struct Case {
    const char* name;
    std::string_view text;
    std::vector<std::string> data;
  };
  for (
      const Case& c : {
          Case{"format-bom",
               "\xEF\xBB\xBF"
               "data:1\n\n\xEF\xBB\xBF"
               "data:2\n\ndata:3\n\n",
               {"1", "3"}},
          Case{"format-bom-2",
               "\xEF\xBB\xBF\xEF\xBB\xBF"
               "data:1\n\ndata:2\n\ndata:3\n\n",
               {"2", "3"}},
          Case{"format-comments", "data:1\n:\0\n:\r\ndata:2\n:x\rdata:3\n:data:fail\n:x\ndata:4\n\n"sv, {"1\n2\n3\n4"}},
          Case{"format-data-before-final-empty-line", "retry:1000\ndata:test1\n\nid:test\ndata:test2", {"test1"}},
          Case{"format-field-data", "data:\n\ndata\ndata\n\ndata:test\n\n", {"", "\n", "test"}},
          Case{
              "format-field-parsing",
              "data:\0\ndata:  2\rData:1\ndata\0:2\ndata:1\r\0data:4\nda-ta:3\rdata_5\ndata:3\rdata:\r\n data:32\ndata:4\n\n"sv,
              {std::string("\0\n 2\n1\n3\n\n4", 11)}},
          Case{"format-field-unknown",
               "data:test\n data\ndata\nfoobar:xxx\njustsometext\n:thisisacommentyay\ndata:test\n\n",
               {"test\n\ntest"}},
          Case{"format-leading-space", "data:\ttest\rdata: \ndata:test\n\n", {"\ttest\n\ntest"}},
          Case{"format-newlines", "data:test\r\ndata\ndata:test\r\n\r", {"test\n\ntest"}},
          Case{"format-null-character", "data:\0\n\n\n\n"sv, {std::string("\0", 1)}},
          Case{"format-utf-8", "data:ok\xE2\x80\xA6\n\n", {"ok\xE2\x80\xA6"}},
      }) {
    SCOPED_TRACE(c.name);
    std::vector<std::string> data;
    for (const Event& event : read_stream(c.text).events) data.push_back(event.data);
    EXPECT_EQ(data, c.data);
  }
}

TEST(SseStream, ReadsNamesIdsAndAdvice) {
  using namespace std::string_view_literals;
  const Stream named = read_stream("event:test\ndata:x\n\ndata:x\n\nevent: \ndata:y\n\n");
  EXPECT_EQ(named.events, (std::vector<Event>{{"test", "x", ""}, {"message", "x", ""}, {"message", "y", ""}}));
  const Stream ids = read_stream("id: 1\ndata:a\n\ndata:b\n\nid:2\0\ndata:c\n\nid\ndata:d\n\n"sv);
  EXPECT_EQ(
      ids.events,
      (std::vector<Event>{{"message", "a", "1"}, {"message", "b", "1"}, {"message", "c", "1"}, {"message", "d", ""}}));
  EXPECT_EQ(read_stream("retry:03000\n\n").retry, 3000u);
  EXPECT_FALSE(read_stream("retry:3000x\n\n").retry) << "format-field-retry-bogus";
  EXPECT_FALSE(read_stream("retry\n\n").retry) << "format-field-retry-empty";
}

/// A payload as every reader gets it: each line end is one LF.
std::string normalized(std::string_view payload) {
  std::string text;
  for (std::size_t i = 0; i < payload.size(); ++i) {
    if (payload[i] != '\r') {
      text += payload[i];
    } else {
      text += '\n';
      if (i + 1 < payload.size() && payload[i + 1] == '\n') ++i;
    }
  }
  return text;
}

TEST(SseStream, WhatWeWriteComesBack) {
  std::mt19937 random(11);
  const std::string_view pieces[] = {"\r",    "\n",       "\r\n",         ":", " ",        "data: ",
                                     "id: 9", "event: x", "\xEF\xBB\xBF", "a", "retry: 1", std::string_view("\0", 1)};
  std::string all;
  std::vector<Event> expected;
  for (std::uint64_t id = 1; id <= 2000; ++id) {
    std::string payload;
    for (unsigned i = random() % 8; i > 0; --i) payload += pieces[random() % std::size(pieces)];
    const bool named = random() % 2 == 0;
    append_sse(all, id, named ? "price.update" : "", payload);
    if (random() % 4 == 0) append_sse_comment(all, payload);
    if (random() % 4 == 0) all += sse_heartbeat()->bytes();
    if (random() % 8 == 0) append_sse_retry(all, std::chrono::milliseconds(3000));
    expected.push_back({named ? "price.update" : "message", normalized(payload), std::to_string(id)});
  }
  EXPECT_EQ(read_stream(all).events, expected);
}

}  // namespace
}  // namespace fanlight::server::codec
