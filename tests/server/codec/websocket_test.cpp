#include "server/codec/websocket.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace fanlight::server::codec {
namespace {

using namespace std::string_view_literals;

TEST(WebsocketEncode, HeaderByLength) {
  struct Case {
    const char* name;
    std::size_t bytes;
    std::string_view header;
  };
  for (const Case& c : {
           Case{"empty", 0, "\x81\x00"sv},
           Case{"longest short", 125, "\x81\x7D"sv},
           Case{"shortest 16-bit", 126, "\x81\x7E\x00\x7E"sv},
           Case{"longest 16-bit", 65535, "\x81\x7E\xFF\xFF"sv},
           Case{"shortest 64-bit", 65536, "\x81\x7F\x00\x00\x00\x00\x00\x01\x00\x00"sv},
       }) {
    SCOPED_TRACE(c.name);
    const std::string payload(c.bytes, 'p');
    const auto event = encode_websocket(payload, 9);
    EXPECT_EQ(event->bytes(), std::string(c.header) + payload);
    EXPECT_EQ(event->published_ns, 9u);
    EXPECT_EQ(event->kind, Encoded::Kind::event);
  }
}

TEST(WebsocketEncode, BinaryWhenNotUtf8) {
  EXPECT_EQ(encode_websocket("\xFF", 0)->bytes(), "\x82\x01\xFF"sv);
  EXPECT_EQ(encode_websocket("\xC3\xA9", 0)->bytes(), "\x81\x02\xC3\xA9"sv);
}

TEST(WebsocketEncode, ControlFrames) {
  EXPECT_EQ(websocket_ping()->bytes(), "\x89\x00"sv);
  EXPECT_EQ(websocket_pong("abc")->bytes(),
            "\x8A\x03"
            "abc"sv);
  EXPECT_EQ(websocket_close(CloseCode::going_away)->bytes(), "\x88\x02\x03\xE9"sv);
  EXPECT_EQ(websocket_close(CloseCode::no_status)->bytes(), "\x88\x00"sv);
  EXPECT_EQ(websocket_pong(std::string(200, 'x'))->bytes().size(), 127u) << "a control payload is at most 125 bytes";
  EXPECT_EQ(websocket_ping()->kind, Encoded::Kind::control);
}

// Source: RFC 6455, 1.3.
TEST(WebsocketHandshake, AcceptsTheKeyOfTheRfc) {
  EXPECT_EQ(websocket_accept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  EXPECT_TRUE(is_websocket_key("dGhlIHNhbXBsZSBub25jZQ=="));
  for (const char* bad :
       {"", "short==", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZ!==", "dGhlIHNhbXBsZSBub25jZQ==="})
    EXPECT_FALSE(is_websocket_key(bad)) << bad;
}

}  // namespace
}  // namespace fanlight::server::codec
