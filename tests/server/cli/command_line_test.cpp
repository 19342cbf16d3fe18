#include "server/cli/command_line.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/bench/designs/all_designs.hpp"

namespace fanlight::server::cli {
namespace {

std::variant<Command, Leave> parse_words(std::vector<const char*> words) {
  words.insert(words.begin(), "fanlight-server");
  return parse(static_cast<int>(words.size()), words.data(), 20'000);
}

TEST(CommandLine, Defaults) {
  const auto parsed = parse_words({});
  ASSERT_TRUE(std::holds_alternative<Command>(parsed));
  const Command& command = std::get<Command>(parsed);
  EXPECT_EQ(command.server.address, "127.0.0.1");
  EXPECT_EQ(command.server.port, 8080);
  EXPECT_EQ(command.server.max_connections, 20'000u - 64u) << "what the descriptors allow";
  EXPECT_EQ(command.server.max_body_bytes, 1u << 20);
  EXPECT_EQ(command.sample_hz, 99u);
}

TEST(CommandLine, Options) {
  const auto parsed = parse_words({"--listen", "[::1]:0", "--workers", "3", "--outbox", "16", "--max-connections", "5",
                                   "--max-topics", "7", "--max-body", "64K", "--drain", "250ms", "--sample-hz", "0"});
  ASSERT_TRUE(std::holds_alternative<Command>(parsed));
  const Command& command = std::get<Command>(parsed);
  EXPECT_EQ(command.server.address, "::1");
  EXPECT_EQ(command.server.port, 0);
  EXPECT_EQ(command.server.workers, 3u);
  EXPECT_EQ(command.server.outbox_frames, 16u);
  EXPECT_EQ(command.server.max_connections, 5u);
  EXPECT_EQ(command.server.max_topics, 7u);
  EXPECT_EQ(command.server.max_body_bytes, 64u * 1024);
  EXPECT_EQ(command.server.drain, std::chrono::milliseconds(250));
  EXPECT_EQ(command.sample_hz, 0u);
}

TEST(CommandLine, SlotsAndTheirWorkers) {
  const auto parsed = parse_words({"--workers", "2", "--slots", "8", "--slot", "3=1", "--slot", "7=0"});
  ASSERT_TRUE(std::holds_alternative<Command>(parsed));
  const std::vector<net::SlotOwner>& owners = std::get<Command>(parsed).server.slot_owners;
  ASSERT_EQ(owners.size(), 2u);
  EXPECT_EQ(owners[0].slot, 3u);
  EXPECT_EQ(owners[0].worker, 1u);
  EXPECT_EQ(owners[1].slot, 7u);
  for (const char* beyond : {"8=0", "3=2"}) {
    const auto refused = parse_words({"--workers", "2", "--slots", "8", "--slot", beyond});
    ASSERT_TRUE(std::holds_alternative<Leave>(refused)) << beyond;
    EXPECT_EQ(std::get<Leave>(refused).exit_code, 2);
    EXPECT_NE(std::get<Leave>(refused).error.find(beyond), std::string::npos) << std::get<Leave>(refused).error;
  }
}

TEST(CommandLine, OriginAndBreaker) {
  const auto parsed = parse_words({"--origin-timeout", "250ms", "--origin", "http://127.0.0.1:9000/state/",
                                   "--origin-fresh", "2s", "--breaker-failures", "3", "--breaker-pause", "1m"});
  ASSERT_TRUE(std::holds_alternative<Command>(parsed));
  const net::Options& server = std::get<Command>(parsed).server;
  ASSERT_TRUE(server.origin);
  EXPECT_EQ(server.origin->port, "9000");
  EXPECT_EQ(server.origin->timeout, std::chrono::milliseconds(250));
  EXPECT_EQ(server.snapshots.fresh, std::chrono::seconds(2));
  EXPECT_EQ(server.snapshots.breaker.failures, 3u);
  EXPECT_EQ(server.snapshots.breaker.pause_ns, 60'000'000'000u);
  EXPECT_FALSE(std::get<Command>(parse_words({})).server.origin);
}

TEST(CommandLine, DesignsAreThoseOfTheProgram) {
  std::vector<const char*> words = {"lab", "--registry", "sharded", "--shards", "7", "--dispatch", "pool"};
  const auto parsed = parse(static_cast<int>(words.size()), words.data(), 20'000, hub::designs::all_designs());
  ASSERT_TRUE(std::holds_alternative<Command>(parsed));
  EXPECT_EQ(std::get<Command>(parsed).server.registry, hub::RegistryKind::sharded);
  EXPECT_EQ(std::get<Command>(parsed).server.shards, 7u);
  EXPECT_EQ(std::get<Command>(parsed).server.dispatch, hub::DispatchKind::pool);
}

TEST(CommandLine, Misuse) {
  struct Case {
    std::vector<const char*> words;
    const char* named;  // in the error
  };
  for (const Case& c : {
           Case{{"--bogus"}, "--bogus"},
           Case{{"--registry", "nonsense"}, "per-core"},
           Case{{"--registry", "mutex"}, "fanlight-server-lab"},
           Case{{"--dispatch", "pool"}, "fanlight-server-lab"},
           Case{{"--shards", "4"}, "--shards"},
           Case{{"--origin", "https://127.0.0.1/"}, "https://127.0.0.1/"},
           Case{{"--origin-timeout", "soon"}, "--origin-timeout"},
           Case{{"--breaker-failures", "0"}, "--breaker-failures"},
           Case{{"stray"}, "stray"},
           Case{{"--listen"}, "--listen"},
           Case{{"--listen", "8080"}, "8080"},
           Case{{"--listen", ":8080"}, ":8080"},
           Case{{"--listen", "127.0.0.1:"}, "127.0.0.1:"},
           Case{{"--listen", "127.0.0.1:99999"}, "99999"},
           Case{{"--listen", "127.0.0.1:80x"}, "80x"},
           Case{{"--listen", "::1:80"}, "::1:80"},
           Case{{"--listen", "1.2.3.4.5:80"}, "1.2.3.4.5:80"},
           Case{{"--listen", "[::g]:80"}, "[::g]:80"},
           Case{{"--workers", "0"}, "--workers"},
           Case{{"--workers", "many"}, "--workers"},
           Case{{"--outbox", "2"}, "--outbox"},
           Case{{"--max-connections", "0"}, "--max-connections"},
           Case{{"--max-body", "1T"}, "--max-body"},
           Case{{"--max-body", "0"}, "--max-body"},
           Case{{"--drain", "soon"}, "--drain"},
           Case{{"--heartbeat", "0s"}, "from 1s to 30s"},
           Case{{"--heartbeat", "5m"}, "from 1s to 30s"},
           Case{{"--pong-window", "10ms"}, "--pong-window"},
           Case{{"--request-deadline", "0"}, "--request-deadline"},
           Case{{"--publish-token", ""}, "--publish-token"},
           Case{{"--subscribe-token", ""}, "--subscribe-token"},
           Case{{"--jwt-key", ""}, "--jwt-key"},
           Case{{"--slot", "3"}, "SLOT=WORKER"},
           Case{{"--slot", "3=one"}, "SLOT=WORKER"},
           Case{{"--slot", "=1"}, "SLOT=WORKER"},
           Case{{"--slot", "3=1=2"}, "SLOT=WORKER"},
           Case{{"--sample-hz", "-1"}, "--sample-hz"},
       }) {
    SCOPED_TRACE(c.words.back());
    const auto parsed = parse_words(c.words);
    ASSERT_TRUE(std::holds_alternative<Leave>(parsed));
    const Leave& leave = std::get<Leave>(parsed);
    EXPECT_EQ(leave.exit_code, 2);
    EXPECT_NE(leave.error.find(c.named), std::string::npos) << leave.error;
    EXPECT_EQ(leave.error.find('\n'), std::string::npos) << "one line";
    EXPECT_EQ(leave.hint, "fanlight-server --help shows what it takes");
  }
}

TEST(CommandLine, HelpAndVersion) {
  const auto help = std::get<Leave>(parse_words({"--help"}));
  EXPECT_EQ(help.exit_code, 0);
  for (const char* word :
       {"--listen", "--workers", "--outbox", "--max-connections", "--max-body", "--sample-hz", "Examples:"}) {
    EXPECT_NE(help.out.find(word), std::string::npos) << word;
  }
  EXPECT_EQ(std::get<Leave>(parse_words({"--version"})).out, "fanlight-server 0.1.0\n");
}

}  // namespace
}  // namespace fanlight::server::cli
