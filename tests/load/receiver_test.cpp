// What a subscriber's stream says is booked once, and under its name.
#include "load/receiver.hpp"

#include <gtest/gtest.h>

#include <memory>

namespace fanlight::load {
namespace {

/// One pool with one connection, and a measurement that begins at 1000.
struct Fixture {
  explicit Fixture(Expectation expectation_in = {.run = 9, .publishers = 2, .size = 64})
      : expectation(expectation_in), shared(std::move(*Shared::make(1))) {
    shared->measure_from_ns = 1000;
    shared->phases = 2;
    shared->phase_from_ns[0] = 1000;
    shared->phase_from_ns[1] = 4300;
    ++shared->phase_epoch;
    tallies.resize(1);
    receiver =
        std::make_unique<Receiver>(expectation, shared.board(), shared.pools()[0], shared.reach(0), tallies, random);
    receiver->expect_connections(1);
  }
  bool feed(std::string_view bytes, std::uint64_t now_ns = 5000) {
    return receiver->feed(connection, 0, Protocol::sse, bytes, now_ns, cause);
  }
  void message(const Payload& payload, std::size_t size = 64) {
    std::string text(size, '\0');
    encode(payload, text);
    ASSERT_TRUE(feed("data: " + text + "\n\n"));
  }
  Tally& tally() { return tallies[0]; }

  Expectation expectation;
  Shared shared;
  std::vector<Tally> tallies;
  std::minstd_rand random;
  std::unique_ptr<Receiver> receiver;
  Connection connection;
  std::string cause;
};

TEST(Receiver, BooksEachMessageOnceAndUnderItsName) {
  Fixture f;
  f.message({9, 0, 0, 0, 900});       // warm-up
  f.message({9, 0, 1, 1, 2000});      // 3000 ns old
  f.message({9, 1, 0, 2, 4000});      // the other publisher has an order of its own
  f.message({9, 0, 3, 4, 4500});      // one missing
  f.message({9, 0, 3, 4, 4500});      // again
  f.message({9, 0, 2, 3, 4400});      // the missing one
  f.message({9, 0, 4, 5, 9000});      // clocks may be read in any order; never below zero
  f.message({8, 0, 5, 6, 4500});      // somebody else's
  f.message({9, 2, 0, 7, 4500});      // no such publisher
  f.message({9, 0, 5, 8, 4500}, 65);  // another size
  f.feed("data: hello\n\n");
  const Tally& tally = f.tally();
  EXPECT_EQ(tally.warmup, 1u);
  EXPECT_EQ(tally.received, 5u);
  EXPECT_EQ(tally.gaps, 1u);
  EXPECT_EQ(tally.duplicates, 1u);
  EXPECT_EQ(tally.reordered, 1u);
  EXPECT_EQ(tally.foreign, 1u);
  EXPECT_EQ(tally.malformed, 3u);
  EXPECT_EQ(tally.latency().count(), 5u);  // as many as were received: what is lost is not a latency
  EXPECT_EQ(tally.latency().max(), 3000u);
  ASSERT_EQ(tally.phases.size(), 2u);
  EXPECT_EQ(tally.phases[0].received, 2u);
  EXPECT_EQ(tally.phases[1].received, 3u);
  EXPECT_EQ(f.shared->phases, 2u);
  EXPECT_EQ(f.shared.reach(0)[1].receivers, 1u);
  EXPECT_EQ(f.shared.reach(0)[1].slowest_ns, 3000u);
  EXPECT_EQ(f.shared.reach(0)[0].receivers, 0u);  // warm-up is not followed
  EXPECT_EQ(f.shared.pools()[0].received, 5u);
}

TEST(Receiver, StatesFollowGapsAndEndWithTheWindow) {
  using enum ClientState;
  Fixture f;
  f.receiver->set_state(f.connection, syncing);
  const auto see = [&](std::uint32_t sequence) {
    f.message({9, 0, sequence, sequence, 2000});
    return f.connection.state;
  };
  EXPECT_EQ(see(0), syncing);
  EXPECT_EQ(see(2), recovering);
  EXPECT_EQ(see(1), syncing);  // it came after all
  EXPECT_EQ(see(4), recovering);
  for (std::uint32_t sequence = 5; sequence < 9; ++sequence) EXPECT_EQ(see(sequence), recovering) << sequence;
  EXPECT_EQ(see(9), syncing);  // given up
  EXPECT_EQ(f.shared.pools()[0].states[static_cast<std::size_t>(recovering)], 0u);
}

TEST(Receiver, ReplayIsWhatWasDueBeforeTheStreamStoodAgain) {
  using enum ClientState;
  Fixture f;
  f.message({9, 0, 0, 0, 2000});
  f.connection.stream_ns = 4000;
  f.connection.catching_up = true;
  f.connection.more().cut_ns = 3000;
  f.receiver->set_state(f.connection, recovering);
  f.message({9, 0, 1, 1, 3500});
  f.message({9, 0, 2, 2, 3900});
  EXPECT_EQ(f.connection.state, recovering);
  f.message({9, 0, 3, 3, 4200});
  EXPECT_EQ(f.connection.state, syncing);
  EXPECT_EQ(f.tally().replayed, 2u);
  EXPECT_EQ(f.tally().recovery.count(), 1u);
  EXPECT_EQ(f.tally().recovery.max(), 2000u);  // cut at 3000, caught up at 5000
}

TEST(Receiver, APayloadThatChangedOnTheWayIsMalformed) {
  for (const std::size_t at : {std::size_t{48}, std::size_t{55}, std::size_t{63}}) {
    SCOPED_TRACE(at);
    Fixture f;
    std::string text(64, '\0');
    encode({9, 0, 0, 0, 2000}, text);
    text[at] = '!';
    f.feed("data: " + text + "\n\n");
    EXPECT_EQ(f.tally().malformed, 1u);
    EXPECT_EQ(f.tally().received, 0u);
  }
}

TEST(Receiver, WhoComesLateMissesNothingOfBefore) {
  for (const bool late : {false, true}) {
    SCOPED_TRACE(late);
    Fixture f;
    f.connection.joined_late = late;
    f.message({9, 0, 7, 7, 2000});
    f.message({9, 1, 5, 12, 2100});
    f.message({9, 0, 8, 13, 2200});
    f.message({9, 0, 10, 15, 2300});
    EXPECT_EQ(f.tally().gaps, late ? 1u : 3u);
    EXPECT_EQ(f.tally().received, 4u);
  }
}

TEST(Receiver, LinesThatNoServerMeansAreMalformed) {
  Fixture f;
  f.feed("\x01\x02 noise\nid: a" + std::string(1, '\0') + "b\nunknown: but legal\n\n");
  EXPECT_EQ(f.tally().malformed, 1u);
  EXPECT_EQ(f.tally().bad_ids, 1u);
  EXPECT_EQ(f.shared.pools()[0].trouble, 2u);
}

TEST(Receiver, IdsAreCheckedPerStream) {
  struct Case {
    const char* name;
    std::vector<std::string> ids;
    unsigned bad;
  };
  for (const Case& c :
       {Case{"increasing", {"1", "2", "9"}, 0}, Case{"repeated", {"1", "1"}, 1}, Case{"backwards", {"5", "4", "6"}, 1},
        Case{"words", {"a", "b"}, 0}, Case{"the same word", {"a", "a"}, 1}, Case{"control character", {"a\x01"}, 1},
        Case{"257 bytes", {std::string(257, 'i')}, 1}, Case{"empty", {""}, 1},
        Case{"nchan's", {"1700000000:0", "1700000000:1"}, 0}}) {
    SCOPED_TRACE(c.name);
    Fixture f;
    for (const std::string& id : c.ids) f.feed("id: " + id + "\ndata: x\n\n");
    EXPECT_EQ(f.tally().bad_ids, c.bad);
  }
}

TEST(Receiver, ListeningTakesWhateverComes) {
  Fixture f({.run = 1, .publishers = 256, .size = 64, .any = true});
  f.message({77, 3, 5000, 5000, 2000}, 100);  // from the middle of somebody's run
  f.message({77, 3, 5001, 5001, 2100}, 90);
  f.message({77, 3, 5003, 5003, 2200}, 90);
  f.feed("data: {\"price\": 3}\n\n");
  EXPECT_EQ(f.tally().received, 4u);
  EXPECT_EQ(f.tally().other, 1u);
  EXPECT_EQ(f.tally().gaps, 1u);
  EXPECT_EQ(f.tally().latency().count(), 3u);
  EXPECT_EQ(f.tally().malformed + f.tally().foreign, 0u);
}

}  // namespace
}  // namespace fanlight::load
