#include "collector/session/standing_out.hpp"

#include <gtest/gtest.h>

namespace fanlight::session {
namespace {

kernel::ConnectionReading connection(std::uint64_t id, std::uint64_t stalled_ns, std::uint64_t queued) {
  return {.id = id, .queued_bytes = queued, .stalled_ns = stalled_ns};
}

TEST(StandingOut, KeepsAllOfAFew) {
  EXPECT_EQ(standing_out({connection(1, 0, 0), connection(2, 0, 0)}, 2).size(), 2u);
  EXPECT_TRUE(standing_out({}).empty());
}

TEST(StandingOut, OfManyTheSlowOnesFirstThenTheFullest) {
  std::vector<kernel::ConnectionReading> all;
  for (std::uint64_t id = 0; id < 100; ++id) all.push_back(connection(id, 0, id));
  all.push_back(connection(500, 1'000'000'000, 1));
  const auto kept = standing_out(all, 3);
  ASSERT_EQ(kept.size(), 3u);
  EXPECT_EQ(kept[0].id, 500u);
  EXPECT_EQ(kept[1].id, 99u);
  EXPECT_EQ(kept[2].id, 98u);
}

}  // namespace
}  // namespace fanlight::session
