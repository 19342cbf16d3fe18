// Wire forms, envelopes, commands, compression and request heads.
#include <gtest/gtest.h>
#include <zlib.h>

#include <random>
#include <string>
#include <thread>
#include <vector>

#include "server/codec/base64.hpp"
#include "server/codec/command.hpp"
#include "server/codec/deflate.hpp"
#include "server/codec/message.hpp"
#include "server/codec/msgpack.hpp"
#include "server/codec/request_head.hpp"
#include "server/codec/utf8.hpp"

namespace fanlight::server::codec {
namespace {

using namespace std::string_literals;

NewMessage message(std::string payload, PayloadCodec codec = PayloadCodec::raw) {
  NewMessage made = new_message();
  made->topic = "t";
  made->payload = std::move(payload);
  made->id = 7;
  made->codec = codec;
  return made;
}

TEST(Forms, EachIsMadeOnceAlsoWhenManyAsk) {
  FormCounts counts{};
  for (int round = 0; round < 50; ++round) {
    const NewMessage shared = message("payload");
    shared->counts = &counts;
    std::vector<std::thread> threads;
    std::vector<const Encoded*> seen(4);
    for (std::size_t i = 0; i < seen.size(); ++i) threads.emplace_back([&, i] { seen[i] = &shared->form(Wire::sse); });
    for (std::thread& thread : threads) thread.join();
    for (const Encoded* each : seen) EXPECT_EQ(each, seen[0]);
  }
  EXPECT_EQ(counts[0], 50u);
}

TEST(Forms, Table) {
  struct Case {
    Wire wire;
    PayloadCodec codec;
    std::string payload;
    std::string bytes;
  };
  const std::string json = R"({"type":"event","topic":"t","id":7,"data":"hi"})";
  for (const Case& c : {
           Case{Wire::sse, PayloadCodec::raw, "hi", "id: 7\ndata: hi\n\n"},
           Case{Wire::websocket, PayloadCodec::raw, "hi", "\x81\x02hi"},
           Case{Wire::websocket, PayloadCodec::raw, "\xFF", "\x82\x01\xFF"},
           Case{Wire::websocket_deflate, PayloadCodec::raw, "hi", "\x81\x02hi"},
           Case{Wire::sse, PayloadCodec::json, "hi", "id: 7\ndata: " + json + "\n\n"},
           Case{Wire::json, PayloadCodec::raw, "hi", "\x81" + std::string(1, static_cast<char>(json.size())) + json},
           Case{Wire::sse, PayloadCodec::msgpack, "hi",
                "id: 7\ndata: " +
                    to_base64("\x84\xA4type\xA5"s + "event\xA5topic\xA1t\xA2id\x07\xA4" + "data\xC4\x02hi") + "\n\n"},
       }) {
    SCOPED_TRACE(name_of(c.wire));
    EXPECT_EQ(message(c.payload, c.codec)->form(c.wire).bytes(), c.bytes);
  }
}

TEST(Forms, ProtobufSaysTheSame) {
  const std::string bytes(message("hi")->form(Wire::protobuf).bytes());
  // Field 1 "event", 2 "t", 3 = 7, 4 "hi": protobuf.dev/programming-guides/encoding.
  EXPECT_EQ(bytes.substr(2), "\x0A\x05"s + "event\x12\x01t\x18\x07\x22\x02hi");
}

/// What a browser would make of it, with zlib's own word on whether it is valid.
std::string inflate_all(std::string_view bytes, int window_bits) {
  z_stream stream{};
  EXPECT_EQ(::inflateInit2(&stream, window_bits), Z_OK);
  std::string out(1 << 20, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int result = ::inflate(&stream, Z_SYNC_FLUSH);
  EXPECT_TRUE(result == Z_OK || result == Z_BUF_ERROR) << result;
  EXPECT_EQ(stream.avail_in, 0u);
  out.resize(stream.total_out);
  ::inflateEnd(&stream);
  return out;
}

TEST(Deflate, SharedPiecesAreOneGzipStreamInAnyOrder) {
  std::mt19937 random(3);
  std::vector<std::string> texts, pieces;
  for (int i = 0; i < 50; ++i) {
    texts.push_back("id: " + std::to_string(i) + "\ndata: " + std::string(random() % 500, 'a' + i % 26) + "\n\n");
    append_deflated(pieces.emplace_back(), texts.back());
  }
  for (int round = 0; round < 20; ++round) {
    std::string stream(gzip_head()), expected;
    for (int i = 0; i < 30; ++i) {
      const std::size_t which = random() % texts.size();
      stream += pieces[which];
      expected += texts[which];
    }
    ASSERT_EQ(inflate_all(stream, 16 + MAX_WBITS), expected);
  }
}

TEST(Deflate, LargePayloadsAreCompressedOnceForWebsocket) {
  const std::string payload(1000, 'x');
  const std::string frame(message(payload)->form(Wire::websocket_deflate).bytes());
  EXPECT_LT(frame.size(), 100u);
  EXPECT_EQ(static_cast<unsigned char>(frame[0]), 0xC1) << "final, compressed, text";
  std::string back;
  EXPECT_EQ(append_inflated(back, std::string_view(frame).substr(2), 2000), Inflated::good);
  EXPECT_EQ(back, payload);
  back.clear();
  EXPECT_EQ(append_inflated(back, std::string_view(frame).substr(2), 999), Inflated::too_big);
}

TEST(Deflate, OffersTable) {
  struct Case {
    const char* offer;
    bool accepted;
  };
  for (const Case& c : {
           Case{"", false},
           Case{"permessage-deflate", true},
           Case{"permessage-deflate; client_max_window_bits", true},
           Case{"permessage-deflate; client_max_window_bits=10; server_no_context_takeover", true},
           Case{"permessage-deflate; server_max_window_bits=10", false},
           Case{"permessage-deflate; server_max_window_bits=10, permessage-deflate", true},
           Case{"permessage-deflate; server_max_window_bits=15", true},
           Case{"permessage-deflate; client_max_window_bits=99", false},
           Case{"permessage-deflate; client_max_window_bits=\"12\"", true},
           Case{"permessage-deflate; unknown", false},
           Case{"permessage-deflate; server_no_context_takeover; server_no_context_takeover", false},
           Case{"x-webkit-deflate-frame", false},
           Case{"; , ;;=,permessage-deflate", true},
       }) {
    EXPECT_EQ(negotiate_deflate(c.offer).accepted, c.accepted) << c.offer;
  }
}

TEST(Base64, RoundTrip) {
  EXPECT_EQ(to_base64("any carnal pleas"), "YW55IGNhcm5hbCBwbGVhcw==");
  EXPECT_EQ(from_base64url("YW55IGNhcm5hbCBwbGVhcw"), "any carnal pleas");
  EXPECT_EQ(from_base64url("-_8"), "\xFB\xFF");
  EXPECT_FALSE(from_base64url("+/8")) << "the other alphabet";
  EXPECT_FALSE(from_base64url("a"));
}

TEST(Commands, Json) {
  const auto command =
      parse_command(PayloadCodec::json, R"({"subscribe":["a",{"topic":"b","after":5}],"unsubscribe":"c",
      "publish":{"topic":"d","data":"x","event":"e","key":"k"}})");
  ASSERT_TRUE(command) << command.error().what;
  ASSERT_EQ(command->subscribe.size(), 2u);
  EXPECT_EQ(command->subscribe[0].topic, "a");
  EXPECT_FALSE(command->subscribe[0].after);
  EXPECT_EQ(command->subscribe[1].after, 5u);
  EXPECT_EQ(command->unsubscribe, std::vector<std::string>{"c"});
  ASSERT_EQ(command->publish.size(), 1u);
  EXPECT_EQ(command->publish[0].key, "k");
}

TEST(Commands, MsgpackAndProtobuf) {
  std::string bytes;
  msgpack::append_map(bytes, 2);
  msgpack::append_string(bytes, "subscribe");
  msgpack::append_array(bytes, 2);
  msgpack::append_string(bytes, "a");
  msgpack::append_map(bytes, 2);
  msgpack::append_string(bytes, "after");
  msgpack::append_number(bytes, 70'000);
  msgpack::append_string(bytes, "topic");
  msgpack::append_string(bytes, "b");
  msgpack::append_string(bytes, "unsubscribe");
  msgpack::append_string(bytes, "c");
  const auto packed = parse_command(PayloadCodec::msgpack, bytes);
  ASSERT_TRUE(packed) << packed.error().what;
  EXPECT_EQ(packed->subscribe[1].topic, "b");
  EXPECT_EQ(packed->subscribe[1].after, 70'000u);
  EXPECT_EQ(packed->unsubscribe, std::vector<std::string>{"c"});
  for (std::size_t cut = 0; cut < bytes.size(); ++cut)
    EXPECT_FALSE(parse_command(PayloadCodec::msgpack, std::string_view(bytes).substr(0, cut))) << cut;

  const auto buffered = parse_command(PayloadCodec::protobuf, "\x0A\x05\x0A\x01\x62\x10\x05\x12\x01\x63"s);
  ASSERT_TRUE(buffered) << buffered.error().what;
  EXPECT_EQ(buffered->subscribe[0].topic, "b");
  EXPECT_EQ(buffered->subscribe[0].after, 5u);
}

TEST(Commands, RefusedOnes) {
  for (const char* bad : {"", "[]", "{}", "null", "{\"subscribe\":5}", "{\"subscribe\":[{\"topic\":1}]}",
                          "{\"subscribe\":[{\"topic\":\"t\",\"after\":-1}]}", "{\"publish\":{\"topic\":\"t\"}}",
                          "{\"other\":1}", "{\"subscribe\":\"a\"", "[[[[[[[[[[[[[]]]]]]]]]]]]]"}) {
    const auto command = parse_command(PayloadCodec::json, bad);
    ASSERT_FALSE(command) << bad;
    EXPECT_FALSE(command.error().hint.empty());
  }
  std::string many = "{\"subscribe\":[\"a\"";
  for (int i = 0; i < 256; ++i) many += ",\"a\"";
  EXPECT_FALSE(parse_command(PayloadCodec::json, many + "]}"));
}

// Random bytes into every parser of what clients send: no crash, no hang, and each answer one of the two.
TEST(Commands, RandomBytes) {
  std::mt19937 random(11);
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes;
    for (unsigned i = random() % 64; i > 0; --i) bytes += static_cast<char>(random());
    if (round % 3 == 0) bytes.insert(0, "\x81\xA9subscribe");
    for (const PayloadCodec codec : {PayloadCodec::json, PayloadCodec::msgpack, PayloadCodec::protobuf})
      static_cast<void>(parse_command(codec, bytes));
    msgpack::Reader reader(bytes);
    while (!reader.at_end() && reader.skip()) {}
    std::string out;
    static_cast<void>(append_inflated(out, bytes, 1000));
    ASSERT_LE(out.size(), 1000u);
    static_cast<void>(negotiate_deflate(bytes));
    RequestHead head;
    static_cast<void>(parse_head(bytes, head));
  }
}

TEST(RequestHead, Table) {
  using Kind = HeadResult::Kind;
  struct Case {
    const char* name;
    std::string bytes;
    Kind kind;
  };
  const std::string get = "GET /sse/t HTTP/1.1\r\n";
  for (const Case& c : {
           Case{"minimal", get + "\r\n", Kind::complete},
           Case{"HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", Kind::complete},
           Case{"headers", get + "Host: a\r\nX-Y: z\r\n\r\n", Kind::complete},
           Case{"empty value", get + "Host:\r\n\r\n", Kind::complete},
           Case{"cut in the middle", get + "Ho", Kind::incomplete},
           Case{"nothing", "", Kind::incomplete},
           Case{"bare LF", "GET / HTTP/1.1\n\n", Kind::malformed},
           Case{"folded line", get + "A: b\r\n c\r\n\r\n", Kind::malformed},
           Case{"space before the colon", get + "A : b\r\n\r\n", Kind::malformed},
           Case{"no name", get + ": b\r\n\r\n", Kind::malformed},
           Case{"two lengths", get + "Content-Length: 1\r\nContent-Length: 1\r\n\r\n", Kind::malformed},
           Case{"control character", get + "A: \x01\r\n\r\n", Kind::malformed},
           Case{"HTTP/2", "PRI * HTTP/2.0\r\n\r\n", Kind::malformed},
           Case{"space in front", " GET / HTTP/1.1\r\n\r\n", Kind::malformed},
           Case{"long method", std::string(30, 'A') + " / HTTP/1.1\r\n\r\n", Kind::malformed},
           Case{"NUL", "GET /\0 HTTP/1.1\r\n\r\n"s, Kind::malformed},
       }) {
    SCOPED_TRACE(c.name);
    RequestHead head;
    const HeadResult result = parse_head(c.bytes, head);
    EXPECT_EQ(result.kind, c.kind);
    if (c.kind == Kind::complete) {
      EXPECT_EQ(result.bytes, c.bytes.size());
    }
  }
  RequestHead head;
  const std::string full = get + "hOsT:  example \r\nLAST-EVENT-ID: 42\r\nconnection: keep-alive, Upgrade\r\n\r\nbody";
  EXPECT_EQ(parse_head(full, head).bytes, full.size() - 4);
  EXPECT_EQ(head.method, "GET");
  EXPECT_EQ(head.target, "/sse/t");
  EXPECT_EQ(head[Header::host], "example");
  EXPECT_EQ(head[Header::last_event_id], "42");
  EXPECT_TRUE(has_token(head[Header::connection], "upgrade"));
  EXPECT_FALSE(has_token(head[Header::connection], "grade"));
  EXPECT_FALSE(head.has(Header::origin));
}

TEST(Utf8Check, AgreesWithTheWholeCheckOnRandomBytes) {
  std::mt19937 random(5);
  for (int round = 0; round < 50'000; ++round) {
    std::string bytes;
    for (unsigned i = random() % 6; i > 0; --i)
      bytes += static_cast<char>(random() % 2 == 0 ? random() : 0x80 + random() % 0x78);
    Utf8Check check;
    bool good = true;
    for (const char byte : bytes) good = good && check.add(byte);
    ASSERT_EQ(good && check.complete(), is_utf8(bytes)) << round;
  }
}

}  // namespace
}  // namespace fanlight::server::codec
