#include "server/hub/outbox.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <deque>
#include <random>
#include <string>
#include <vector>

namespace fanlight::server::hub {
namespace {

using codec::Encoded;
using codec::Frame;

Frame event(std::string bytes, std::uint32_t key = 0) { return codec::event_frame(std::move(bytes), 7, key); }

/// What the kernel would see of the next write, `take` bytes of it at most; they count as sent.
std::string write(Outbox& outbox, std::size_t take, std::vector<std::string>* whole = nullptr) {
  std::array<iovec, 1024> room;
  std::string bytes;
  for (const iovec& part : outbox.gather(room)) bytes.append(static_cast<const char*>(part.iov_base), part.iov_len);
  bytes.resize(std::min(bytes.size(), take));
  outbox.sent(bytes.size(), [&](const Encoded& frame) {
    if (whole != nullptr) whole->emplace_back(frame.bytes());
  });
  return bytes;
}

constexpr std::size_t kAll = 1u << 30;

TEST(Outbox, SendsInOrderAndSharesTheBytes) {
  Outbox outbox(8);
  const Frame shared = event("abc");
  EXPECT_EQ(outbox.offer(shared), 0u);
  EXPECT_EQ(outbox.offer(event("de")), 0u);
  std::array<iovec, 8> room;
  const auto queued = outbox.gather(room);
  ASSERT_EQ(queued.size(), 2u);
  EXPECT_EQ(queued[0].iov_base, shared->bytes().data()) << "no copy";
  EXPECT_EQ(outbox.bytes(), 5u);
  EXPECT_EQ(write(outbox, kAll), "abcde");
  EXPECT_TRUE(outbox.empty());
  EXPECT_EQ(outbox.bytes(), 0u);
  EXPECT_EQ(shared->references.load(), 1u) << "released";
}

TEST(Outbox, GathersAsFarAsThereIsRoom) {
  Outbox outbox(8);
  for (const char* text : {"a", "b", "c"}) outbox.offer(event(text));
  std::array<iovec, 2> room;
  EXPECT_EQ(outbox.gather(room).size(), 2u);
}

TEST(Outbox, FullDropsTheOldestWholeEvent) {
  Outbox outbox(3);
  for (const char* text : {"1", "2", "3"}) EXPECT_EQ(outbox.offer(event(text)), 0u);
  EXPECT_EQ(outbox.offer(event("4")), 1u);
  EXPECT_EQ(outbox.events(), 3u);
  EXPECT_EQ(write(outbox, kAll), "234");
}

TEST(Outbox, NeverDropsTheHalfSentHead) {
  Outbox outbox(3);
  for (const char* text : {"one", "two", "three"}) outbox.offer(event(text));
  EXPECT_EQ(write(outbox, 1), "o");
  EXPECT_EQ(outbox.offer(event("four")), 1u);
  EXPECT_EQ(outbox.offer(event("five")), 1u);
  EXPECT_EQ(write(outbox, kAll), "nefourfive");
}

TEST(Outbox, BoundsBytesButTakesOneFrameOfAnySize) {
  Outbox outbox(100, 10);
  EXPECT_EQ(outbox.offer(event(std::string(50, 'a'))), 0u);
  EXPECT_EQ(outbox.offer(event("bbbb")), 1u) << "the large one made room";
  EXPECT_EQ(outbox.offer(event("cccc")), 0u);
  EXPECT_EQ(outbox.offer(event("dddd")), 1u);
  EXPECT_EQ(outbox.bytes(), 8u);
  EXPECT_EQ(write(outbox, kAll), "ccccdddd");
}

TEST(Outbox, ControlGoesBeforeWhatWaitsAndBehindTheHalfSentHead) {
  Outbox outbox(4);
  outbox.offer(event("one"));
  outbox.offer(event("two"));
  write(outbox, 1);
  EXPECT_EQ(outbox.offer_first(codec::control_frame("P")), 0u);
  EXPECT_EQ(write(outbox, kAll), "nePtwo");
}

TEST(Outbox, ControlFramesDoNotPileUp) {
  Outbox outbox(4);
  outbox.offer(event("one"));
  write(outbox, 1);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(outbox.offer_first(codec::control_frame(std::to_string(i % 10))), 0u);
  EXPECT_EQ(outbox.frames(), 17u);
  EXPECT_EQ(write(outbox, kAll), "ne0123456789012349") << "16 of them, the last one the newest";
}

TEST(Outbox, ControlTakesAnEventsPlaceWhenFull) {
  Outbox outbox(3);
  for (const char* text : {"1", "2", "3"}) outbox.offer(event(text));
  EXPECT_EQ(outbox.offer_first(codec::control_frame("P")), 1u);
  EXPECT_EQ(outbox.offer(event("4")), 1u) << "an event goes, not the control frame";
  EXPECT_EQ(write(outbox, kAll), "P34");
}

TEST(Outbox, WithNothingToDropTheNewEventIsTheOneDropped) {
  Outbox outbox(3);
  for (const char* text : {"x", "y", "z"}) outbox.offer(codec::control_frame(text));
  EXPECT_EQ(outbox.offer(event("1")), 1u);
  EXPECT_EQ(write(outbox, kAll), "xyz");
}

TEST(Outbox, ConflationKeepsTheNewestAndTheOrder) {
  Outbox outbox(8);
  outbox.offer(event("a1", 1));
  write(outbox, 1);
  for (const auto& [text, key] : {std::pair{"b1", 2u}, {"a2", 1u}, {"c", 0u}}) outbox.offer(event(text, key));
  const Frame newer = event("a3", 1);
  EXPECT_EQ(outbox.conflate(*newer), 1u) << "a2; a1 is half sent and stays";
  outbox.offer(newer);
  EXPECT_EQ(outbox.conflate(*event("none")), 0u) << "without a key";
  EXPECT_EQ(write(outbox, kAll), "1b1ca3");
}

TEST(Outbox, DropsWhatIsOlderThanAnInstant) {
  Outbox outbox(8);
  outbox.offer(codec::event_frame("old", 100));
  outbox.offer(codec::control_frame("C"));
  outbox.offer(codec::event_frame("new", 200));
  EXPECT_EQ(outbox.drop_older(150), 1u);
  EXPECT_EQ(write(outbox, kAll), "Cnew");
}

TEST(Outbox, PinnedFramesStay) {
  Outbox outbox(3);
  for (const char* text : {"1", "2", "3"}) outbox.offer(event(text));
  outbox.pin(2);
  EXPECT_EQ(outbox.offer(event("4")), 1u);
  outbox.offer_first(codec::control_frame("P"));
  EXPECT_EQ(write(outbox, kAll), "12P");
}

TEST(Outbox, EmptyHoldsNothing) {
  Outbox outbox(1000);
  for (int i = 0; i < 100; ++i) outbox.offer(event(std::to_string(i) + " "));
  EXPECT_EQ(outbox.frames(), 100u);
  write(outbox, kAll);
  EXPECT_TRUE(outbox.empty());
  Outbox other(3);
  other.offer(event("x"));
  other = std::move(outbox);
  EXPECT_TRUE(other.empty());
  static_assert(sizeof(Outbox) <= 48);
}

TEST(Outbox, ClearCountsEventsOnly) {
  Outbox outbox(8);
  for (const char* text : {"one", "two", "three"}) outbox.offer(event(text));
  write(outbox, 1);
  outbox.offer_first(codec::control_frame("P"));
  EXPECT_EQ(outbox.clear_events(), 2u);
  EXPECT_EQ(outbox.bytes(), 4u) << "the half-sent one, and the answer";
  EXPECT_EQ(outbox.clear(), 1u) << "the half-sent one";
  EXPECT_TRUE(outbox.empty());
  EXPECT_EQ(outbox.bytes(), 0u);
  outbox.offer(event("new"));
  EXPECT_EQ(write(outbox, kAll), "new") << "from its first byte";
}

// Whatever is offered, and however little the kernel takes: the wire holds whole frames in order, and every event is in
// exactly one place.
TEST(Outbox, PropertyWholeFramesInOrderAndAccountsThatClose) {
  std::mt19937 random(99);
  for (int round = 0; round < 300; ++round) {
    Outbox outbox(3 + random() % 6, 1 + random() % 400);
    std::string wire;
    std::string delivered_bytes;
    std::uint64_t offered = 0;
    std::uint64_t delivered = 0;
    std::uint64_t dropped = 0;
    std::uint64_t next = 0;
    const auto take = [&](std::size_t bytes) {
      std::vector<std::string> whole;
      wire += write(outbox, bytes, &whole);
      for (const std::string& frame : whole) {
        delivered_bytes += frame;
        delivered += frame.front() == 'e' ? 1 : 0;
      }
    };
    for (int step = 0; step < 200; ++step) {
      switch (random() % 8) {
        case 0: dropped += outbox.offer_first(codec::control_frame("c" + std::to_string(step) + "\n")); break;
        case 1: dropped += outbox.offer(codec::control_frame("h\n")); break;
        case 2:
        case 3: take(random() % 60); break;
        default:
          ++offered;
          dropped += outbox.offer(event("e" + std::to_string(next++) + std::string(random() % 50, '.') + "\n"));
      }
      ASSERT_EQ(offered, delivered + dropped + outbox.events()) << "round " << round << " step " << step;
    }
    while (!outbox.empty()) take(7);
    ASSERT_EQ(wire, delivered_bytes);
    ASSERT_EQ(outbox.bytes(), 0u);

    std::int64_t last = -1;
    std::uint64_t events = 0;
    for (std::size_t at = 0; at < wire.size();) {
      const std::size_t end = wire.find('\n', at);
      ASSERT_NE(end, std::string::npos);
      const std::string frame = wire.substr(at, end - at);
      at = end + 1;
      if (frame.front() != 'e') continue;
      const std::int64_t number = std::stoll(frame.substr(1));
      ASSERT_GT(number, last) << frame;
      last = number;
      ++events;
    }
    ASSERT_EQ(events, offered - dropped);
  }
}

}  // namespace
}  // namespace fanlight::server::hub
