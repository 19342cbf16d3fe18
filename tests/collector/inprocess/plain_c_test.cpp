// A program in C, read from outside.
#include <gtest/gtest.h>

#include <algorithm>
#include <span>
#include <string_view>

#include "collector/inprocess/reader.hpp"
#include "tests/child.hpp"

namespace fanlight::inprocess {
namespace {

TEST(PlainC, CountsAndIsSampled) {
  testing::Child program({INPROCESS_PLAIN_C});
  ASSERT_FALSE(program.await("ready").empty()) << program.out();
  auto reader = Reader::open(program.pid());
  ASSERT_TRUE(reader) << reader.error().what;
  EXPECT_EQ(reader->sample_hz(), 250u);
  program.send("work");
  ASSERT_EQ(program.await("sampled "), "1, twice 0") << program.out();
  std::size_t samples = 0, labelled = 0;
  ASSERT_TRUE(reader->drain([&](RawSample&& sample) {
    EXPECT_EQ(sample.tid, program.pid());
    ++samples;
    constexpr std::string_view kValue = "alice";
    labelled += !std::ranges::search(sample.attributes, std::as_bytes(std::span(kValue))).empty();
  }));
  EXPECT_GT(samples, 2u);
  EXPECT_GT(labelled, 2u);

  const std::vector<MetricReading> metrics = reader->metrics();
  const auto find = [&](std::string_view name) {
    const auto found = std::ranges::find(metrics, name, &MetricReading::name);
    return found == metrics.end() ? MetricReading{} : *found;
  };
  EXPECT_EQ(find("orders").kind, MetricReading::Kind::counter);
  EXPECT_EQ(find("orders").value, 7) << "two of one name are one";
  EXPECT_EQ(find("open").kind, MetricReading::Kind::gauge);
  EXPECT_EQ(find("open").value, -2);
  EXPECT_EQ(find("took").histogram.count(), 1u);
  program.close_stdin();
  EXPECT_EQ(program.wait(), 0) << program.err();
}

}  // namespace
}  // namespace fanlight::inprocess
