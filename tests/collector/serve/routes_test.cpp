#include "collector/serve/routes.hpp"

#include <gtest/gtest.h>

namespace fanlight::serve {
namespace {

profile::Profile one_thread() {
  profile::Profile profile;
  profile.target.name = "toy";
  profile.to_ns = 1'000'000'000;
  profile::Thread thread{.tid = 7, .name = "worker", .to_ns = 1'000'000'000};
  thread.ns[static_cast<std::size_t>(Reason::running)] = 1'000'000'000;
  profile.threads.push_back(thread);
  profile.frames.push_back({.module = "/bin/toy", .offset = 16, .name = "main"});
  profile.stacks.push_back({0});
  profile.samples.push_back({.weight = 10, .count = 1});
  return profile;
}

TEST(Routes, Answer) {
  struct Case {
    const char* target;
    unsigned status;
    const char* part;
  };
  for (const Case& c : {Case{"/", 200, "/debug/pprof/profile"}, Case{"/healthz", 200, "ok"},
                        Case{"/metrics", 200, "fanlight_thread_seconds_total"}, Case{"/api/report", 200, "\"toy\""},
                        Case{"/api/folded?view=oncpu", 200, "worker;main 1000000000\n"},
                        Case{"/api/folded?view=nonsense", 400, "oncpu"}, Case{"/flamegraph?view=wall", 200, "<svg"},
                        Case{"/flamegraph", 200, "<svg"}, Case{"/nowhere", 404, "no such page"},
                        Case{"/live", 426, "WebSocket"}, Case{"/live?x=1", 426, "WebSocket"},
                        Case{"/../etc/passwd", 404, "no such page"}, Case{"", 404, "no such page"}}) {
    SCOPED_TRACE(c.target);
    const Answer reply = answer(c.target, 0, {[](std::uint64_t, std::uint64_t) { return one_thread(); }, one_thread});
    EXPECT_EQ(reply.status, c.status);
    EXPECT_NE(reply.body.find(c.part), std::string::npos) << reply.body;
  }
}

TEST(Routes, ProfilesAskOnlyForWhatComesAfterTheRequest) {
  std::uint64_t asked_from = 0;
  const Answer reply = answer("/debug/pprof/profile?seconds=1", 12345,
                              {[&](std::uint64_t from_ns, std::uint64_t) {
                                 asked_from = from_ns;
                                 return one_thread();
                               },
                               one_thread});
  EXPECT_EQ(asked_from, 12345u);
  EXPECT_EQ(reply.status, 200u);
  ASSERT_GE(reply.body.size(), 2u);
  EXPECT_EQ(reply.body.substr(0, 2), "\x1f\x8b") << "gzip";
  EXPECT_EQ(reply.download, "oncpu.pb.gz");
}

TEST(Routes, Wait) {
  struct Case {
    const char* target;
    int seconds;  // -1: refused
  };
  for (const Case& c :
       {Case{"/metrics?seconds=9", 0}, Case{"/debug/pprof/profile", 10}, Case{"/debug/pprof/profile?seconds=3", 3},
        Case{"/debug/pprof/wall?x=1&seconds=300", 300}, Case{"/debug/pprof/profile?seconds=0", -1},
        Case{"/debug/pprof/profile?seconds=301", -1}, Case{"/debug/pprof/profile?seconds=ten", -1},
        Case{"/debug/pprof/profile?seconds=3x", -1}, Case{"/debug/pprof/profile?seconds=", -1}}) {
    SCOPED_TRACE(c.target);
    const auto wait = wait_of(c.target);
    EXPECT_EQ(wait ? static_cast<int>(wait->time.count()) : -1, c.seconds);
  }
}

}  // namespace
}  // namespace fanlight::serve
