#include "load/remote_words.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "load/line_channel.hpp"

namespace fanlight::load {
namespace {

template <class Kind>
Kind again(const Kind& message) {
  auto read = remote::from_line(remote::to_line(message));
  if (!read) throw std::runtime_error(read.error().what);
  return std::get<Kind>(*read);
}

TEST(RemoteWords, WhatIsSaidIsHeard) {
  remote::Task task;
  task.plan.url = "https://a.example";
  task.plan.adapter = "nchan";
  task.plan.urls.ws = "wss://b.example/{topic}";
  task.plan.groups = {{Protocol::sse, 0, {}}, {Protocol::websocket, 70'000, *parse_profile("slow-reader=2K")}};
  task.plan.headers = {{"X-A", "b: c"}};
  task.plan.token = "t";
  task.plan.connect_timeout = std::chrono::seconds(7);
  task.plan.reconnect = true;
  task.plan.size = 300;
  task.expectation = {0xFFFFFFFF, 256, 300, true};
  const remote::Task heard = again(task);
  EXPECT_EQ(heard.plan.url, task.plan.url);
  EXPECT_EQ(heard.plan.adapter, "nchan");
  EXPECT_EQ(heard.plan.urls.ws, task.plan.urls.ws);
  EXPECT_EQ(heard.plan.groups, task.plan.groups);
  EXPECT_EQ(heard.plan.headers, task.plan.headers);
  EXPECT_EQ(heard.plan.connect_timeout, task.plan.connect_timeout);
  EXPECT_TRUE(heard.plan.reconnect);
  EXPECT_EQ(heard.expectation.run, 0xFFFFFFFF);
  EXPECT_EQ(heard.expectation.size, 300u);
  EXPECT_TRUE(heard.expectation.any);

  const remote::BoardState board{true, false, kNever, 500.5, 4, 9, {1, 2}, {3, 4}, {5, 6}, {7, 8}};
  EXPECT_EQ(again(board), board);

  remote::Live live{{2, remote::PoolState{}}, -5'000'000'000, 12, -3};
  live.pools[1].counters[0] = 77;
  live.pools[1].states[2] = 5;
  live.pools[1].latency = {{511, 9}};
  const remote::Live live_heard = again(live);
  ASSERT_EQ(live_heard.pools.size(), 2u);
  EXPECT_EQ(live_heard.pools[1].counters[0], 77u);
  EXPECT_EQ(live_heard.pools[1].states[2], 5u);
  EXPECT_EQ(live_heard.pools[1].latency, live.pools[1].latency);
  EXPECT_EQ(live_heard.clock_ahead_ns, -5'000'000'000);

  remote::Results results;
  results.tallies.resize(1);
  results.tallies[0].received = 12;
  results.reached = {{3, 400, 5}};
  const remote::Results results_heard = again(results);
  EXPECT_EQ(results_heard.tallies.at(0).received, 12u);
  EXPECT_EQ(results_heard.reached.at(0).slowest_ns, 400u);

  EXPECT_EQ(again(remote::Hello{1, "word", 4}).secret, "word");
  EXPECT_EQ(again(remote::Failed{"a\nb", "c"}).why, "a\nb");
  EXPECT_EQ(remote::to_line(remote::Failed{"a\nb", "c"}).find('\n'), std::string::npos);
}

TEST(RemoteWords, NonsenseIsRefusedInWords) {
  remote::Task task;
  task.plan.groups = {{Protocol::sse, 1, {}}};
  const std::string good = remote::to_line(task);
  const auto with = [](std::string text, const std::string& from, const std::string& to) {
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return text.replace(at, from.size(), to);
  };
  const std::string board = remote::to_line(remote::BoardState{.phase_from_ns = {1}, .posted = {1}, .accepted = {1}});
  std::string phases = "[1";
  for (std::size_t i = 0; i < kMaxPhases; ++i) phases += ",1";
  for (const std::string& line : {
           std::string(),
           std::string("GET / HTTP/1.1"),
           std::string("[]"),
           std::string("{}"),
           std::string(R"({"is":"dance"})"),
           std::string(R"({"is":"hello","version":"1","secret":"","pools":1})"),
           std::string(R"({"is":"hello","version":1,"secret":"","pools":0})"),
           std::string(R"({"is":"ping","sent":-1})"),
           std::string(R"({"is":"live","pools":[[[1],[1],[]]],"ahead":0,"error":0,"drifted":0})"),
           std::string(R"({"is":"results","tallies":"nonsense","reached":[]})"),
           std::string(R"({"is":"results","tallies":"[]","reached":[[999999999,1,1]]})"),
           with(good, "\"sse\"", "\"gopher\""),
           with(good, "\"plain\"", "\"lazy\""),
           with(good, "[[\"sse\",1,\"plain\"]]", "[]"),
           with(board, "\"posted\":[1]", "\"posted\":[1,2]"),
           with(board, "\"phase_from\":[1]", "\"phase_from\":" + phases + "]"),
           with(board, "\"track_every\":1", "\"track_every\":0"),
       }) {
    SCOPED_TRACE(line.substr(0, 120));
    const auto read = remote::from_line(line);
    ASSERT_FALSE(read);
    EXPECT_FALSE(read.error().what.empty());
  }
}

struct Ends {
  Ends() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0)
      throw std::runtime_error("ends");
    near = Fd(ends[0]);
    far = Fd(ends[1]);
  }
  Fd near, far;
};

TEST(LineChannel, LinesAreCutWhereTheyEndAndBounded) {
  Ends ends;
  LineChannel channel(std::move(ends.near), 100);
  ASSERT_EQ(::send(ends.far.get(), "one\ntw", 6, 0), 6);
  channel.pump();
  EXPECT_EQ(channel.next(), "one");
  EXPECT_EQ(channel.next(), std::nullopt);
  ASSERT_EQ(::send(ends.far.get(), "o\n\n", 3, 0), 3);
  channel.pump();
  EXPECT_EQ(channel.next(), "two");
  EXPECT_EQ(channel.next(), "");
  EXPECT_TRUE(channel.open());
  const std::string endless(200, 'x');
  ::send(ends.far.get(), endless.data(), endless.size(), 0);
  channel.pump();
  EXPECT_EQ(channel.next(), std::nullopt);
  EXPECT_FALSE(channel.open());
  EXPECT_EQ(channel.trouble(), "a line without end");
}

TEST(LineChannel, WhatCameBeforeTheEndIsHeard) {
  Ends ends;
  LineChannel channel(std::move(ends.near));
  channel.say("hello");
  char buffer[16];
  EXPECT_EQ(::recv(ends.far.get(), buffer, sizeof buffer, 0), 6);
  ASSERT_EQ(::send(ends.far.get(), "last\n", 5, 0), 5);
  ends.far.reset();
  channel.pump();
  EXPECT_FALSE(channel.open());
  EXPECT_EQ(channel.next(), "last");
  EXPECT_EQ(channel.trouble(), "it closed the connection");
}

}  // namespace
}  // namespace fanlight::load
