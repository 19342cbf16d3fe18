// Redis's and NATS's lines, chunks: whatever is cut anywhere comes out whole, and hostile bytes are refused.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "load/dechunk.hpp"
#include "load/nats.hpp"
#include "load/redis.hpp"

namespace fanlight::load {
namespace {

/// What `next` finds, as text, when `stream` comes in pieces of at most `most` bytes.
template <class Item, class Next, class Text>
std::vector<std::string> parse(std::string_view stream, std::size_t most, Next next, Text text) {
  std::mt19937 random(1);
  std::vector<std::string> items;
  std::string rest;
  while (!stream.empty()) {
    const std::size_t count = std::min<std::size_t>(most == 0 ? stream.size() : 1 + random() % most, stream.size());
    const std::string buffer = rest + std::string(stream.substr(0, count));
    stream.remove_prefix(count);
    std::string_view bytes = buffer;
    Item item;
    for (Found found; (found = next(bytes, item)) != Found::nothing;) {
      if (found == Found::error) {
        items.push_back("error");
        return items;
      }
      items.push_back(text(item));
    }
    rest = bytes;
  }
  return items;
}

std::string text_of(const RedisReply& reply) {
  std::string text = reply.type + std::string(reply.text);
  for (std::size_t i = 0; i < reply.count; ++i) text += "|" + std::string(reply.parts[i]);
  return text;
}

std::string text_of(const NatsItem& item) {
  return std::to_string(static_cast<int>(item.kind)) + std::string(item.text);
}

TEST(Redis, RepliesAndMessages) {
  struct Case {
    const char* name;
    std::string stream;
    std::vector<std::string> items;
  };
  for (const Case& c : {
           Case{"simple", "+OK\r\n:5\r\n-NOAUTH no\r\n", {"+OK", ":5", "-NOAUTH no"}},
           Case{"bulk", "$5\r\na\r\nbc\r\n$0\r\n\r\n$-1\r\n", {"$a\r\nbc", "$", "$"}},
           Case{"message", "*3\r\n$7\r\nmessage\r\n$1\r\nt\r\n$3\r\nabc\r\n", {"*|message|t|abc"}},
           Case{"subscribed", "*3\r\n$9\r\nsubscribe\r\n$1\r\nt\r\n:1\r\n", {"*|subscribe|t|1"}},
           Case{"unknown type", "!x\r\n", {"error"}},
           Case{"empty line", "\r\n", {"error"}},
           Case{"negative length", "$-2\r\n", {"error"}},
           Case{"absurd length", "$99999999999\r\n", {"error"}},
           Case{"no number", "$x\r\n", {"error"}},
           Case{"too long for its length", "$1\r\nabc\r\n", {"error"}},
           Case{"large array", "*5\r\n", {"error"}},
           Case{"array in an array", "*1\r\n*1\r\n:1\r\n", {"error"}},
           Case{"line without end", "+" + std::string(2000, 'x'), {"error"}},
       }) {
    SCOPED_TRACE(c.name);
    for (const std::size_t most : {0, 1, 5})
      EXPECT_EQ((parse<RedisReply>(c.stream, most, next_redis, [](const RedisReply& r) { return text_of(r); })),
                c.items);
  }
  EXPECT_EQ(redis_command({"PUBLISH", "t", "a\r\nb"}), "*3\r\n$7\r\nPUBLISH\r\n$1\r\nt\r\n$4\r\na\r\nb\r\n");
}

TEST(Nats, LinesAndMessages) {
  struct Case {
    const char* name;
    std::string stream;
    std::vector<std::string> items;
  };
  for (const Case& c : {
           Case{"control",
                "INFO {\"a\":1}\r\nPING\r\nPONG\r\n+OK\r\n-ERR 'x'\r\n",
                {"0{\"a\":1}", "2", "3", "4", "5'x'"}},
           Case{"message", "MSG t 1 5\r\na\r\nbc\r\nMSG t 1 reply 0\r\n\r\n", {"1a\r\nbc", "1"}},
           Case{"unknown word", "HELLO\r\n", {"error"}},
           Case{"absurd length", "MSG t 1 99999999999\r\n", {"error"}},
           Case{"no length", "MSG t 1 x\r\n", {"error"}},
           Case{"too long for its length", "MSG t 1 1\r\nabc\r\n", {"error"}},
           Case{"line without end", std::string(70'000, 'x'), {"error"}},
       }) {
    SCOPED_TRACE(c.name);
    for (const std::size_t most : {0, 1, 5})
      EXPECT_EQ((parse<NatsItem>(c.stream, c.stream.size() > 1000 ? 9999 : most, next_nats,
                                 [](const NatsItem& i) { return text_of(i); })),
                c.items);
  }
  EXPECT_NE(nats_connect("s\"ecret", true, false).find(R"("auth_token":"s\"ecret")"), std::string::npos);
}

TEST(Dechunker, TakesFramingOutWhereverItIsCut) {
  struct Case {
    const char* name;
    std::string stream;
    std::string body;
    bool finished;
    bool failed;
  };
  for (const Case& c : {
           Case{"open", "5\r\nhello\r\n3\r\n, y\r\n", "hello, y", false, false},
           Case{"finished", "2\r\nhi\r\n0\r\n\r\nignored", "hi", true, false},
           Case{"trailer", "2;ext=1\r\nhi\r\n0\r\nX: y\r\n\r\n", "hi", true, false},
           Case{"upper case", "A\r\n0123456789\r\n", "0123456789", false, false},
           Case{"no size", "\r\n", "", false, true},
           Case{"no number", "x\r\n", "", false, true},
           Case{"absurd size", "FFFFFFFFFFF\r\n", "", false, true},
           Case{"longer than its size", "1\r\nab\r\n", "a", false, true},
       }) {
    SCOPED_TRACE(c.name);
    for (const std::size_t step : {std::size_t{1}, std::size_t{3}, c.stream.size()}) {
      Dechunker dechunker;
      std::string body;
      for (std::size_t at = 0; at < c.stream.size(); at += step) {
        std::string piece = c.stream.substr(at, step);
        body += piece.substr(0, dechunker.take(piece));
      }
      EXPECT_EQ(body, c.body);
      EXPECT_EQ(dechunker.finished(), c.finished);
      EXPECT_EQ(dechunker.failed(), c.failed);
    }
  }
}

}  // namespace
}  // namespace fanlight::load
