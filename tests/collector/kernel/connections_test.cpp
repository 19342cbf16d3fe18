#include "collector/kernel/connections.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cstring>

#include "collector/kernel/timing.hpp"

namespace fanlight::kernel {
namespace {

constexpr std::uint64_t kTick = 4'000'000;
constexpr std::uint64_t kSecond = 1'000'000'000;

fanlight_connection connection(std::uint64_t socket, std::uint16_t port, std::uint64_t time_ns) {
  fanlight_connection raw{};
  raw.socket = socket;
  raw.time_ns = time_ns;
  raw.family = AF_INET;
  raw.state = 1;
  raw.local_port = 8080;
  raw.peer_port = port;
  raw.local[0] = raw.peer[0] = 127;
  raw.local[3] = raw.peer[3] = 1;
  return raw;
}

std::vector<std::byte> pass(std::initializer_list<fanlight_connection> all) {
  std::vector<std::byte> bytes(all.size() * sizeof(fanlight_connection));
  std::memcpy(bytes.data(), std::data(all), bytes.size());
  return bytes;
}

TEST(Connections, SumsBeginWhereWeCame) {
  Connections connections(kTick);
  fanlight_connection old = connection(1, 4000, kSecond);
  old.bytes_acked = 5000;
  old.busy = 100;
  connections.take(pass({old}));
  ASSERT_EQ(connections.readings().size(), 1u);
  EXPECT_EQ(connections.readings()[0].acknowledged_bytes, 0u);
  EXPECT_EQ(connections.readings()[0].busy_ns, 0u);

  old.time_ns = 2 * kSecond;
  old.bytes_acked = 5700;
  old.busy = 110;
  fanlight_connection young = connection(2, 4001, 2 * kSecond);
  young.bytes_acked = 300;
  connections.take(pass({young, old}));
  ASSERT_EQ(connections.readings().size(), 2u);
  EXPECT_EQ(connections.readings()[0].acknowledged_bytes, 700u);
  EXPECT_EQ(connections.readings()[0].busy_ns, 10 * kTick);
  EXPECT_EQ(connections.readings()[0].watched_ns, kSecond);
  EXPECT_EQ(connections.readings()[1].acknowledged_bytes, 300u) << "opened while we were there: all of it is new";
  EXPECT_EQ(connections.readings()[1].peer, "127.0.0.1:4001");
}

TEST(Connections, AQueueStallsWhileNothingOfItIsAcknowledged) {
  Connections connections(kTick);
  fanlight_connection raw = connection(1, 4000, 0);
  struct Step {
    const char* name;
    std::uint64_t at_s;
    std::uint64_t acked;
    std::uint32_t queued;
    std::uint64_t stalled_s;
  };
  for (const Step& step : {Step{"empty", 1, 10, 0, 0}, Step{"queued just now", 2, 10, 500, 1},
                           Step{"the same", 5, 10, 500, 4}, Step{"some of it acknowledged", 6, 20, 490, 0},
                           Step{"stalls anew", 8, 20, 490, 2}, Step{"drained", 9, 510, 0, 0}}) {
    SCOPED_TRACE(step.name);
    raw.time_ns = step.at_s * kSecond;
    raw.bytes_acked = step.acked;
    raw.queued = step.queued;
    connections.take(pass({raw}));
    EXPECT_EQ(connections.readings()[0].stalled_ns, step.stalled_s * kSecond);
  }
  EXPECT_EQ(connections.readings()[0].most_queued_bytes, 500u);
}

TEST(Connections, TheSameAddressesLaterAreAnother) {
  Connections connections(kTick);
  fanlight_connection raw = connection(1, 4000, kSecond);
  connections.take(pass({}));
  raw.bytes_acked = 900;
  connections.take(pass({raw}));
  const std::uint64_t first = connections.readings()[0].id;
  raw.bytes_acked = 40;
  connections.take(pass({raw}));
  EXPECT_NE(connections.readings()[0].id, first);
  EXPECT_EQ(connections.readings()[0].acknowledged_bytes, 40u);
  connections.take(pass({}));
  EXPECT_TRUE(connections.readings().empty());
}

TEST(Connections, AFileThatIsOpenTwiceIsOneConnection) {
  Connections connections(kTick);
  const fanlight_connection raw = connection(1, 4000, kSecond);
  connections.take(pass({raw, raw}));
  EXPECT_EQ(connections.readings().size(), 1u);
  std::vector<std::byte> torn = pass({raw});
  torn.resize(torn.size() - 1);
  connections.take(torn);
  EXPECT_TRUE(connections.readings().empty()) << "a record that is cut off is none";
}

TEST(Connections, AddressesAsPeopleWriteThem) {
  struct Case {
    const char* name;
    std::uint16_t family;
    std::uint8_t address[16];
    const char* text;
  };
  for (const Case& c : {Case{"v4", AF_INET, {10, 1, 2, 3}, "10.1.2.3:80"},
                        Case{"v6", AF_INET6, {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, "[::1]:80"},
                        Case{"neither", 17, {}, "family 17"}}) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(endpoint(c.family, c.address, 80), c.text);
  }
  EXPECT_EQ(connection_state(1), "established");
  EXPECT_EQ(connection_state(8), "close wait");
  EXPECT_EQ(connection_state(99), "state 99");
}

TEST(TimingWindows, OneInEachPeriodAndNeverLonger) {
  using Phase = TimingWindows::Phase;
  const TimingWindows::Clock::time_point begin{};
  TimingWindows windows(begin, 7);
  std::chrono::nanoseconds open{};
  int opened = 0;
  TimingWindows::Clock::time_point last = begin;
  // A step each ms for a minute.
  for (auto now = begin; now < begin + std::chrono::seconds(60); now += std::chrono::milliseconds(1)) {
    if (windows.phase() == Phase::on) open += now - last;
    last = now;
    const Phase before = windows.phase();
    if (windows.step(now) && before == Phase::off) ++opened;
  }
  EXPECT_EQ(opened, 60);
  EXPECT_NEAR(static_cast<double>(open.count()) / 1e9, 60 * 0.05, 0.1);
}

}  // namespace
}  // namespace fanlight::kernel
