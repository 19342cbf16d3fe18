#include "load/http_response.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace fanlight::load {
namespace {

struct Outcome {
  unsigned status = 0;
  std::string body;
  std::string rest;  // of the bytes, after the response
  enum { more, complete, error } end = more;
};

Outcome read(std::string_view stream, std::size_t piece_size) {
  ResponseReader reader;
  Outcome outcome;
  while (!stream.empty()) {
    const std::string piece(stream.substr(0, piece_size));
    std::string_view bytes = piece, body;
    for (bool more = true; more;) {
      switch (reader.next(bytes, body)) {
        case ResponseReader::Event::nothing: more = false; break;
        case ResponseReader::Event::head: outcome.status = reader.head().status; break;
        case ResponseReader::Event::body: outcome.body += body; break;
        case ResponseReader::Event::complete:
          outcome.end = Outcome::complete;
          outcome.rest = std::string(bytes) + std::string(stream.substr(piece.size()));
          return outcome;
        case ResponseReader::Event::error: outcome.end = Outcome::error; return outcome;
      }
    }
    stream.remove_prefix(piece.size());
  }
  return outcome;
}

TEST(HttpResponse, FramesBodiesAsTheHeadSays) {
  struct Case {
    const char* name;
    std::string stream;
    Outcome expected;
  };
  const std::string ok = "HTTP/1.1 200 OK\r\n";
  for (const Case& c : {
           Case{"length", ok + "Content-Length: 5\r\n\r\nhelloNEXT", {200, "hello", "NEXT", Outcome::complete}},
           Case{"none", "HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\nNEXT", {202, "", "NEXT", Outcome::complete}},
           Case{"204", "HTTP/1.1 204 No Content\r\n\r\nNEXT", {204, "", "NEXT", Outcome::complete}},
           Case{"until close", ok + "\r\nall of it", {200, "all of it", "", Outcome::more}},
           Case{"chunks",
                ok + "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n1;x=y\r\n!\r\n0\r\n\r\nNEXT",
                {200, "hello!", "NEXT", Outcome::complete}},
           Case{"big chunk size",
                ok + "transfer-encoding: Chunked\r\n\r\n0A\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\nN",
                {200, "0123456789", "N", Outcome::complete}},
           Case{"chunked wins over length",
                ok + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n",
                {200, "a", "", Outcome::complete}},
           Case{"upgrade",
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x01x",
                {101, "", "\x81\x01x", Outcome::complete}},
           Case{"interim",
                "HTTP/1.1 100 Continue\r\n\r\n" + ok + "Content-Length: 1\r\n\r\na",
                {200, "a", "", Outcome::complete}},
           Case{"bare line ends", "HTTP/1.1 200 OK\nContent-Length: 2\n\nabX", {200, "ab", "X", Outcome::complete}},
           Case{"no reason", "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", {200, "", "", Outcome::complete}},
       }) {
    for (const std::size_t piece : {std::size_t{1}, std::size_t{3}, std::size_t{1000}}) {
      SCOPED_TRACE(std::string(c.name) + " by " + std::to_string(piece));
      const Outcome outcome = read(c.stream, piece);
      EXPECT_EQ(outcome.status, c.expected.status);
      EXPECT_EQ(outcome.body, c.expected.body);
      EXPECT_EQ(outcome.rest, c.expected.rest);
      EXPECT_EQ(outcome.end, c.expected.end);
    }
  }
}

TEST(HttpResponse, RefusesWhatMakesNoSense) {
  const std::string ok = "HTTP/1.1 200 OK\r\n";
  for (const std::string& stream : {
           std::string("SSH-2.0-OpenSSH_9.2\r\n\r\n"),
           std::string("HTTP/2 200 OK\r\n\r\n"),
           std::string("HTTP/1.1 20x OK\r\n\r\n"),
           std::string("HTTP/1.1 99 OK\r\n\r\n"),
           ok + "no colon\r\n\r\n",
           ok + ": no name\r\n\r\n",
           ok + "A: b\r\n folded\r\n\r\n",
           ok + "A : b\r\n\r\n",
           ok + "Content-Length: -1\r\n\r\n",
           ok + "Content-Length: 5x\r\n\r\n",
           ok + "Content-Length: 99999999999999999999\r\n\r\n",
           ok + "Content-Length: 2000000000000\r\n\r\n",
           ok + "Transfer-Encoding: gzip, chunked\r\n\r\n",
           ok + "Transfer-Encoding: chunked\r\n\r\nx\r\n",
           ok + "Transfer-Encoding: chunked\r\n\r\n\r\n",
           ok + "Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
           ok + "Transfer-Encoding: chunked\r\n\r\nfffffffffff\r\n",
           ok + "Transfer-Encoding: chunked\r\n\r\n1\n",
           ok + "X: " + std::string(20'000, 'x') + "\r\n\r\n",
           std::string(20'000, 'x'),
       }) {
    for (const std::size_t piece : {std::size_t{1}, std::size_t{50'000}}) {
      SCOPED_TRACE(stream.substr(0, 80));
      EXPECT_EQ(read(stream, piece).end, Outcome::error);
    }
  }
}

TEST(HttpResponse, NamesOfFieldsIgnoreCase) {
  ResponseReader reader;
  std::string_view bytes = "HTTP/1.1 200 OK\r\nCoNTent-TYPE: \t text/event-stream \r\n\r\n", piece;
  ASSERT_EQ(reader.next(bytes, piece), ResponseReader::Event::head);
  EXPECT_EQ(reader.head().field("content-type"), "text/event-stream");
  EXPECT_EQ(reader.head().field("etag"), "");
}

}  // namespace
}  // namespace fanlight::load
