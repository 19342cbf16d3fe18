#include "ui/model/source.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "core/clock.hpp"
#include "tests/ui/fabricate.hpp"
#include "tests/ui/live_collector.hpp"
#include "ui/app/composer.hpp"
#include "ui/model/backoff.hpp"

namespace fanlight::ui {
namespace {

using std::chrono::milliseconds;
using testing::fabricate;
using testing::LiveCollector;

constexpr LiveSource::Timing kFast{milliseconds{20},  milliseconds{20}, milliseconds{1000},
                                   milliseconds{300}, milliseconds{10}, milliseconds{40}};

/// Waits until an arrival satisfies `wish`; a generous bound, since the machine may be busy.
template <class Wish>
std::shared_ptr<const Arrival> wait_for(const Mailbox<Arrival>& arrivals, Wish wish) {
  for (int i = 0; i < 2000; ++i) {
    const auto arrival = arrivals.newest();
    if (arrival && wish(*arrival)) return arrival;
    std::this_thread::sleep_for(milliseconds{5});
  }
  return nullptr;
}

Endpoint at(std::uint16_t port) { return {"127.0.0.1", std::to_string(port)}; }

TEST(Endpoint, ReadsAddresses) {
  struct Case {
    const char *text, *host, *port;  // host empty: refused
  };
  for (const Case& c :
       {Case{"127.0.0.1:9180", "127.0.0.1", "9180"}, Case{"9300", "127.0.0.1", "9300"},
        Case{":9300", "127.0.0.1", "9300"}, Case{"[::1]:80", "::1", "80"}, Case{"box.local:1", "box.local", "1"},
        Case{"", "", ""}, Case{"box", "", ""}, Case{"box:0", "", ""}, Case{"box:65536", "", ""},
        Case{"box:80x", "", ""}, Case{"::1:80", "", ""}, Case{"a b:80", "", ""}, Case{"a/b:80", "", ""}}) {
    SCOPED_TRACE(c.text);
    const auto endpoint = parse_endpoint(c.text);
    ASSERT_EQ(endpoint.has_value(), *c.host != '\0');
    if (!endpoint) {
      EXPECT_FALSE(endpoint.error().hint.empty());
      continue;
    }
    EXPECT_EQ(endpoint->host, c.host);
    EXPECT_EQ(endpoint->port, c.port);
  }
  EXPECT_EQ((Endpoint{"::1", "80"}.text()), "[::1]:80");
}

TEST(Backoff, DoublesUpToABound) {
  Backoff backoff(milliseconds{250}, milliseconds{1000});
  EXPECT_EQ(backoff.failed(), milliseconds{250});
  EXPECT_EQ(backoff.failed(), milliseconds{500});
  EXPECT_EQ(backoff.failed(), milliseconds{1000});
  EXPECT_EQ(backoff.failed(), milliseconds{1000});
  backoff.succeeded();
  EXPECT_EQ(backoff.failed(), milliseconds{250});
}

TEST(Range, EndsForSlicesThatAreMergedWhole) {
  const profile::Window window = fabricate({.seconds = 20});
  const std::uint64_t newest = window.slices().back().to_ns;
  for (const unsigned seconds : {1u, 5u, 10u}) {
    const auto [from, to] = ends_of({.last_ns = seconds * 1'000'000'000ull}, newest);
    const profile::Profile profile = window.query(from, to);
    EXPECT_EQ(profile.to_ns - profile.from_ns, seconds * 1'000'000'000ull);
  }
  EXPECT_EQ(ends_of({.kind = Range::Kind::all}, newest).first, 0u);
}

TEST(Mailbox, GivesOnlyWhatIsNew) {
  Mailbox<int> box;
  std::shared_ptr<const int> known;
  EXPECT_FALSE(box.take_newer(known));
  box.post(std::make_shared<const int>(1));
  box.post(std::make_shared<const int>(2));
  ASSERT_TRUE(box.take_newer(known));
  EXPECT_EQ(*known, 2);
  EXPECT_FALSE(box.take_newer(known));
}

TEST(LiveSource, ReceivesTheRangeThatWasAsked) {
  LiveCollector collector(fabricate({.seconds = 30}));
  LiveSource source(at(collector.port()), nullptr, kFast);
  auto arrival = wait_for(source.arrivals(), [](const Arrival& a) { return a.profile != nullptr; });
  ASSERT_TRUE(arrival);
  EXPECT_EQ(arrival->status.phase, Phase::live);
  EXPECT_EQ(arrival->profile->to_ns - arrival->profile->from_ns, 10'000'000'000u) << "the default: the last 10 s";
  EXPECT_EQ(arrival->profile->target.name, "fanlight-server");
  EXPECT_EQ(collector.host_header(), "127.0.0.1:" + std::to_string(collector.port()));
  source.ask({.kind = Range::Kind::all});
  arrival = wait_for(source.arrivals(), [](const Arrival& a) { return a.range.kind == Range::Kind::all; });
  ASSERT_TRUE(arrival);
  EXPECT_EQ(arrival->profile->to_ns - arrival->profile->from_ns, 30'000'000'000u);
}

TEST(LiveSource, FollowsAndPublishesOnlyNews) {
  LiveCollector collector(fabricate({.seconds = 60}), LiveCollector::Manner::proper, 0, true);
  LiveSource source(at(collector.port()), nullptr, kFast);
  const auto first = wait_for(source.arrivals(), [](const Arrival& a) { return a.profile != nullptr; });
  ASSERT_TRUE(first);
  const auto later =
      wait_for(source.arrivals(), [&](const Arrival& a) { return a.profile_number >= first->profile_number + 3; });
  ASSERT_TRUE(later);
  const std::uint64_t slices =
      (later->profile->seconds.back().to_ns - first->profile->seconds.back().to_ns) / 1'000'000'000;
  EXPECT_GE(slices, later->profile_number - first->profile_number) << "each publication brings a slice or more";
  EXPECT_GT(later->profile->to_ns, first->profile->to_ns);
}

TEST(LiveSource, WaitsForACollectorThatStartsLater) {
  std::uint16_t port = 0;
  { port = LiveCollector(fabricate()).port(); }  // free now
  LiveSource source(at(port), nullptr, kFast);
  const auto waiting = wait_for(source.arrivals(), [](const Arrival& a) { return a.status.attempts >= 3; });
  ASSERT_TRUE(waiting);
  EXPECT_EQ(waiting->status.trouble, "nothing listens there");
  EXPECT_FALSE(waiting->status.ever_connected);
  LiveCollector collector(fabricate(), LiveCollector::Manner::proper, port);
  EXPECT_TRUE(wait_for(source.arrivals(), [](const Arrival& a) { return a.profile && a.status.phase == Phase::live; }));
}

TEST(LiveSource, ComesBackAfterTheCollectorWasAway) {
  auto collector = std::make_unique<LiveCollector>(fabricate());
  const std::uint16_t port = collector->port();
  LiveSource source(at(port), nullptr, kFast);
  const auto before = wait_for(source.arrivals(), [](const Arrival& a) { return a.profile != nullptr; });
  ASSERT_TRUE(before);
  collector.reset();
  const auto lost = wait_for(source.arrivals(), [](const Arrival& a) { return a.status.phase == Phase::waiting; });
  ASSERT_TRUE(lost);
  EXPECT_TRUE(lost->profile) << "what was seen stays to be looked at";
  EXPECT_TRUE(lost->status.ever_connected);
  EXPECT_FALSE(lost->status.trouble.empty());
  collector = std::make_unique<LiveCollector>(fabricate({.seconds = 12}), LiveCollector::Manner::proper, port);
  const auto again = wait_for(source.arrivals(), [&](const Arrival& a) {
    return a.status.phase == Phase::live && a.profile_number > before->profile_number;
  });
  ASSERT_TRUE(again);
  EXPECT_EQ(again->status.attempts, 0u);
  EXPECT_EQ(again->status.trouble, "");
}

TEST(LiveSource, SaysWhatIsWrongWithTheOtherSide) {
  struct Case {
    const char* name;
    LiveCollector::Manner manner;
    const char* words;
  };
  for (const Case& c : {Case{"garbage", LiveCollector::Manner::garbage, ""},
                        Case{"words", LiveCollector::Manner::refusing, "nothing is being watched"},
                        Case{"silence", LiveCollector::Manner::silent, "no answer in time"},
                        Case{"something else", LiveCollector::Manner::plain, "does not serve /live"},
                        Case{"half a message", LiveCollector::Manner::truncated, ""},
                        Case{"a terabyte", LiveCollector::Manner::absurd, ""},
                        Case{"a byte at a time", LiveCollector::Manner::trickle, "no answer in time"},
                        Case{"another version", LiveCollector::Manner::aged, "live feed of version 99"}}) {
    SCOPED_TRACE(c.name);
    LiveCollector collector(fabricate({.seconds = 2}), c.manner);
    LiveSource source(at(collector.port()), nullptr, kFast);
    const auto arrival = wait_for(source.arrivals(), [](const Arrival& a) { return !a.status.trouble.empty(); });
    ASSERT_TRUE(arrival);
    EXPECT_NE(arrival->status.trouble.find(c.words), std::string::npos) << arrival->status.trouble;
    EXPECT_FALSE(arrival->profile);
  }
}

TEST(LiveSource, EndsAtOnceWhereverItIs) {
  LiveCollector silent(fabricate({.seconds = 2}), LiveCollector::Manner::silent);
  LiveSource::Timing patient;
  for (int i = 0; i < 5; ++i) {
    const std::uint64_t start = monotonic_ns();
    { LiveSource source(at(silent.port()), nullptr, patient); }
    EXPECT_LT(monotonic_ns() - start, 5'000'000'000u) << "not after the answer's deadline of 8 s";
  }
}

TEST(RecordingSource, AnswersRanges) {
  RecordingSource source(fabricate({.seconds = 20}), "run.fanlight", nullptr);
  source.ask({.kind = Range::Kind::all});
  const auto all = wait_for(source.arrivals(), [](const Arrival& a) { return a.profile_number == 1; });
  ASSERT_TRUE(all);
  EXPECT_EQ(all->status.phase, Phase::recording);
  EXPECT_EQ(all->profile->to_ns - all->profile->from_ns, 20'000'000'000u);
  source.ask({.last_ns = 5'000'000'000});
  const auto last = wait_for(source.arrivals(), [](const Arrival& a) { return a.profile_number == 2; });
  ASSERT_TRUE(last);
  EXPECT_EQ(last->profile->to_ns - last->profile->from_ns, 5'000'000'000u);
}

TEST(RecordingSource, TheStretchBeforeIsAsLong) {
  RecordingSource source(fabricate({.seconds = 20}), "run.fanlight", nullptr);
  source.ask(Question{{.last_ns = 5'000'000'000}, true});
  const auto last = wait_for(source.arrivals(), [](const Arrival& a) { return a.profile_number == 1; });
  ASSERT_TRUE(last && last->before);
  EXPECT_EQ(last->before->to_ns, last->profile->from_ns);
  EXPECT_EQ(last->before->to_ns - last->before->from_ns, 5'000'000'000u);
  source.ask(Question{{.kind = Range::Kind::all}, true});
  const auto all = wait_for(source.arrivals(), [](const Arrival& a) { return a.profile_number == 2; });
  ASSERT_TRUE(all);
  EXPECT_FALSE(all->before) << "nothing was before everything";
}

TEST(RecordingSource, ReadsWhatOtherToolsWrote) {
  const auto path = std::filesystem::temp_directory_path() / ("fanlight-ui-folded-" + std::to_string(::getpid()));
  std::ofstream(path) << "worker;main;heavy 70\nworker;main;light 30\n";
  const auto source = RecordingSource::open(path, nullptr);
  std::filesystem::remove(path);
  ASSERT_TRUE(source) << source.error().what;
  EXPECT_TRUE((*source)->foreign());
  (*source)->ask({.kind = Range::Kind::all});
  const auto all = wait_for((*source)->arrivals(), [](const Arrival& a) { return a.profile_number == 1; });
  ASSERT_TRUE(all);
  EXPECT_EQ(profile::view(*all->profile, (*source)->view()).total(), 100u);
}

TEST(LiveSource, BringsTheStretchBefore) {
  LiveCollector collector(fabricate({.seconds = 20}));
  LiveSource source(at(collector.port()), nullptr, kFast);
  source.ask(Question{{.last_ns = 5'000'000'000}, true});
  const auto arrived = wait_for(source.arrivals(), [](const Arrival& a) { return a.before != nullptr; });
  ASSERT_TRUE(arrived);
  EXPECT_EQ(arrived->before->to_ns, arrived->profile->from_ns);
  EXPECT_EQ(arrived->before->to_ns - arrived->before->from_ns, 5'000'000'000u);
}

TEST(RecordingSource, ForeignFileIsRefusedWithAHint) {
  const auto path = std::filesystem::temp_directory_path() / ("fanlight-ui-foreign-" + std::to_string(::getpid()));
  std::ofstream(path) << "not a recording";
  const auto source = RecordingSource::open(path, nullptr);
  std::filesystem::remove(path);
  ASSERT_FALSE(source);
  EXPECT_FALSE(source.error().hint.empty());
}

TEST(Composer, MakesTheSceneThatIsLookedAt) {
  Mailbox<Arrival> arrivals;
  Composer composer(arrivals, nullptr);
  const auto wait = [&](auto wish) {
    for (int i = 0; i < 2000; ++i) {
      const auto scene = composer.scenes().newest();
      if (scene && wish(*scene)) return scene;
      std::this_thread::sleep_for(milliseconds{5});
    }
    return Mailbox<Scene>::Pointer{};
  };
  const auto first = std::make_shared<const profile::Profile>(fabricate({.seconds = 3}).query());
  const auto second = std::make_shared<const profile::Profile>(fabricate({.seconds = 4}).query());
  arrivals.post(std::make_shared<const Arrival>(Arrival{.number = 1, .profile_number = 1, .profile = first}));
  composer.poke();
  ASSERT_TRUE(wait([&](const Scene& scene) { return scene.profile == first; }));
  composer.look({.chosen = {.view = profile::View::wall}}, {first});
  ASSERT_TRUE(wait([&](const Scene& scene) { return scene.flame.view == "wall"; }));
  arrivals.post(std::make_shared<const Arrival>(Arrival{.number = 2, .profile_number = 2, .profile = second}));
  composer.poke();
  composer.look({.chosen = {.view = profile::View::socket}}, {first});
  const auto held = wait([&](const Scene& scene) { return scene.flame.view == "socket"; });
  ASSERT_TRUE(held);
  EXPECT_EQ(held->profile, first) << "frozen: another view of the same data";
  composer.look({.chosen = {.view = profile::View::socket}}, {});
  EXPECT_TRUE(wait([&](const Scene& scene) { return scene.profile == second; }));
}

}  // namespace
}  // namespace fanlight::ui
