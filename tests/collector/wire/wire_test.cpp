#include "collector/wire/wire.hpp"

#include <gtest/gtest.h>

#include <random>

#include "collector/profile/view.hpp"
#include "tests/collector/profile/made_windows.hpp"

namespace fanlight::wire {
namespace {

TEST(Wire, BringsBackAnyProfile) {
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    SCOPED_TRACE(seed);
    const profile::Profile profile = testing::random_window(seed).query();
    const auto back = decode(encode(profile));
    ASSERT_TRUE(back) << back.error().what;
    EXPECT_EQ(testing::describe(*back), testing::describe(profile));
  }
}

TEST(Wire, BringsBackRequestsAndReplies) {
  const Request request{7, 12, 99};
  EXPECT_EQ(decode_request(encode_request(request)).value(), request);
  const profile::Profile profile = testing::broadcaster().query();
  const auto reply = decode_reply(encode_reply(9, profile));
  ASSERT_TRUE(reply);
  EXPECT_EQ(reply->id, 9u);
  EXPECT_EQ(testing::describe(std::get<profile::Profile>(reply->answer)), testing::describe(profile));
  const auto refusal = decode_reply(encode_reply(Reply{3, "no such range"}));
  ASSERT_TRUE(refusal);
  EXPECT_EQ(std::get<std::string>(refusal->answer), "no such range");
}

TEST(Wire, RefusesWhatIsNoMessage) {
  const std::string profile = encode(testing::broadcaster().query());
  EXPECT_FALSE(decode("")) << "no version";
  EXPECT_FALSE(decode("GET / HTTP/1.1\r\n\r\n"));
  EXPECT_FALSE(decode(std::string_view(profile).substr(0, profile.size() - 1)));
  EXPECT_FALSE(decode_request(""));
  EXPECT_FALSE(decode_reply(encode_request({1, 2, 3}))) << "no answer in it";
  EXPECT_FALSE(decode(std::string(kMaxBytes + 1, '\0')));
}

TEST(Wire, RefusesNumbersThatNameNothing) {
  struct Case {
    const char* name;
    void (*damage)(profile::Profile&);
    const char* error;
  };
  for (const Case& c :
       {Case{"frame", [](profile::Profile& p) { p.stacks[0][0] = 1000; }, "frame 1000 is unknown"},
        Case{"stack", [](profile::Profile& p) { p.samples[0].stack = 4; }, "stack 4 is unknown"},
        Case{"thread", [](profile::Profile& p) { p.samples[0].thread = 2; }, "thread 2 is unknown"},
        Case{"sampler", [](profile::Profile& p) { p.samples[0].sampler = Sampler{99}; }, "sampler 99 is unknown"},
        Case{"reason", [](profile::Profile& p) { p.samples[0].reason = Reason{200}; }, "reason 200 is unknown"},
        Case{"origin", [](profile::Profile& p) { p.frames[0].origin = profile::FrameOrigin{3}; },
             "origin 3 is unknown"},
        Case{"kind", [](profile::Profile& p) { p.metrics[0].kind = profile::Metric::Kind{3}; }, "kind 3 is unknown"},
        Case{"thread of a point", [](profile::Profile& p) { p.thread_points[0].thread = 2; }, "thread 2 is unknown"},
        Case{"second of a point", [](profile::Profile& p) { p.thread_points[0].second = 99; }, "second 99 is unknown"},
        Case{"errno", [](profile::Profile& p) { p.threads[0].socket.by_errno[4096] = 1; }, "errno 4096 is unknown"},
        Case{"no errno", [](profile::Profile& p) { p.threads[0].socket.by_errno[0] = 1; }, "errno 0 is unknown"},
        Case{"bucket",
             [](profile::Profile& p) {
               const std::vector<std::uint64_t> counts(500, 1);
               p.threads[0].run_queue_ns = KernelHistogram::from_counts(std::span(counts));
             },
             "histogram bucket 500 is unknown"}}) {
    SCOPED_TRACE(c.name);
    profile::Profile profile = testing::broadcaster().query();
    c.damage(profile);
    const auto back = decode(encode(profile));
    ASSERT_FALSE(back);
    EXPECT_NE(back.error().what.find(c.error), std::string::npos) << back.error().what;
  }
}

TEST(Wire, DamagedBytesNeverBreakTheReaderNorTheViews) {
  const std::string whole = encode(testing::broadcaster().query());
  std::mt19937_64 random(1);
  unsigned decoded = 0;
  for (int round = 0; round < 4000; ++round) {
    std::string bytes = whole;
    for (std::uint64_t changes = 1 + random() % 6; changes > 0; --changes) {
      const std::size_t at = random() % bytes.size();
      switch (random() % 4) {
        case 0: bytes[at] = static_cast<char>(random()); break;
        case 1: bytes[at] = static_cast<char>(bytes[at] ^ (1 << (random() % 8))); break;
        case 2: bytes.insert(at, 1, static_cast<char>(random())); break;
        default: bytes.erase(at, 1 + random() % 4); break;
      }
    }
    const auto profile = decode(bytes);
    if (!profile) continue;
    ++decoded;
    for (const profile::View view : profile::kViews) profile::top_functions(profile::view(*profile, view));
  }
  EXPECT_GT(decoded, 100u) << "damage that is never let through tests nothing behind the parser";
}

}  // namespace
}  // namespace fanlight::wire
