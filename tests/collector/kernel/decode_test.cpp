#include "collector/kernel/decode.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <random>
#include <vector>

#include "bpf/events.h"

namespace fanlight::kernel {
namespace {

std::vector<std::byte> bytes_of(const void* from, std::size_t size) {
  std::vector<std::byte> bytes(size);
  if (size > 0) std::memcpy(bytes.data(), from, size);
  return bytes;
}

fanlight_sample sample() {
  fanlight_sample raw{};
  raw.time_ns = 1;
  raw.weight = 2;
  raw.count = 3;
  raw.source = FANLIGHT_SOURCE_SOCKET;
  raw.tid = 4;
  raw.reason = FANLIGHT_BLOCKED_PIPE;
  raw.flags = FANLIGHT_CUT_STACK;
  raw.kernel_frames = 2;
  raw.user_frames = 1;
  raw.frames[0] = 10;
  raw.frames[1] = 11;
  raw.frames[2] = 12 | std::uint64_t{FANLIGHT_FOUND_EH_FRAME} << FANLIGHT_FOUND_SHIFT;
  raw.stop = FANLIGHT_STOP_UNREADABLE;
  return raw;
}

fanlight_thread thread() {
  fanlight_thread raw{};
  raw.from_ns = 100;
  raw.to_ns = 160;
  raw.ns[FANLIGHT_RUNNING] = 20;
  raw.ns[FANLIGHT_BLOCKED_FUTEX] = 40;
  raw.tid = 7;
  raw.flags = FANLIGHT_THREAD_ENDED;
  raw.siblings = 3;
  std::memcpy(raw.name, "sixteen bytes ok", 16);  // not terminated
  raw.run_queue[5] = 2;
  raw.socket_writes = 9;
  return raw;
}

TEST(Decode, TakesASampleApart) {
  const fanlight_sample raw = sample();
  const auto bytes = bytes_of(&raw, FANLIGHT_SAMPLE_HEAD + 24);
  EXPECT_EQ(sample_bytes(bytes).value(), bytes.size());
  const auto record = decode_sample(bytes);
  ASSERT_TRUE(record) << record.error().what;
  EXPECT_EQ(record->source, unsigned{FANLIGHT_SOURCE_SOCKET});
  EXPECT_FALSE(record->same_stack);
  EXPECT_EQ(record->sample.sampler, Sampler::socket_write);
  EXPECT_EQ(record->sample.reason, Reason::pipe);
  EXPECT_EQ(record->sample.tid, 4);
  EXPECT_EQ(record->sample.time_ns, 1u);
  EXPECT_EQ(record->sample.weight, 2u);
  EXPECT_EQ(record->sample.count, 3u);
  EXPECT_EQ(record->sample.kernel_stack, (std::vector<std::uint64_t>{10, 11}));
  EXPECT_EQ(record->sample.user_stack, (std::vector<std::uint64_t>{12}));
  EXPECT_EQ(record->sample.user_found, (std::vector<FrameFound>{FrameFound::eh_frame}));
  EXPECT_EQ(record->sample.end, StackEnd::unreadable);
  EXPECT_TRUE(record->sample.truncated);
}

TEST(Decode, RejectsMalformedSamples) {
  struct Case {
    const char* name;
    std::size_t bytes;
    unsigned source, reason, kernel_frames, user_frames;
    const char* error;
    unsigned stop = 0;
  };
  for (const Case& c :
       {Case{"empty", 0, 0, 0, 0, 0, "sample of 0 bytes"},
        Case{"half a head", FANLIGHT_SAMPLE_HEAD - 1, 0, 0, 0, 0, "sample of 79 bytes"},
        Case{"a frame short", FANLIGHT_SAMPLE_HEAD + 8, 0, 0, 1, 1, "sample of 88 bytes"},
        Case{"a frame too many", FANLIGHT_SAMPLE_HEAD + 16, 0, 0, 1, 0, "sample of 96 bytes"},
        Case{"too deep", FANLIGHT_SAMPLE_HEAD + 513 * 8, 0, 0, 0, 513, "sample with 0 + 513 frames"},
        Case{"unknown source", FANLIGHT_SAMPLE_HEAD, 9, 0, 0, 0, "sample from source 9"},
        Case{"thread end as sample", FANLIGHT_SAMPLE_HEAD, FANLIGHT_SOURCE_THREAD_END, 0, 0, 0, "sample from source 4"},
        Case{"unknown reason", FANLIGHT_SAMPLE_HEAD, 0, 200, 0, 0, "reason 200"},
        Case{"unknown end", FANLIGHT_SAMPLE_HEAD, 0, 0, 0, 0, "stack that ends for reason 99", 99}}) {
    SCOPED_TRACE(c.name);
    fanlight_sample raw{};
    raw.source = c.source;
    raw.reason = static_cast<__u16>(c.reason);
    raw.kernel_frames = static_cast<__u8>(c.kernel_frames);
    raw.user_frames = static_cast<__u16>(c.user_frames);
    raw.stop = static_cast<__u8>(c.stop);
    const auto record = decode_sample(bytes_of(&raw, c.bytes));
    ASSERT_FALSE(record);
    EXPECT_EQ(record.error().what, c.error);
  }
}

TEST(Decode, NeverReadsPastAStream) {
  const fanlight_sample raw = sample();
  const auto whole = bytes_of(&raw, FANLIGHT_SAMPLE_HEAD + 24);
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(sample_bytes(std::span(whole).first(size))) << size;
}

TEST(Decode, SurvivesRandomBytes) {
  std::minstd_rand random(1);
  for (int i = 0; i < 20'000; ++i) {
    // Of its own, exactly as long: a read beyond the end is seen by the sanitizers.
    std::vector<std::byte> bytes(random() % 2200);
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(random() % (i % 2 == 0 ? 256 : 4));
    if (const auto record = decode_sample(bytes)) {
      EXPECT_LE(record->sample.user_stack.size(), std::size_t{FANLIGHT_FRAMES});
    }
    (void)sample_bytes(bytes);
    (void)decode_thread(bytes);
  }
}

TEST(Decode, TakesAThreadApart) {
  const fanlight_thread raw = thread();
  const auto record = decode_thread(bytes_of(&raw, sizeof raw));
  ASSERT_TRUE(record) << record.error().what;
  EXPECT_EQ(record->siblings, 3u);
  EXPECT_FALSE(record->torn);
  const ThreadReading& reading = record->reading;
  EXPECT_EQ(reading.tid, 7);
  EXPECT_EQ(reading.name, "sixteen bytes ok");
  EXPECT_TRUE(reading.ended);
  EXPECT_EQ(reading.ns[FANLIGHT_BLOCKED_FUTEX], 40u);
  EXPECT_EQ(reading.run_queue_ns.count(), 2u);
  EXPECT_EQ(reading.run_queue_ns.max(), 5u);
  EXPECT_EQ(reading.socket.writes, 9u);
}

/// A thread with times of so many sets of labels behind it.
struct LabelledThread {
  fanlight_thread raw = thread();
  fanlight_label_time times[2]{};
  LabelledThread() {
    raw.label_slots = 2;
    times[0].labels = 3;
    times[0].ns[FANLIGHT_BLOCKED_FUTEX - 1] = 30;
    times[1].labels = FANLIGHT_LABELS_BEYOND;
    times[1].ns[FANLIGHT_BLOCKED_FUTEX - 1] = 10;
  }
};

TEST(Decode, TakesTimesOfLabelsOfAThread) {
  const LabelledThread labelled;
  const auto whole = bytes_of(&labelled, sizeof labelled);
  EXPECT_EQ(thread_bytes(whole), sizeof labelled);
  const auto record = decode_thread(whole);
  ASSERT_TRUE(record) << record.error().what;
  ASSERT_EQ(record->reading.label_ns.size(), 2u);
  EXPECT_EQ(record->reading.label_ns.at(3)[FANLIGHT_BLOCKED_FUTEX], 30u);
  EXPECT_EQ(record->reading.label_ns.at(kLabelsBeyond)[FANLIGHT_BLOCKED_FUTEX], 10u);
}

TEST(Decode, RejectsTimesOfLabelsThatMakeNoSense) {
  LabelledThread labelled;
  EXPECT_FALSE(decode_thread(bytes_of(&labelled, sizeof labelled - 1)));
  EXPECT_FALSE(decode_thread(bytes_of(&labelled, sizeof labelled.raw)));
  labelled.times[0].ns[FANLIGHT_BLOCKED_FUTEX - 1] = 31;
  EXPECT_EQ(decode_thread(bytes_of(&labelled, sizeof labelled)).error().what,
            "thread 7 with more labelled time than time");
  labelled.raw.label_slots = FANLIGHT_LABEL_SLOTS + 1;
  EXPECT_FALSE(thread_bytes(bytes_of(&labelled, sizeof labelled)));
}

TEST(Decode, RejectsMalformedThreads) {
  fanlight_thread raw = thread();
  EXPECT_EQ(decode_thread(bytes_of(&raw, sizeof raw - 1)).error().what,
            "thread of " + std::to_string(sizeof raw - 1) + " bytes");
  raw.ns[FANLIGHT_RUNNING] = 21;
  EXPECT_EQ(decode_thread(bytes_of(&raw, sizeof raw)).error().what, "thread 7 with 61 ns in 60 ns");
  raw.flags |= FANLIGHT_THREAD_TORN;  // its times are known to be wrong and are not used
  const auto torn = decode_thread(bytes_of(&raw, sizeof raw));
  ASSERT_TRUE(torn);
  EXPECT_TRUE(torn->torn);
}

}  // namespace
}  // namespace fanlight::kernel
