#include <gtest/gtest.h>

#include <functional>
#include <limits>
#include <random>

#include "tests/collector/inprocess/shared_table.hpp"

namespace fanlight::inprocess {
namespace {

constexpr std::uint64_t kHuge = std::numeric_limits<std::uint64_t>::max();

TEST(Hostile, HeadersOutOfRangeAreRefused) {
  const std::string later = "shared memory of layout " + std::to_string(FANLIGHT_INPROCESS_VERSION + 1) +
                            ", known here is " + std::to_string(FANLIGHT_INPROCESS_VERSION);
  using Header = fanlight_inprocess_header;
  struct Case {
    const char* name;
    std::function<void(Header&)> spoil;
    const char* error;
  };
  const char* const kCounts = "shared memory whose header has counts out of range";
  const char* const kOffsets = "shared memory whose header has offsets out of range";
  for (const Case& c : {
           Case{"no mark", [](Header& h) { h.magic = 0; }, "shared memory without Fanlight's mark"},
           Case{"later version", [](Header& h) { ++h.version; }, later.c_str()},
           Case{"too many metrics", [](Header& h) { h.metric_slots = 65; }, kCounts},
           Case{"too many rings", [](Header& h) { h.ring_slots = 1025; }, kCounts},
           Case{"no records", [](Header& h) { h.ring_records = 0; }, kCounts},
           Case{"not a power of two", [](Header& h) { h.ring_records = 12; }, kCounts},
           Case{"too many records", [](Header& h) { h.ring_records = 1u << 31; }, kCounts},
           Case{"too fast", [](Header& h) { h.sample_hz = 10'001; }, kCounts},
           Case{"metrics in the header", [](Header& h) { h.metrics_offset = 0; }, kOffsets},
           Case{"metrics astray", [](Header& h) { h.metrics_offset = kHuge - 4095; }, kOffsets},
           Case{"metrics between pages", [](Header& h) { h.metrics_offset += 8; }, kOffsets},
           Case{"rings over metrics", [](Header& h) { h.rings_offset = 8192; }, kOffsets},
           Case{"rings astray", [](Header& h) { h.rings_offset = kHuge - 4095; }, kOffsets},
           Case{"rings overlap", [](Header& h) { h.ring_bytes = 4096; }, kOffsets},
           Case{"ring too long", [](Header& h) { h.ring_bytes = kHuge - 4095; }, kOffsets},
           Case{"shorter than its rings", [](Header& h) { h.total_bytes -= 1; }, kOffsets},
       }) {
    SCOPED_TRACE(c.name);
    SharedTable table(2, 16);
    ASSERT_TRUE(table.reader());
    c.spoil(table.header());
    const auto reader = table.reader();
    ASSERT_FALSE(reader);
    EXPECT_EQ(reader.error().what, c.error);
  }
}

TEST(Hostile, RecordsOutOfRangeAreCountedNotDelivered) {
  using Record = fanlight_inprocess_record;
  struct Case {
    const char* name;
    std::function<void(Record&)> spoil;
  };
  for (const Case& c : {
           Case{"unknown kind", [](Record& r) { r.kind = 9; }},
           Case{"no frames", [](Record& r) { r.frames = 0; }},
           Case{"found in no known way", [](Record& r) { r.addresses[0] = std::uint64_t{9} << 56; }},
           Case{"ends for no known reason", [](Record& r) { r.flags = 0xf0; }},
           Case{"more frames than room", [](Record& r) { r.frames = FANLIGHT_INPROCESS_FRAMES + 1; }},
           Case{"most frames", [](Record& r) { r.frames = 65535; }},
           Case{"no thread", [](Record& r) { r.tid = 0; }},
           Case{"impossible thread", [](Record& r) { r.tid = 0x80000000u; }},
           Case{"no weight", [](Record& r) { r.weight = 0; }},
           Case{"impossible weight", [](Record& r) { r.weight = kHuge; }},
           Case{"from the future", [](Record& r) { r.time_ns += 3600ull * 1'000'000'000u; }},
           Case{"from the past", [](Record& r) { r.time_ns = 1; }},
           Case{"another number", [](Record& r) { r.sequence += 16; }},
           Case{"half written", [](Record& r) { r.sequence = 0; }},
       }) {
    SCOPED_TRACE(c.name);
    SharedTable table(1, 16);
    auto reader = table.reader();
    ASSERT_TRUE(reader);
    RingWriter writer = table.writer(0, 16);
    for (int i = 0; i < 3; ++i) writer.publish(fill_valid);
    c.spoil(table.record(0, 1));
    unsigned delivered = 0;
    ASSERT_TRUE(reader->drain([&](RawSample&& sample) {
      ++delivered;
      EXPECT_EQ(sample.user_stack, (std::vector<std::uint64_t>{0x401000, 0x402000}));
    }));
    EXPECT_EQ(delivered, 2u);
    EXPECT_EQ(reader->ledger().dropped.at("malformed"), 1u);
    EXPECT_EQ(reader->ledger().balance(), 0);
  }
}

TEST(Hostile, HeadsThatJumpAreCountedAndLeftBehind) {
  for (const std::uint64_t head : {std::uint64_t{1}, kHuge, kHuge - 2, std::uint64_t{1} << 41}) {
    SCOPED_TRACE(head);
    SharedTable table(1, 16);
    RingWriter writer = table.writer(0, 16);
    for (int i = 0; i < 3; ++i) writer.publish(fill_valid);
    auto reader = table.reader();
    ASSERT_TRUE(reader);
    table.ring(0).head = head;
    unsigned delivered = 0;
    const auto on_sample = [&](RawSample&&) { ++delivered; };
    ASSERT_TRUE(reader->drain(on_sample));
    EXPECT_EQ(delivered, 0u);
    EXPECT_EQ(reader->ledger().dropped.at("malformed"), 1u);
    writer.publish(fill_valid);  // what follows is read again
    ASSERT_TRUE(reader->drain(on_sample));
    EXPECT_EQ(delivered, 1u);
    EXPECT_EQ(reader->ledger().balance(), 0);
  }
}

TEST(Hostile, MemoryThatIsCutOffEndsInAnErrorNotInASignal) {
  SharedTable table(2, 64);
  auto reader = table.reader();
  ASSERT_TRUE(reader);
  RingWriter writer = table.writer(0, 64);
  for (int i = 0; i < 40; ++i) writer.publish(fill_valid);
  const auto drained = [&] { return reader->drain([](RawSample&&) {}); };
  struct Case {
    std::uint64_t bytes;
    const char* error;
  };
  for (const Case& c :
       {Case{table.first_ring() + FANLIGHT_INPROCESS_PAGE + 5000, "shared memory ends within its rings"},
        Case{table.first_ring() + 8, "shared memory ends within its rings"},
        Case{50, "shared memory ends within its header"}, Case{0, "shared memory ends within its header"}}) {
    SCOPED_TRACE(c.bytes);
    table.cut(c.bytes);
    const auto result = drained();
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().what, c.error);
    EXPECT_EQ(reader->ledger().balance(), 0);
    EXPECT_TRUE(reader->metrics().empty());
  }
  EXPECT_FALSE(table.reader());
}

TEST(Hostile, RandomBytesNeverBreakTheAccount) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 200; ++round) {
    SharedTable table(2, 4);
    auto reader = table.reader();
    ASSERT_TRUE(reader);
    const std::size_t first = static_cast<std::size_t>(random() % 3);
    for (std::size_t i = first; i < 2; ++i) {
      auto* bytes = reinterpret_cast<unsigned char*>(&table.ring(i));
      for (std::size_t b = 0; b < FANLIGHT_INPROCESS_PAGE + 4 * 1024; ++b)
        bytes[b] = static_cast<unsigned char>(random());
      if (random() % 2 == 0) table.ring(i).head = random() % 8;
    }
    auto* bytes = reinterpret_cast<unsigned char*>(&table.metric(0));
    for (std::size_t b = 0; b < 2 * sizeof(fanlight_inprocess_metric); ++b)
      bytes[b] = static_cast<unsigned char>(random());
    table.metric(0).state = FANLIGHT_INPROCESS_READY;
    table.metric(0).kind = static_cast<__u32>(random() % 4);
    ASSERT_TRUE(
        reader->drain([](RawSample&& sample) { EXPECT_LE(sample.user_stack.size(), FANLIGHT_INPROCESS_FRAMES); }));
    EXPECT_EQ(reader->ledger().balance(), 0);
    for (const MetricReading& metric : reader->metrics()) {
      EXPECT_LE(metric.name.size(), 48u);
      for (const char c : metric.name) EXPECT_TRUE(c >= ' ' && c <= '~');
    }
  }
}

TEST(Hostile, OnlyAMemfdIsTaken) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  Fd write_end(ends[1]);
  const auto reader = Reader::from_file(Fd(ends[0]), ::getpid());
  ASSERT_FALSE(reader);
  EXPECT_EQ(reader.error().what, "shared memory is not a file");
}

TEST(Hostile, AbsentTargetsAreNamed) {
  const auto nobody = Reader::open(4'194'303);
  ASSERT_FALSE(nobody);
  EXPECT_EQ(nobody.error().code, ESRCH);
  EXPECT_FALSE(nobody.error().hint.empty());
  const auto silent = Reader::open(::getpid());  // this program links no writer
  ASSERT_FALSE(silent);
  EXPECT_EQ(silent.error().code, ENOENT);
  EXPECT_FALSE(silent.error().hint.empty());
}

}  // namespace
}  // namespace fanlight::inprocess
