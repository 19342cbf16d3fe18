#include "collector/session/lives.hpp"

#include <gtest/gtest.h>

namespace fanlight::session {
namespace {

TEST(Lives, SamplesAndReadingsOfOneLifeAreOneThread) {
  profile::Tables tables;
  Lives lives;
  const auto sampled = lives.of_sample(7, tables);
  EXPECT_EQ(lives.of_reading(7, 100, "worker", tables), sampled);
  EXPECT_EQ(tables.threads().at(sampled).name, "worker");
  EXPECT_EQ(lives.of_reading(7, 100, "renamed", tables), sampled);
  EXPECT_EQ(tables.threads().at(sampled).name, "renamed");
}

TEST(Lives, OnlyALifeThatIsKnownCanBeNamed) {
  profile::Tables tables;
  Lives lives;
  const auto sampled = lives.of_sample(7, tables);
  lives.name(7, "worker", tables);
  lives.name(8, "stranger", tables);
  EXPECT_EQ(tables.threads().at(sampled).name, "worker");
  EXPECT_EQ(tables.threads().size(), 1u);
}

TEST(Lives, AReusedTidIsAnotherThread) {
  profile::Tables tables;
  Lives lives;
  const auto first = lives.of_reading(7, 100, "a", tables);
  EXPECT_NE(lives.of_reading(7, 200, "b", tables), first) << "born at another time";
  lives.ended(7);
  const auto third = lives.of_sample(7, tables);
  EXPECT_EQ(tables.threads().size(), 3u);
  EXPECT_EQ(lives.of_reading(7, 300, "c", tables), third);
}

}  // namespace
}  // namespace fanlight::session
