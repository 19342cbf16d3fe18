#include "server/hub/inbox.hpp"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace fanlight::server::hub {
namespace {

using codec::Wire;

codec::Frame frame(std::string bytes) { return codec::control_frame(std::move(bytes)); }

TEST(Inbox, AsksForOneWakePerBatch) {
  Inbox inbox;
  const std::vector<SessionRef> two = {{1, 0}, {2, 5}};
  EXPECT_TRUE(inbox.push(frame("a"), Wire::sse, two));
  EXPECT_FALSE(inbox.push(frame("b"), Wire::websocket, std::span(two).first(1)));
  EXPECT_EQ(inbox.counts().queued, (std::array<std::uint64_t, 2>{2, 1}));

  Inbox::Batch batch;
  inbox.take(batch);
  ASSERT_EQ(batch.entries.size(), 2u);
  EXPECT_EQ(batch.entries[0].frame->bytes(), "a");
  EXPECT_EQ(batch.entries[0].sessions, 2u);
  EXPECT_EQ(batch.entries[1].wire, Wire::websocket);
  EXPECT_EQ(batch.sessions, (std::vector<SessionRef>{{1, 0}, {2, 5}, {1, 0}}));
  EXPECT_EQ(inbox.counts().queued, (std::array<std::uint64_t, 2>{0, 0}));
  EXPECT_EQ(inbox.counts().offered, (std::array<std::uint64_t, 2>{2, 1}));
  EXPECT_TRUE(inbox.push(frame("c"), Wire::sse, two)) << "the next batch needs its own wake";
}

TEST(Inbox, FullDropsTheNewestAndCounts) {
  Inbox by_entries(2, 1000);
  Inbox by_bytes(1000, 10);
  const std::vector<SessionRef> three(3);
  for (Inbox* inbox : {&by_entries, &by_bytes}) {
    EXPECT_TRUE(inbox->push(frame("12345"), Wire::sse, three));
    EXPECT_FALSE(inbox->push(frame("12345"), Wire::sse, three));
    EXPECT_FALSE(inbox->push(frame("1"), Wire::sse, three));
    const Inbox::Counts counts = inbox->counts();
    EXPECT_EQ(counts.offered[0], 9u);
    EXPECT_EQ(counts.dropped[0], 3u);
    EXPECT_EQ(counts.queued[0], 6u);
  }
}

TEST(Inbox, TakesAFrameOfAnySizeWhenEmpty) {
  Inbox inbox(10, 4);
  EXPECT_TRUE(inbox.push(frame("far above four bytes"), Wire::sse, std::vector<SessionRef>(1)));
  EXPECT_EQ(inbox.counts().dropped[0], 0u);
}

// Several publishers and one worker: nothing is lost, doubled or reordered within a publisher.
TEST(Inbox, ManyWritersOneReader) {
  constexpr unsigned kWriters = 4;
  constexpr unsigned kEach = 5000;
  Inbox inbox(kWriters * kEach, 1u << 30);
  std::vector<std::thread> writers;
  for (unsigned writer = 0; writer < kWriters; ++writer) {
    writers.emplace_back([&inbox, writer] {
      const codec::Frame shared = frame("x");
      for (unsigned i = 0; i < kEach; ++i) {
        const SessionRef ref{.slot = writer, .generation = i};
        inbox.push(shared, Wire::sse, std::span(&ref, 1));
      }
    });
  }
  std::vector<unsigned> next(kWriters, 0);
  Inbox::Batch batch;
  for (unsigned seen = 0; seen < kWriters * kEach;) {
    inbox.take(batch);
    for (const SessionRef& ref : batch.sessions) {
      ASSERT_EQ(ref.generation, next[ref.slot]++);
      ++seen;
    }
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(inbox.counts().offered[0], kWriters * kEach);
  EXPECT_EQ(inbox.counts().queued[0], 0u);
}

}  // namespace
}  // namespace fanlight::server::hub
