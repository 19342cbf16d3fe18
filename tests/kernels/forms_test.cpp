// What must hold on every kernel, whichever hook a probe found there, and however slow the machine is.
#include <gtest/gtest.h>

#include <sstream>

#include "tests/collector/kernel/recorded.hpp"

namespace fanlight::kernel {
namespace {

TEST(Forms, WritesAreCountedByWhateverCall) {
  testing::Child program({TRUTH_SOCKET_WAYS});
  const Recorded recorded = record(program);
  ASSERT_EQ(program.wait(), 0) << program.err();
  SocketCounts called, pages;
  for (const ThreadReading& thread : recorded.threads) {
    SocketCounts& counts = thread.name == "pages" ? pages : called;
    counts.writes += thread.socket.writes;
    counts.bytes += thread.socket.bytes;
    EXPECT_EQ(thread.socket.would_block + thread.socket.errors, 0u) << thread.name;
  }
  EXPECT_EQ(called.writes, static_cast<std::uint64_t>(number_in(program.out(), "writes")));
  EXPECT_EQ(called.bytes, static_cast<std::uint64_t>(number_in(program.out(), "bytes")));
  // In how many writes the kernel sends a file's pages is its own affair.
  EXPECT_EQ(pages.bytes, static_cast<std::uint64_t>(number_in(program.out(), "file_bytes")));
  EXPECT_GE(pages.writes, 1u);
}

TEST(Forms, WritesCarryTheStackOfTheCall) {
  testing::Child program({TRUTH_SOCK_WRITES});
  const Recorded recorded = record(program);
  ASSERT_EQ(program.wait(), 0) << program.err();
  std::size_t samples = 0, kernel = 0;
  for (const RawSample& sample : recorded.samples) {
    if (sample.sampler != Sampler::socket_write) continue;
    ++samples;
    kernel += !sample.kernel_stack.empty();
    EXPECT_FALSE(sample.user_stack.empty());
  }
  EXPECT_GT(samples, 10u);
  EXPECT_EQ(kernel, samples);
}

TEST(Forms, TimeIsBookedForTheRightReason) {
  testing::Child program({TRUTH_STATES});
  const Recorded recorded = record(program);
  ASSERT_EQ(program.wait(), 0) << program.err();
  const std::map<std::string, Reason> reasons{{"sleep", Reason::sleep},  {"futex", Reason::futex},
                                              {"poll", Reason::poll},    {"receive", Reason::socket_receive},
                                              {"sender", Reason::sleep}, {"spin", Reason::running}};
  std::istringstream lines(program.out());
  std::size_t seen = 0;
  for (std::string line; std::getline(lines, line);) {
    for (const ThreadReading& thread : recorded.threads) {
      const auto reason = reasons.find(thread.name);
      if (reason == reasons.end() || line.find("\"thread\":\"" + thread.name + "\"") == std::string::npos) continue;
      SCOPED_TRACE(line);
      ++seen;
      const double part = number_in(line, "part_ns");
      EXPECT_NEAR(static_cast<double>(thread.ns[static_cast<std::size_t>(reason->second)]), part, 0.1 * part);
    }
  }
  EXPECT_EQ(seen, reasons.size());
}

}  // namespace
}  // namespace fanlight::kernel
