#include "collector/session/label_names.hpp"

#include <gtest/gtest.h>

#include <cstring>
#include <map>

namespace fanlight::session {
namespace {

std::vector<std::byte> attributes(const std::string& text) {
  std::vector<std::byte> bytes(text.size());
  std::memcpy(bytes.data(), text.data(), text.size());
  return bytes;
}

/// Knows sets by number, and counts how often it was asked.
class FakeSets final : public KernelHalf {
 public:
  std::map<std::uint32_t, std::vector<std::byte>> sets;
  unsigned asked = 0;
  std::span<const std::byte> label_attributes(std::uint32_t set) override {
    ++asked;
    return sets[set];
  }
  Result<> poll(std::chrono::milliseconds, const OnSample&) override { return {}; }
  Result<kernel::Reading> read() override { return kernel::Reading{}; }
  const std::vector<kernel::Form>& forms() const override { return forms_; }
  void set_effort(const kernel::Effort&) override {}

 private:
  std::vector<kernel::Form> forms_;
};

struct Names : ::testing::Test {
  inprocess::ProcessContext published{.published_at_ns = 1, .schema = {}, .keys = {"topic", "stage"}, .resource = {}};
  FakeSets kernel;
  profile::Tables tables;
  LabelNames names{[this]() -> Result<inprocess::ProcessContext> { return published; }, 4};
  profile::Labels of_set(std::uint32_t set) { return tables.labels()[names.of_set(set, kernel, tables)]; }
};

TEST_F(Names, SetsAreDecodedOnce) {
  names.refresh();
  kernel.sets[7] = attributes(std::string("\0\4news\1\4send", 12));
  EXPECT_EQ(of_set(7), (profile::Labels{{"stage", "send"}, {"topic", "news"}}));
  EXPECT_EQ(of_set(7).size(), 2u);
  EXPECT_EQ(kernel.asked, 1u);
  EXPECT_EQ(of_set(0), profile::Labels{});
}

TEST_F(Names, AKeyThatCameLaterIsLookedUpAgain) {
  names.refresh();
  kernel.sets[1] = attributes(std::string("\2\2ws", 4));
  published.keys.push_back("class");
  published.published_at_ns = 2;
  EXPECT_EQ(of_set(1), (profile::Labels{{"class", "ws"}}));
}

TEST_F(Names, ATraceMakesASetOfItsOwn) {
  names.refresh();
  RawSample sample;
  sample.attributes = attributes(std::string("\0\1a", 3));
  sample.trace_id[15] = 0xab;
  const profile::Labels labels = tables.labels()[names.of(sample, nullptr, tables)];
  EXPECT_EQ(labels, (profile::Labels{{"topic", "a"}, {profile::kTraceKey, std::string(30, '0') + "ab"}}));
  EXPECT_EQ(profile::without_trace(labels), (profile::Labels{{"topic", "a"}}));
}

TEST_F(Names, SetsPastTheBoundBecomeOneAndAreCounted) {
  names.refresh();
  for (std::uint32_t set = 1; set <= 10; ++set) kernel.sets[set] = attributes(std::string("\0\1", 2) + char('a' + set));
  for (std::uint32_t set = 1; set <= 3; ++set) EXPECT_EQ(of_set(set)[0].second, std::string(1, char('a' + set)));
  for (std::uint32_t set = 4; set <= 10; ++set) EXPECT_EQ(of_set(set)[0].first, "labels");
  EXPECT_EQ(names.beyond(), 7u);
  EXPECT_EQ(of_set(2)[0].second, "c") << "what was told apart before still is";
  EXPECT_EQ(of_set(kernel::kLabelsBeyond)[0].first, "labels");
  EXPECT_LE(tables.labels().size(), 5u);
}

}  // namespace
}  // namespace fanlight::session
