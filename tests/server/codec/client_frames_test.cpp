#include "server/codec/client_frames.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <random>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/codec/deflate.hpp"

namespace fanlight::server::codec {
namespace {

using Kind = ClientRequest::Kind;
using namespace std::string_view_literals;

constexpr std::uint64_t kMaxMessage = 1000;

std::string header(unsigned first, std::uint64_t length, bool masked = true) {
  std::string out(1, static_cast<char>(first));
  const unsigned mask_bit = masked ? 0x80 : 0;
  if (length <= 125) {
    out += static_cast<char>(mask_bit | length);
  } else {
    const int bytes = length <= 0xFFFF ? 2 : 8;
    out += static_cast<char>(mask_bit | (bytes == 2 ? 126 : 127));
    for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) out += static_cast<char>(length >> shift);
  }
  if (masked) out += "\x11\x22\x33\x44";
  return out;
}

/// A masked frame as clients send it.
std::string frame(unsigned first, std::string_view payload) {
  constexpr std::array<unsigned char, 4> kMask = {0x11, 0x22, 0x33, 0x44};
  std::string out = header(first, payload.size());
  for (std::size_t i = 0; i < payload.size(); ++i)
    out += static_cast<char>(static_cast<unsigned char>(payload[i]) ^ kMask[i % 4]);
  return out;
}

struct Asked {
  std::vector<std::string> pongs;
  CloseCode close = CloseCode::none;
  bool by_client = false;
  std::vector<std::string> messages;
};

/// Feeds the bytes in portions of `portion` and gathers what is asked.
Asked feed(std::string_view bytes, std::size_t portion) {
  ClientFrames frames({.max_message_bytes = kMaxMessage, .keep = true});
  Asked asked;
  while (!bytes.empty()) {
    std::span<const std::byte> rest = std::as_bytes(std::span(bytes.data(), std::min(portion, bytes.size())));
    bytes.remove_prefix(rest.size());
    while (true) {
      const ClientRequest request = frames.next(rest);
      if (request.kind == Kind::none) break;
      if (request.kind == Kind::pong) asked.pongs.push_back(request.payload);
      if (request.kind == Kind::message) asked.messages.push_back(request.payload);
      if (request.kind == Kind::close) {
        EXPECT_EQ(asked.close, CloseCode::none) << "closed twice";
        asked.close = request.code;
        asked.by_client = request.by_client;
      }
    }
    EXPECT_TRUE(rest.empty());
  }
  return asked;
}

TEST(ClientFrames, Table) {
  struct Case {
    const char* name;
    std::string bytes;
    std::vector<std::string> pongs;
    CloseCode close = CloseCode::none;
    bool by_client = false;
  };
  const CloseCode kProtocol = CloseCode::protocol_error;
  const std::vector<Case> cases = {
      {"text is ignored", frame(0x81, "hello"), {}},
      {"binary is ignored", frame(0x82, "hello"), {}},
      {"empty text", frame(0x81, ""), {}},
      {"ping", frame(0x89, "abc"), {"abc"}},
      {"empty ping", frame(0x89, ""), {""}},
      {"longest ping", frame(0x89, std::string(125, 'p')), {std::string(125, 'p')}},
      {"pong is ignored", frame(0x8A, "x"), {}},
      {"ping inside a fragmented message", frame(0x01, "a") + frame(0x89, "p") + frame(0x80, "b"), {"p"}},
      {"two messages, then ping", frame(0x81, "a") + frame(0x81, "b") + frame(0x89, "z"), {"z"}},
      {"largest message", frame(0x82, std::string(kMaxMessage, 'm')) + frame(0x89, "ok"), {"ok"}},
      {"close with code", frame(0x88, "\x03\xE8"sv), {}, CloseCode::normal, true},
      {"close with code and reason", frame(0x88, "\x03\xE8 bye"sv), {}, CloseCode::normal, true},
      {"close without code", frame(0x88, ""), {}, CloseCode::no_status, true},
      {"close with an application's code", frame(0x88, "\x0F\xA0"sv), {}, static_cast<CloseCode>(4000), true},
      {"nothing counts behind a close", frame(0x88, "") + frame(0x89, "p"), {}, CloseCode::no_status, true},
      {"one byte of close code", frame(0x88, "\x03"), {}, kProtocol},
      {"close code 1005", frame(0x88, "\x03\xED"sv), {}, kProtocol},
      {"close code 999", frame(0x88, "\x03\xE7"sv), {}, kProtocol},
      {"close code 5000", frame(0x88, "\x13\x88"sv), {}, kProtocol},
      {"close reason not UTF-8", frame(0x88, "\x03\xE8\xFF"sv), {}, CloseCode::not_text},
      {"text not UTF-8", frame(0x81, "\xFF"), {}, CloseCode::not_text},
      {"text ends inside a character", frame(0x81, "\xC3"), {}, CloseCode::not_text},
      {"a character over two fragments", frame(0x01, "\xC3") + frame(0x80, "\xA9") + frame(0x89, "ok"), {"ok"}},
      {"binary need not be text", frame(0x82, "\xFF") + frame(0x89, "ok"), {"ok"}},
      {"wrong text is found before its end", header(0x81, 100) + std::string("\xEE", 1), {}, CloseCode::not_text},
      {"not masked", header(0x81, 1, false) + "x", {}, kProtocol},
      {"reserved bit 1", frame(0xC1, ""), {}, kProtocol},
      {"reserved bit 2", frame(0xA1, ""), {}, kProtocol},
      {"reserved bit 3", frame(0x91, ""), {}, kProtocol},
      {"opcode 3", frame(0x83, ""), {}, kProtocol},
      {"opcode 7", frame(0x87, ""), {}, kProtocol},
      {"opcode 11", frame(0x8B, ""), {}, kProtocol},
      {"fragmented ping", frame(0x09, "a"), {}, kProtocol},
      {"ping of 126 bytes", frame(0x89, std::string(126, 'p')), {}, kProtocol},
      {"continuation of nothing", frame(0x80, "a"), {}, kProtocol},
      {"message inside a message", frame(0x01, "a") + frame(0x81, "b"), {}, kProtocol},
      {"too big", header(0x82, kMaxMessage + 1), {}, CloseCode::too_big},
      {"too big over fragments", frame(0x02, std::string(kMaxMessage, 'm')) + frame(0x80, "1"), {}, CloseCode::too_big},
      {"16-bit length that fits 7 bits", std::string("\x81\xFE\x00\x05\x11\x22\x33\x44"sv), {}, kProtocol},
      {"64-bit length that fits 16 bits", std::string("\x81\xFF\0\0\0\0\0\0\xFF\xFF\x11\x22\x33\x44"sv), {}, kProtocol},
      {"length above 2^63", std::string("\x81\xFF\x80\0\0\0\0\0\0\0\x11\x22\x33\x44"sv), {}, kProtocol},
      {"length that would overflow a sum",
       frame(0x02, "1") + std::string("\x80\xFF\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x11\x22\x33\x44"sv),
       {},
       CloseCode::too_big},
  };
  for (const Case& c : cases) {
    for (const std::size_t portion : {std::size_t{1}, std::size_t{2}, std::size_t{7}, std::size_t{100'000}}) {
      SCOPED_TRACE(std::string(c.name) + " in portions of " + std::to_string(portion));
      const Asked asked = feed(c.bytes, portion);
      EXPECT_EQ(asked.pongs, c.pongs);
      EXPECT_EQ(asked.close, c.close);
      EXPECT_EQ(asked.by_client, c.by_client);
    }
  }
}

TEST(ClientFrames, HandsMessagesOutWhole) {
  const Asked asked = feed(frame(0x01, "one ") + frame(0x89, "p") + frame(0x80, "message") + frame(0x82, "two"), 1);
  EXPECT_EQ(asked.messages, (std::vector<std::string>{"one message", "two"}));
  EXPECT_EQ(asked.pongs, (std::vector<std::string>{"p"}));
}

TEST(ClientFrames, InflatesWhatWasDeflated) {
  const std::string text(500, 'x');
  std::string squeezed;
  append_deflated(squeezed, text);
  squeezed.resize(squeezed.size() - 4);
  struct Case {
    const char* name;
    std::string bytes;
    std::vector<std::string> messages;
    CloseCode close;
  };
  std::string bomb, large(100'000, 'b');
  append_deflated(bomb, large);
  for (const Case& c : {
           Case{"whole", frame(0xC1, squeezed), {text}, CloseCode::none},
           Case{"in fragments",
                frame(0x41, squeezed.substr(0, 3)) + frame(0x80, squeezed.substr(3)),
                {text},
                CloseCode::none},
           Case{"plain beside it", frame(0xC1, squeezed) + frame(0x81, "plain"), {text, "plain"}, CloseCode::none},
           Case{"empty", frame(0xC1, std::string_view("\0", 1)), {""}, CloseCode::none},
           Case{"not deflate", frame(0xC1, "\xFF\xFF\xFF"), {}, CloseCode::not_text},
           Case{"a bomb", frame(0xC2, bomb), {}, CloseCode::too_big},
           Case{"compressed ping", frame(0xC9, "x"), {}, CloseCode::protocol_error},
           Case{"bit on a continuation", frame(0x41, squeezed) + frame(0xC0, ""), {}, CloseCode::protocol_error},
       }) {
    SCOPED_TRACE(c.name);
    ClientFrames frames({.max_message_bytes = 1000, .keep = true, .deflate = true});
    std::span<const std::byte> rest = std::as_bytes(std::span(c.bytes));
    std::vector<std::string> messages;
    CloseCode close = CloseCode::none;
    for (ClientRequest request = frames.next(rest); request.kind != Kind::none; request = frames.next(rest)) {
      if (request.kind == Kind::message) messages.push_back(request.payload);
      if (request.kind == Kind::close) close = request.code;
    }
    EXPECT_EQ(messages, c.messages);
    EXPECT_EQ(close, c.close);
  }
}

// Any bytes at all: no crash, bounded answers, and the same requests however the bytes are cut.
TEST(ClientFrames, RandomBytesReadTheSameInAnyPortions) {
  std::mt19937 random(4711);
  for (int round = 0; round < 3000; ++round) {
    std::string bytes;
    const unsigned pieces = 1 + random() % 4;
    for (unsigned piece = 0; piece < pieces; ++piece) {
      if (random() % 3 == 0) {
        for (unsigned i = random() % 40; i > 0; --i) bytes += static_cast<char>(random());
      } else {
        const unsigned first = random() % 2 == 0 ? 0x80 | random() % 16 : random() % 256;
        bytes += frame(first, std::string(random() % 140, static_cast<char>(random())));
      }
    }
    const Asked whole = feed(bytes, bytes.size());
    for (const std::size_t portion : {std::size_t{1}, std::size_t{3}, std::size_t{64}}) {
      const Asked cut = feed(bytes, portion);
      ASSERT_EQ(cut.pongs, whole.pongs) << "round " << round;
      ASSERT_EQ(cut.close, whole.close) << "round " << round;
    }
    for (const std::string& pong : whole.pongs) ASSERT_LE(pong.size(), 125u);
  }
}

}  // namespace
}  // namespace fanlight::server::codec
