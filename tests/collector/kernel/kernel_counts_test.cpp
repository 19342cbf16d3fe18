// Counts equal what the program says it did, to the last one.
#include <gtest/gtest.h>

#include <cerrno>
#include <sstream>

#include "tests/collector/kernel/recorded.hpp"

namespace fanlight::kernel {
namespace {

SocketCounts sum_of(const Recorded& recorded) {
  SocketCounts sum;
  for (const ThreadReading& thread : recorded.threads) {
    sum.writes += thread.socket.writes;
    sum.bytes += thread.socket.bytes;
    sum.would_block += thread.socket.would_block;
    sum.errors += thread.socket.errors;
    for (const auto& [number, count] : thread.socket.by_errno) sum.by_errno[number] += count;
  }
  return sum;
}

TEST(Counts, OfMapOperations) {
  testing::Child program({TRUTH_MAP_OPS});
  const Recorded recorded = record(program);
  ASSERT_EQ(program.wait(), 0) << program.err();
  std::map<std::string, MapReading> rows;
  for (const MapReading& row : recorded.last.maps) rows[row.operation] = row;
  ASSERT_EQ(recorded.last.maps.size(), 3u);
  EXPECT_EQ(rows["lookup"].count, 10'000u);
  EXPECT_EQ(rows["lookup"].errors, 0u);
  EXPECT_EQ(rows["update"].count, 5'000u);
  EXPECT_EQ(rows["delete"].count, 100u);
  EXPECT_EQ(rows["delete"].errors, 100u);
  for (const auto& [operation, row] : rows) {
    SCOPED_TRACE(operation);
    EXPECT_EQ(row.map_name, "truth_map");
    EXPECT_EQ(row.map_type, "hash");
    EXPECT_GT(row.map_id, 0u);
    EXPECT_EQ(row.latency_ns.count(), row.count);
    EXPECT_NEAR(row.latency_ns.sum(), static_cast<double>(row.total_ns), 0.13 * static_cast<double>(row.total_ns));
  }
  std::uint64_t events = 0;
  for (const RawSample& sample : recorded.samples)
    if (sample.sampler == Sampler::map_operation) events += sample.count;
  // One in 32 of 15,100: five standard deviations.
  EXPECT_NEAR(static_cast<double>(events), 15'100, 5 * 32 * 21.4);
}

TEST(Counts, OfSocketWrites) {
  testing::Child program({TRUTH_SOCK_WRITES});
  const Recorded recorded = record(program);
  ASSERT_EQ(program.wait(), 0) << program.err();
  const std::string truth = program.out();
  const SocketCounts sum = sum_of(recorded);
  EXPECT_EQ(sum.writes, static_cast<std::uint64_t>(number_in(truth, "writes")));
  EXPECT_EQ(sum.bytes, static_cast<std::uint64_t>(number_in(truth, "bytes")));
  EXPECT_EQ(sum.would_block, static_cast<std::uint64_t>(number_in(truth, "would_block")));
  EXPECT_EQ(sum.errors, static_cast<std::uint64_t>(number_in(truth, "errors")));
  ASSERT_EQ(number_in(truth, "epipe"), 10);
  ASSERT_EQ(number_in(truth, "enotconn"), 7);
  // EAGAIN has its own counter and is not among them.
  EXPECT_EQ(sum.by_errno, (std::map<int, std::uint64_t>{{EPIPE, 10}, {ENOTCONN, 7}})) << missed(recorded.last);
  for (const ThreadReading& thread : recorded.threads) {
    EXPECT_LE(thread.socket.by_errno.size(), 1u) << "each thread had one kind of failure";
    std::uint64_t named = 0;
    for (const auto& [number, count] : thread.socket.by_errno) named += count;
    EXPECT_EQ(named, thread.socket.errors);
  }
}

TEST(Counts, OfSocketErrorsGiveTheirRoomBackWhenTheirThreadEnds) {
  // More threads than the kernel's table has rows.
  testing::Child program({TRUTH_SOCK_WRITES, "1500"});
  const Recorded recorded = record(program);
  ASSERT_EQ(program.wait(), 0) << program.err();
  EXPECT_EQ(sum_of(recorded).by_errno, (std::map<int, std::uint64_t>{{EPIPE, 10}, {ENOTCONN, 7 * 1500}}))
      << missed(recorded.last);
  for (const auto& [cause, count] : entry_of(recorded.last, "socket samples").missed)
    EXPECT_FALSE(cause.starts_with("errno")) << cause << ": " << count;
}

TEST(Counts, OfRegistryOperations) {
  testing::Child program({TRUTH_REGISTRY_OPS});
  const Recorded recorded = record(program);
  ASSERT_EQ(program.wait(), 0) << program.err();
  std::map<std::string, std::uint64_t> counts;
  for (const RegistryReading& row : recorded.last.registries) {
    counts[row.registry + " " + row.operation] += row.count;
    EXPECT_EQ(row.wait.count(), row.count);
    if (row.operation == "insert") {
      EXPECT_EQ(row.count, 250u) << row.shard;
      EXPECT_EQ(row.wait_ns, 25'000u);
      EXPECT_EQ(row.hold_ns, 12'500u);
    }
  }
  EXPECT_EQ(counts, (std::map<std::string, std::uint64_t>{
                        {"truth insert", 1000}, {"truth remove", 400}, {"other iterate", 300}}));
  // One in 32 of them has its stack taken, from inside the point.
  std::uint64_t samples = 0, whole = 0, stands_for = 0;
  for (const RawSample& sample : recorded.samples) {
    if (sample.sampler != Sampler::registry_operation) continue;
    ++samples;
    stands_for += sample.count;
    whole += sample.end == StackEnd::entry;
    EXPECT_GE(sample.user_stack.size(), 3u);
    EXPECT_TRUE(sample.kernel_stack.empty());
  }
  EXPECT_GT(samples, 15u);
  EXPECT_EQ(stands_for, 32 * samples);
  EXPECT_EQ(whole, samples);
}

TEST(Counts, OfWaitsForALock) {
  testing::Child program({TRUTH_LOCKS});
  const Recorded recorded = record(program);
  ASSERT_EQ(program.wait(), 0) << program.err();
  double waited = 0;
  pid_t owner = 0;
  std::istringstream lines(program.out());
  for (std::string line; std::getline(lines, line);) {
    if (line.find("\"waiter\"") != std::string::npos) waited = number_in(line, "waited_ns");
    if (line.find("\"owner\"") != std::string::npos) owner = static_cast<pid_t>(number_in(line, "tid"));
  }
  ASSERT_GT(waited, 0);
  // Most by far of what is waited for with the command that mutexes use.
  const LockReading* found = nullptr;
  for (const LockReading& lock : recorded.last.locks)
    if (lock.command == 0 && (found == nullptr || lock.wait_ns > found->wait_ns)) found = &lock;
  ASSERT_NE(found, nullptr);
  // Between the waiter's own two clock reads lies more than the wait: in an emulator 0.4 ms each time.
  EXPECT_NEAR(static_cast<double>(found->wait_ns), waited, waited * 0.01 + 0.5e6 * static_cast<double>(found->waits));
  EXPECT_GE(found->waits, 15u);
  EXPECT_LE(found->waits, 41u);
  EXPECT_EQ(found->wait.count(), found->waits);
  EXPECT_EQ(found->holder, owner);
}

TEST(Counts, ASmallRingLosesSamplesAndSaysHowMany) {
  testing::Child program({TRUTH_MAP_OPS});
  const Recorded recorded = record(program, {.ring_bytes = 4096}, true);
  const LedgerEntry& entry = entry_of(recorded.last, "map samples");
  EXPECT_GT(entry.dropped_total(), 0u);
  EXPECT_GT(entry.delivered, 0u);
  EXPECT_EQ(entry.produced, entry.delivered + entry.dropped_total());
  // The totals do not pass through that ring.
  ASSERT_EQ(recorded.last.maps.size(), 3u);
  EXPECT_EQ(recorded.threads.size(), 1u);
}

}  // namespace
}  // namespace fanlight::kernel
