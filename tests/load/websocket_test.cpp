#include "load/websocket.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace fanlight::load {
namespace {

using namespace std::string_literals;

struct Message {
  WsKind kind;
  std::string payload;
  bool operator==(const Message&) const = default;
};

void PrintTo(const Message& message, std::ostream* out) {
  *out << static_cast<int>(message.kind) << " '" << message.payload.substr(0, 40) << "' " << message.payload.size();
}

template <class Cut>
std::vector<Message> parse(std::string_view stream, Cut cut, Found* last = nullptr) {
  WsState state;
  std::string rest;
  std::vector<Message> messages;
  Found found = Found::nothing;
  while (!stream.empty() && found != Found::error) {
    const std::size_t count = std::min(cut(), stream.size());
    const std::string buffer = rest + std::string(stream.substr(0, count));
    stream.remove_prefix(count);
    std::string_view bytes = buffer;
    WsMessage message;
    while ((found = next_ws(bytes, state, message)) == Found::item)
      messages.push_back({message.kind, std::string(message.payload)});
    rest = bytes;
  }
  if (last != nullptr) *last = found;
  return messages;
}

const auto kWhole = [] { return std::string::npos; };
const auto kByteByByte = [] { return std::size_t{1}; };

std::string frame(unsigned first_byte, std::string_view payload) {
  std::string out{static_cast<char>(first_byte)};
  if (payload.size() < 126) {
    out.push_back(static_cast<char>(payload.size()));
  } else if (payload.size() < 65536) {
    out += "\x7e"s + static_cast<char>(payload.size() >> 8) + static_cast<char>(payload.size() & 255);
  } else {
    out.push_back('\x7f');
    for (int i = 7; i >= 0; --i) out.push_back(static_cast<char>(payload.size() >> (8 * i) & 255));
  }
  return out.append(payload);
}

TEST(WebSocket, PutsMessagesTogether) {
  const std::string middle(126, 'm'), large(70'000, 'l');
  struct Case {
    const char* name;
    std::string stream;
    std::vector<Message> messages;
  };
  for (const Case& c : {
           Case{"text", frame(0x81, "hello"), {{WsKind::text, "hello"}}},
           Case{"binary", frame(0x82, "\0\1"s), {{WsKind::binary, "\0\1"s}}},
           Case{"empty", frame(0x81, "") + frame(0x81, ""), {{WsKind::text, ""}, {WsKind::text, ""}}},
           Case{"16-bit length", frame(0x81, middle), {{WsKind::text, middle}}},
           Case{"64-bit length", frame(0x82, large) + frame(0x81, "x"), {{WsKind::binary, large}, {WsKind::text, "x"}}},
           Case{"fragments", frame(0x01, "he") + frame(0x00, "ll") + frame(0x80, "o"), {{WsKind::text, "hello"}}},
           Case{"empty fragments",
                frame(0x02, "") + frame(0x00, "") + frame(0x80, "") + frame(0x81, "y"),
                {{WsKind::binary, ""}, {WsKind::text, "y"}}},
           Case{"ping within",
                frame(0x01, "he") + frame(0x89, "are you") + frame(0x80, "llo"),
                {{WsKind::ping, "are you"}, {WsKind::text, "hello"}}},
           Case{"fragments twice",
                frame(0x01, "a") + frame(0x80, "b") + frame(0x01, "c") + frame(0x80, "d"),
                {{WsKind::text, "ab"}, {WsKind::text, "cd"}}},
           Case{"close", frame(0x88, "\x03\xe8"s), {{WsKind::close, "\x03\xe8"s}}},
       }) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(parse(c.stream, kWhole), c.messages);
    EXPECT_EQ(parse(c.stream, kByteByByte), c.messages);
    std::mt19937 random(5);
    for (int round = 0; round < 20; ++round) EXPECT_EQ(parse(c.stream, [&] { return 1 + random() % 11; }), c.messages);
  }
}

TEST(WebSocket, RefusesWhatAServerMayNotSend) {
  struct Case {
    const char* name;
    std::string stream;
  };
  for (const Case& c : {
           Case{"masked", "\x81\x81\1\2\3\4x"s},
           Case{"reserved bit", frame(0xc1, "x")},
           Case{"unknown kind", frame(0x83, "x")},
           Case{"unknown control kind", frame(0x8b, "x")},
           Case{"long ping", frame(0x89, std::string(126, 'p'))},
           Case{"ping in parts", frame(0x09, "x")},
           Case{"continuation of nothing", frame(0x80, "x")},
           Case{"message within a message", frame(0x01, "x") + frame(0x81, "y")},
           Case{"longer than we take", "\x82\x7f\0\0\0\0\0\x20\0\1"s},
           Case{"absurd length", "\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff"s},
       }) {
    SCOPED_TRACE(c.name);
    Found last = Found::nothing;
    parse(c.stream, kWhole, &last);
    EXPECT_EQ(last, Found::error);
    parse(c.stream, kByteByByte, &last);
    EXPECT_EQ(last, Found::error);
  }
  Found last = Found::nothing;
  const std::string half(kMaxItem / 2 + 1, 'x');
  parse(frame(0x01, half) + frame(0x80, half), kWhole, &last);
  EXPECT_EQ(last, Found::error);
  // One message after another has the whole room for itself.
  EXPECT_EQ(parse(frame(0x01, half) + frame(0x80, "x") + frame(0x01, half) + frame(0x80, "y"), kWhole, &last).size(),
            2u);
  EXPECT_EQ(last, Found::nothing);
}

TEST(WebSocket, ClientFramesAreMasked) {
  EXPECT_EQ(client_frame(WsKind::text, "Hello", 0x37fa213d),
            "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"s);  // RFC 6455, 5.7
  EXPECT_EQ(client_frame(WsKind::text, "", 0, false).substr(0, 2), "\x01\x80"s);
  EXPECT_EQ(client_frame(WsKind::pong, "", 0x01020304), "\x8a\x80\1\2\3\4"s);
  EXPECT_EQ(client_frame(WsKind::binary, std::string(300, '\0'), 0).substr(0, 4), "\x82\xfe\x01\x2c"s);
  EXPECT_EQ(client_frame(WsKind::binary, std::string(70'000, '\0'), 0).substr(0, 10), "\x82\xff\0\0\0\0\0\1\x11\x70"s);
}

TEST(WebSocket, HandshakeValues) {
  EXPECT_EQ(websocket_accept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");  // RFC 6455, 1.3
  std::array<unsigned char, 16> bytes;
  for (unsigned i = 0; i < 16; ++i) bytes[i] = static_cast<unsigned char>(i + 1);
  EXPECT_EQ(websocket_key(bytes), "AQIDBAUGBwgJCgsMDQ4PEA==");  // RFC 6455, 4.1
}

}  // namespace
}  // namespace fanlight::load
