#include "collector/formats/pprof.hpp"

#include <gtest/gtest.h>
#include <zlib.h>

#include <map>

#include "collector/formats/folded.hpp"
#include "collector/formats/profile.pb.h"
#include "tests/collector/profile/made_windows.hpp"

namespace fanlight::formats {
namespace {

std::string unpacked(const std::string& packed) {
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
  std::string bytes(4u << 20, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(bytes.data());
  stream.avail_out = static_cast<uInt>(bytes.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  bytes.resize(stream.total_out);
  inflateEnd(&stream);
  return bytes;
}

proto::Profile parsed(const profile::WeightedStacks& stacks) {
  const auto packed = pprof(stacks);
  proto::Profile message;
  EXPECT_TRUE(packed);
  EXPECT_TRUE(message.ParseFromString(unpacked(packed.value())));
  return message;
}

std::map<std::string, std::uint64_t> by_line(const std::string& folded_text) {
  std::map<std::string, std::uint64_t> lines;
  for (std::size_t at = 0; at < folded_text.size();) {
    const std::size_t end = folded_text.find('\n', at);
    const std::string line = folded_text.substr(at, end - at);
    const std::size_t space = line.rfind(' ');
    EXPECT_TRUE(lines.emplace(line.substr(0, space), std::stoull(line.substr(space + 1))).second) << line;
    at = end + 1;
  }
  return lines;
}

/// The message read back as folded lines; each reference is followed and must lead somewhere.
std::map<std::string, std::uint64_t> by_line(const proto::Profile& message) {
  std::map<std::string, std::uint64_t> lines;
  for (const auto& sample : message.sample()) {
    EXPECT_EQ(sample.value_size(), message.sample_type_size());
    std::string line;
    // The state of the wall view is a label and a column of its own.
    for (const auto& label : sample.label()) {
      if (message.string_table(static_cast<int>(label.key())) != "state") continue;
      line = message.string_table(static_cast<int>(label.str()));
      EXPECT_EQ(sample.value(1), sample.value(2) + sample.value(3) + sample.value(4));
      const int column = line == "running" ? 2 : line.starts_with("runnable") ? 3 : 4;
      EXPECT_EQ(sample.value(column), sample.value(1)) << line;
    }
    for (int i = sample.location_id_size() - 1; i >= 0; --i) {
      const auto& location = message.location(static_cast<int>(sample.location_id(i)) - 1);
      EXPECT_EQ(location.id(), sample.location_id(i));
      const auto& function = message.function(static_cast<int>(location.line(0).function_id()) - 1);
      EXPECT_EQ(function.id(), location.line(0).function_id());
      std::string name = message.string_table(static_cast<int>(function.name()));
      for (char& c : name) c = c == ';' ? ':' : c;
      if (location.mapping_id() != 0) {
        const auto& mapping = message.mapping(static_cast<int>(location.mapping_id()) - 1);
        EXPECT_EQ(mapping.id(), location.mapping_id());
        EXPECT_LT(location.address(), mapping.memory_limit());
        if (message.string_table(static_cast<int>(mapping.filename())) == "[kernel]") name += "_[k]";
      }
      line += (line.empty() ? "" : ";") + name;
    }
    lines[line] += static_cast<std::uint64_t>(sample.value(1));
  }
  return lines;
}

TEST(Pprof, EqualsTheFoldedTotalsStackByStack) {
  const profile::Profile profile = testing::broadcaster().query();
  for (const profile::View view : profile::kViews) {
    SCOPED_TRACE(profile::name_of(view));
    const profile::WeightedStacks stacks = profile::view(profile, view);
    EXPECT_EQ(by_line(parsed(stacks)), by_line(folded(stacks)));
  }
}

TEST(Pprof, SaysWhatItHolds) {
  const profile::WeightedStacks stacks = profile::view(testing::broadcaster().query(), profile::View::on_cpu);
  const proto::Profile message = parsed(stacks);
  const auto string = [&](std::int64_t index) { return message.string_table(static_cast<int>(index)); };
  EXPECT_EQ(message.string_table(0), "");
  ASSERT_EQ(message.sample_type_size(), 2);
  EXPECT_EQ(string(message.sample_type(0).type()) + "/" + string(message.sample_type(0).unit()), "samples/count");
  EXPECT_EQ(string(message.sample_type(1).type()) + "/" + string(message.sample_type(1).unit()), "cpu/nanoseconds");
  EXPECT_EQ(string(message.default_sample_type()), "cpu");
  EXPECT_EQ(string(message.period_type().type()), "cpu");
  EXPECT_EQ(message.period(), 10'101'010);
  EXPECT_EQ(message.time_nanos(), 1'700'000'100'000'000'000);
  EXPECT_EQ(message.duration_nanos(), 2'000'000'000);
  EXPECT_EQ(message.mapping_size(), 3) << "one a module: the program, libc, the kernel";
  for (const auto& sample : message.sample()) EXPECT_GT(sample.value(1), 0);
  const auto& heaviest = message.sample(0);
  EXPECT_EQ(heaviest.value(0), 96);
  const auto& leaf = message.location(static_cast<int>(heaviest.location_id(0)) - 1);
  EXPECT_EQ(string(message.function(static_cast<int>(leaf.line(0).function_id()) - 1).name()), "tcp_sendmsg");
}

TEST(Pprof, NamesEachViewsWeight) {
  struct Case {
    profile::View view;
    const char* type;
  };
  const profile::Profile profile = testing::broadcaster().query();
  for (const Case& c :
       {Case{profile::View::off_cpu, "off_cpu/nanoseconds"}, Case{profile::View::wall, "wall/nanoseconds"},
        Case{profile::View::runnable, "runnable/nanoseconds"}, Case{profile::View::socket, "socket/bytes"},
        Case{profile::View::map, "map/nanoseconds"}, Case{profile::View::inprocess, "cpu/nanoseconds"}}) {
    SCOPED_TRACE(c.type);
    const proto::Profile message = parsed(profile::view(profile, c.view));
    EXPECT_EQ(message.string_table(static_cast<int>(message.sample_type(1).type())) + "/" +
                  message.string_table(static_cast<int>(message.sample_type(1).unit())),
              c.type);
  }
}

TEST(Pprof, FunctionsAreListedOnceHoweverManyPlacesTheyHave) {
  profile::WeightedStacks stacks{.name = "oncpu", .unit = "nanoseconds"};
  for (std::uint64_t i = 0; i < 5; ++i) {
    stacks.frames.push_back({profile::FrameOrigin::user, "/bin/x", i, "f"});
    stacks.stacks.push_back({{static_cast<profile::FrameId>(i)}, 1, 1});
  }
  const proto::Profile message = parsed(stacks);
  EXPECT_EQ(message.function_size(), 1);
  EXPECT_EQ(message.location_size(), 5);
}

TEST(Pprof, OpensWhateverTheNamesAre) {
  for (std::uint64_t seed = 0; seed < 30; ++seed) {
    SCOPED_TRACE(seed);
    const profile::Profile profile = testing::random_window(seed).query();
    const proto::Profile message = parsed(profile::view(profile, profile::View::wall));
    std::uint64_t whole = 0;
    for (const auto& sample : message.sample()) whole += static_cast<std::uint64_t>(sample.value(1));
    EXPECT_EQ(whole, profile::view(profile, profile::View::wall).total());
  }
}

}  // namespace
}  // namespace fanlight::formats
