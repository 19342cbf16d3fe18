// Reading a request's head: the byte state machine against Beast's parser. Unit: heads per second.
#include <benchmark/benchmark.h>

#include <string>

#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>

#include "server/codec/request_head.hpp"

namespace {

namespace http = boost::beast::http;
using namespace fanlight::server;

std::string minimal() { return "GET /sse/news HTTP/1.1\r\nHost: localhost\r\n\r\n"; }

std::string ordinary() {
  return "GET /sse/news HTTP/1.1\r\nHost: localhost:8080\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) "
         "AppleWebKit/537.36 "
         "(KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36\r\nAccept: text/event-stream\r\nAccept-Language: "
         "en-US,en;q=0.9\r\nAccept-Encoding: gzip, deflate, br\r\nCache-Control: no-cache\r\nConnection: keep-alive\r\n"
         "Referer: http://localhost:8080/\r\nLast-Event-ID: 12345\r\nSec-Fetch-Dest: empty\r\nSec-Fetch-Mode: cors\r\n"
         "Sec-Fetch-Site: same-origin\r\n\r\n";
}

/// 80 headers of strange names and long values, 7 KiB.
std::string absurd() {
  std::string text = "GET /sse/news?" + std::string(500, 'q') + " HTTP/1.1\r\nHost: localhost\r\n";
  for (int i = 0; i < 80; ++i)
    text += "X-!#$%&'*+^_`|~-" + std::to_string(i) + ":  " + std::string(60, '~') + " \t\r\n";
  return text + "\r\n";
}

std::string head_of(std::int64_t which) { return which == 0 ? minimal() : which == 1 ? ordinary() : absurd(); }
constexpr const char* kNames[] = {"minimal", "ordinary", "absurd"};

void BM_state_machine(benchmark::State& state) {
  const std::string text = head_of(state.range(0));
  for (auto _ : state) {
    codec::RequestHead head;
    const codec::HeadResult result = codec::parse_head(text, head);
    if (result.kind != codec::HeadResult::Kind::complete) state.SkipWithError("not understood");
    benchmark::DoNotOptimize(head);
  }
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
  state.SetLabel(kNames[state.range(0)]);
}
BENCHMARK(BM_state_machine)->DenseRange(0, 2);

void BM_beast(benchmark::State& state) {
  const std::string text = head_of(state.range(0));
  for (auto _ : state) {
    http::request_parser<http::empty_body> parser;
    parser.header_limit(16 * 1024);
    boost::beast::error_code error;
    parser.put(boost::asio::buffer(text), error);
    if (error || !parser.is_header_done()) state.SkipWithError("not understood");
    benchmark::DoNotOptimize(parser.get());
  }
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
  state.SetLabel(kNames[state.range(0)]);
}
BENCHMARK(BM_beast)->DenseRange(0, 2);

}  // namespace
