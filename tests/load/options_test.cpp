#include "load/options.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "load/descriptors.hpp"
#include "load/endpoint.hpp"

namespace fanlight::load {
namespace {

Result<std::variant<Options, Information>> parse(std::vector<const char*> words) {
  words.insert(words.begin(), "fanlight-load");
  return parse_options(static_cast<int>(words.size()), words.data());
}

TEST(Options, AreReadWithTheirUnits) {
  const auto parsed = parse({"--sse",   "500",     "--ws",         "20",       "--rate", "99.5",  "--size",
                             "1K",      "--for",   "250ms",        "--warmup", "0",      "--url", "http://localhost:9/",
                             "--topic", "a.b-c_1", "--publishers", "8",        "--json", "-",     "--quiet"});
  ASSERT_TRUE(parsed) << parsed.error().what;
  const auto& options = std::get<Options>(*parsed);
  EXPECT_EQ(options.plan.groups.at(0).count, 500u);
  EXPECT_EQ(options.plan.subscribers(), 520u);
  EXPECT_EQ(options.plan.phases.at(0).rate, 99.5);
  EXPECT_EQ(options.plan.size, 1024u);
  EXPECT_EQ(options.plan.duration(), std::chrono::milliseconds(250));
  EXPECT_EQ(options.plan.warmup.count(), 0);
  EXPECT_EQ(options.plan.publishers, 8u);
  EXPECT_EQ(options.json, "-");
  EXPECT_TRUE(options.quiet);
}

TEST(Options, MisuseIsSaidInOneLineWithAHint) {
  struct Case {
    std::vector<const char*> words;
    const char* says;
  };
  for (const Case& c : {
           Case{{}, "nobody to receive"},
           Case{{"--sse", "-1"}, "--sse"},
           Case{{"--sse", "many"}, "--sse"},
           Case{{"--sse", "1", "--size", "47"}, "--size: at least 48"},
           Case{{"--sse", "1", "--size", "2M"}, "--size"},
           Case{{"--sse", "1", "--size", "x"}, "--size"},
           Case{{"--sse", "1", "--rate", "0"}, "--rate"},
           Case{{"--sse", "1", "--rate", "nan"}, "--rate"},
           Case{{"--sse", "1", "--for", "0s"}, "--for"},
           Case{{"--sse", "1", "--for", "soon"}, "--for"},
           Case{{"--sse", "1", "--topic", "a/b"}, "--topic"},
           Case{{"--sse", "1", "--topic", ""}, "--topic"},
           Case{{"--sse", "1", "--publishers", "0"}, "--publishers"},
           Case{{"--sse", "1", "--url", "gopher://127.0.0.1"}, "--url"},
           Case{{"--sse", "1", "--url", "redis://127.0.0.1"}, "need a URL of http"},
           Case{{"--redis", "1"}, "need a URL of redis"},
           Case{{"--sse", "1", "--rate", "1..x"}, "--rate"},
           Case{{"--sse", "1", "--rate", "5/0"}, "--rate"},
           Case{{"--with", "sse:5:lazy"}, "--with"},
           Case{{"--with", "sse:0:plain"}, "--with"},
           Case{{"--with", "sse:1:ws-oversized"}, "only WebSocket"},
           Case{{"--sse", "1", "--with", "sse:5:plain"}, "alike"},
           Case{{"--sse", "1", "--fail-if", "p98>1ms"}, "--fail-if"},
           Case{{"--sse", "1", "--fail-if", "p99>1"}, "--fail-if"},
           Case{{"--sse", "1", "--fail-if", "lost=1"}, "--fail-if"},
           Case{{"--sse", "1", "--fail-if", "ws.lost>1"}, "this run has no 'ws'"},
           Case{{"--sse", "1", "--fail-if", "sse:resetter.lost>1"}, "this run has no 'sse:resetter'"},
           Case{{"--sse", "1", "--header", "a b: c"}, "--header"},
           Case{{"--sse", "1", "--header", "a: b\r\nc: d"}, "--header"},
           Case{{"--sse", "1", "--token", "a b"}, "--token"},
           Case{{"--sse", "1", "--sources", "127.0.0.9-127.0.0.2"}, "--sources"},
           Case{{"--sse", "1", "--scenario", "/nonexistent.json"}, "--scenario"},
           Case{{"--sse", "1", "--adapter", "kafka"}, "--adapter"},
           Case{{"--sse", "1", "--hosts", "2"}, "--hosts"},
           Case{{"--sse", "1", "--coordinator", "127.0.0.1"}, "--coordinator"},
           Case{{"--sse", "1", "--coordinator", "localhost:9200"}, "--coordinator"},
           Case{{"--sse", "1", "--coordinator", "127.0.0.1:99999"}, "--coordinator"},
           Case{{"--sse", "1", "--coordinator", "0.0.0.0:9200"}, "others can reach this address"},
           Case{{"--sse", "1", "--coordinator", "127.0.0.1:0", "--hosts", "2"}, "more than subscribers"},
           Case{{"--sse", "5", "--coordinator", "127.0.0.1:0", "--hosts", "0"}, "--hosts"},
           Case{{"--sse", "5", "--coordinator", "127.0.0.1:0", "--workers", "2"}, "--workers"},
           Case{{"--sse", "5", "--coordinator", "127.0.0.1:0", "--fit"}, "--fit"},
           Case{{"--join", "127.0.0.1:9200", "--sse", "1"}, "--sse"},
           Case{{"--join", "127.0.0.1"}, "--join 127.0.0.1: not an address and port"},
           Case{{"--join", "127.0.0.1:80/x"}, "--join"},
           Case{{"--sse", "1", "--listen", "127.0.0.1:1x"}, "--listen"},
           Case{{"--sse", "1", "--listen", "localhost:9190"}, "--listen"},
           Case{{"--scenario", "/dev/null"}, "line 1: not JSON: incomplete"},
           Case{{"--join", "127.0.0.1:9200", "--threads", "0"}, "--threads"},
           Case{{"--join", "127.0.0.1:9200", "--sources", "x"}, "--sources"},
           Case{{"--sse", "1", "--bogus"}, "--bogus"},
           Case{{"--sse", "1", "stray"}, "stray"},
       }) {
    SCOPED_TRACE(c.says);
    const auto parsed = parse(c.words);
    ASSERT_FALSE(parsed);
    EXPECT_NE(parsed.error().what.find(c.says), std::string::npos) << parsed.error().what;
    EXPECT_EQ(parsed.error().what.find('\n'), std::string::npos);
    EXPECT_FALSE(parsed.error().hint.empty());
  }
}

TEST(Options, APhaseReplacesThoseOfAScenarioOnlyWhenItIsWhole) {
  const std::string file = ::testing::TempDir() + "fanlight_two_phases.json";
  std::ofstream(file) << R"({"subscribers": [{"protocol": "sse", "count": 1}],
                            "phases": [{"for": "1s", "schedule": "5"}, {"for": "2s", "schedule": "7"}]})";
  const auto whole = parse({"--scenario", file.c_str()});
  ASSERT_TRUE(whole) << whole.error().what;
  EXPECT_EQ(std::get<Options>(*whole).plan.phases.size(), 2u);
  const auto half = parse({"--scenario", file.c_str(), "--for", "3s"});
  ASSERT_FALSE(half) << "three seconds of which rate?";
  EXPECT_NE(half.error().what.find("--for"), std::string::npos);
  const auto replaced = parse({"--scenario", file.c_str(), "--for", "3s", "--rate", "9"});
  ASSERT_TRUE(replaced) << replaced.error().what;
  EXPECT_EQ(std::get<Options>(*replaced).plan.phases.size(), 1u);
  std::filesystem::remove(file);
}

TEST(Options, HelpHasExamples) {
  const auto parsed = parse({"--help"});
  ASSERT_TRUE(parsed);
  const std::string& text = std::get<Information>(*parsed).text;
  for (const char* word : {"--sse", "--ws", "--rate", "--for", "--json", "Examples:", "Exit status:"})
    EXPECT_NE(text.find(word), std::string::npos) << word;
}

TEST(Url, IsTakenApart) {
  struct Case {
    const char* text;
    const char* host;
    int port;
    const char* authority;
  };
  for (const Case& c : {Case{"http://127.0.0.1:8080", "127.0.0.1", 8080, "127.0.0.1:8080"},
                        Case{"http://localhost", "localhost", 80, "localhost:80"},
                        Case{"http://[::1]:9000/", "::1", 9000, "[::1]:9000"}}) {
    SCOPED_TRACE(c.text);
    const auto url = parse_url(c.text);
    ASSERT_TRUE(url) << url.error().what;
    EXPECT_EQ(url->host, c.host);
    EXPECT_EQ(url->port, c.port);
    EXPECT_EQ(url->authority, c.authority);
  }
  const auto path = parse_url("wss://x/a/{topic}?b=c");
  ASSERT_TRUE(path);
  EXPECT_EQ(path->path, "/a/{topic}?b=c");
  EXPECT_EQ(path->port, 443);
  EXPECT_TRUE(path->tls());
  EXPECT_EQ(expand("/a/{topic}?b={topic}", "t"), "/a/t?b=t");
  for (const char* text : {"", "127.0.0.1:80", "ftp://x", "http://", "http://:80", "http://x:0", "http://x:65536",
                           "http://x:8a", "http://x/p#f", "http://u@x", "http://[::1", "http://[::1]9", "http://a b"})
    EXPECT_FALSE(parse_url(text)) << text;
}

TEST(Sources, AreRangesOrNumbers) {
  const auto range = parse_sources("127.0.0.254-127.0.1.1");
  ASSERT_TRUE(range);
  EXPECT_EQ(*range, (std::vector<std::string>{"127.0.0.254", "127.0.0.255", "127.0.1.0", "127.0.1.1"}));
  const auto number = parse_sources("2");
  ASSERT_TRUE(number);
  EXPECT_EQ(*number, (std::vector<std::string>{"127.0.0.2", "127.0.0.3"}));
  for (const char* text : {"", "0", "x", "1.2.3", "127.0.0.1-", "::1", "99999999", "127.0.0.1-127.200.0.1"})
    EXPECT_FALSE(parse_sources(text)) << text;
}

TEST(Descriptors, RefusalNamesWhatWouldFit) {
  EXPECT_TRUE(make_room_for(10));
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
  EXPECT_TRUE(make_room_for(limit.rlim_max - kSpareDescriptors));
  rlimit raised{};
  ::getrlimit(RLIMIT_NOFILE, &raised);
  EXPECT_EQ(raised.rlim_cur, limit.rlim_max);
  const auto refused = make_room_for(limit.rlim_max);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().hint.find(std::to_string(limit.rlim_max - kSpareDescriptors)), std::string::npos);
}

}  // namespace
}  // namespace fanlight::load
