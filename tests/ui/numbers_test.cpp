#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "tests/ui/fabricate.hpp"
#include "ui/viewmodel/measured.hpp"
#include "ui/viewmodel/scene.hpp"
#include "ui/viewmodel/status.hpp"
#include "ui/viewmodel/tables.hpp"
#include "ui/views/paint_plots.hpp"

namespace fanlight::ui {
namespace {

using testing::fabricate;
using testing::Fabrication;

profile::Profile made(const Fabrication& wishes = {}) { return fabricate(wishes).query(); }

TEST(Series, BandsAddUpToAllThreads) {
  const Series series = build_series(made(), 0, 1000);
  ASSERT_EQ(series.time.size(), 10u);
  for (std::size_t i = 0; i < series.time.size(); ++i) {
    double threads = 0;
    for (const auto& band : series.threads) threads += band[i];
    EXPECT_NEAR(threads, 4.0, 1e-9) << "four threads, each in some state all the time";
  }
  EXPECT_NEAR(series.top, 4.0, 1e-9);
  EXPECT_LT(series.top_without_idle, series.top);
}

TEST(Series, MergingKeepsTheRate) {
  const profile::Profile profile = made({.seconds = 100});
  const Series fine = build_series(profile, 0, 1000), coarse = build_series(profile, 0, 10);
  ASSERT_EQ(fine.time.size(), 100u);
  ASSERT_EQ(coarse.time.size(), 10u);
  const auto sum = [](const Line& line) {
    double all = 0;
    for (const auto& value : line.values) all += value.value_or(0);
    return all;
  };
  EXPECT_NEAR(sum(fine.throughput_a), sum(coarse.throughput_a) * 10, sum(fine.throughput_a) * 1e-9);
  EXPECT_NEAR(sum(fine.socket_bytes), sum(coarse.socket_bytes) * 10, 1);
}

TEST(Series, NewestOnly) {
  const Series series = build_series(made({.seconds = 100}), 30'000'000'000, 1000);
  EXPECT_EQ(series.time.size(), 30u);
  EXPECT_EQ(series.time.to_ns.back(), 5'000'000'000'000u + 100'000'000'000u);
}

TEST(Series, ProgramThatSaysNothingOfItself) {
  const Series series = build_series(made({.metrics = false}), 0, 100);
  EXPECT_EQ(series.throughput_a.name, "socket writes/s");
  EXPECT_EQ(series.latency_name, "Run-queue latency");
  EXPECT_FALSE(series.throughput_b.last());
  EXPECT_GT(series.latency_p99.last().value_or(0), 0);
}

TEST(Series, NoSecondsNoPoints) {
  const Series series = build_series({}, 0, 100);
  EXPECT_EQ(series.time.size(), 0u);
  EXPECT_EQ(series.top, 0);
}

TEST(Bands, NothingIsLeftOut) {
  PerReason ns;
  for (std::size_t i = 0; i < kReasons; ++i) ns[i] = std::uint64_t{1} << i;
  std::uint64_t all = 0;
  for (const std::uint64_t band : by_band(ns)) all += band;
  EXPECT_EQ(all, profile::sum(ns));
  const std::uint64_t throttled = std::uint64_t{1} << static_cast<unsigned>(Reason::runnable_throttled);
  EXPECT_EQ(by_band(ns)[1], (1u << 1) + (1u << 2) + (1u << 3) + throttled) << "the four runnable reasons";
  EXPECT_EQ(by_band(ns)[kIdleBand], 1u << static_cast<unsigned>(Reason::poll));
}

TEST(AxisFor, ReachesAndIsExactInThreeDigits) {
  struct Case {
    double value;
    bool whole;
    double step;
    int steps;
  };
  for (const Case& c :
       {Case{0, false, 0.2, 5}, Case{-3, false, 0.2, 5}, Case{0.7, false, 0.2, 4}, Case{3, false, 1, 3},
        Case{41, false, 10, 5}, Case{101, false, 50, 3}, Case{84'000, false, 20'000, 5}, Case{0, true, 1, 1},
        Case{0.7, true, 1, 1}, Case{2.4, true, 1, 3}, Case{3, true, 1, 3}, Case{17, true, 5, 4}}) {
    SCOPED_TRACE(c.value);
    const Axis axis = axis_for(c.value, c.whole);
    EXPECT_NEAR(axis.step, c.step, c.step * 1e-9);
    EXPECT_EQ(axis.steps, c.steps);
  }
  for (double value = 0.0013; value < 1e10; value *= 1.07) {
    SCOPED_TRACE(value);
    const Axis axis = axis_for(value, false);
    EXPECT_GE(axis.top(), value * (1 - 1e-6));
    EXPECT_LT(axis.top() - axis.step, value);
    for (int line = 1; line <= axis.steps; ++line) {
      char text[32];
      std::snprintf(text, sizeof text, "%.2e", axis.at(line));
      EXPECT_NEAR(std::strtod(text, nullptr), axis.at(line), axis.at(line) * 1e-9) << text;
    }
    const double step = axis_for(value, true).step;
    EXPECT_EQ(step, std::floor(step));
    EXPECT_GE(step, 1);
  }
}

TEST(Series, AFewMillisecondsAreNoRate) {
  profile::Profile profile = made({.seconds = 3});
  profile::SecondPoint tail = profile.seconds.back();
  tail.from_ns = tail.to_ns;
  tail.to_ns += 40'000'000;
  profile.seconds.push_back(tail);
  const Series series = build_series(profile, 0, 100), whole = build_series(made({.seconds = 3}), 0, 100);
  ASSERT_EQ(series.time.size(), 4u);
  for (const Line* line :
       {&series.throughput_a, &series.throughput_b, &series.socket_writes, &series.socket_bytes, &series.cpus})
    EXPECT_FALSE(line->values.back()) << line->name;
  EXPECT_DOUBLE_EQ(series.throughput_a.top(), whole.throughput_a.top());
  EXPECT_DOUBLE_EQ(series.throughput_a.last().value_or(0), whole.throughput_a.last().value_or(1));
  profile.from_ns = tail.from_ns;
  profile.to_ns = tail.to_ns;
  EXPECT_EQ(build_cards(profile, series)[0].value, "-");
}

TEST(Unmeasured, IsNotZero) {
  const profile::Profile profile = made({.kernel = false});
  const Series series = build_series(profile, 0, 100);
  EXPECT_FALSE(series.socket_writes.last());
  EXPECT_FALSE(series.socket_bytes.last());
  EXPECT_FALSE(series.cpus.last());
  EXPECT_TRUE(series.throughput_a.last()) << "the target's own word";
  const auto cards = build_cards(profile, series);
  ASSERT_EQ(cards.size(), 7u);
  EXPECT_NE(cards[0].value, "-");
  for (std::size_t i = 3; i < cards.size(); ++i) {
    EXPECT_EQ(cards[i].value, "-") << cards[i].title;
    EXPECT_EQ(cards[i].detail, "not measured: missing CAP_BPF") << cards[i].title;
  }
  for (const ThreadRow& row : thread_rows(profile)) EXPECT_FALSE(row.measured);
  EXPECT_EQ(no_sockets(profile.target), "Not measured: missing CAP_BPF");
  EXPECT_EQ(no_operations(profile.target), "Not measured: missing CAP_BPF");
  EXPECT_EQ(no_threads(profile.target), "Thread states: not measured: missing CAP_BPF");
  EXPECT_EQ(build_series(made({.metrics = false, .kernel = false}), 0, 9).throughput_missing,
            "not measured: missing CAP_BPF");
}

TEST(Unmeasured, ProbeByProbe) {
  profile::Profile profile = made();
  EXPECT_FALSE(unmeasured(profile.target, kScheduler));
  EXPECT_TRUE(no_sockets(profile.target).starts_with("Nothing was written"));
  EXPECT_TRUE(build_series(profile, 0, 9).cpus.last());
  profile.target.forms.push_back({"socket writes", "none", "no tracepoint"});
  profile.target.forms.push_back({"registry operations", "none", ""});
  profile.target.forms.push_back({"map operations", "tp_btf", "counted late"});
  EXPECT_EQ(unmeasured(profile.target, kSocketWrites), "not measured: no tracepoint");
  EXPECT_FALSE(unmeasured(profile.target, kMapOperations)) << "a remark, not a refusal";
  EXPECT_EQ(no_operations(profile.target),
            "No operation on a BPF map in this time. Operations on the registry: not measured");
  const Series series = build_series(profile, 0, 9);
  EXPECT_FALSE(series.socket_writes.last());
  EXPECT_TRUE(series.cpus.last());
  const auto cards = build_cards(profile, series);
  EXPECT_EQ(cards[3].value, "-");
  EXPECT_NE(cards[6].value, "-");
}

TEST(Scene, TimeIsEnoughToDraw) {
  EXPECT_FALSE(drawable({}));
  const profile::Profile profile = made({.threads = 0, .kernel = false});
  ASSERT_TRUE(profile.threads.empty());
  EXPECT_TRUE(drawable(profile));
  EXPECT_EQ(build_cards(profile, build_series(profile, 0, 9))[2].value, "1000");
}

TEST(StateKeys, LargestFirst) {
  const auto keys = state_keys(build_series(made(), 0, 100));
  ASSERT_GT(keys.size(), 3u);
  EXPECT_TRUE(keys[0].text.starts_with("idle ")) << keys[0].text;
  EXPECT_TRUE(keys[1].text.starts_with("running ")) << keys[1].text;
  const auto lossy = state_keys(build_series(made({.dropped = 1}), 0, 100));
  EXPECT_EQ(lossy[0].text, "records lost");
  for (std::size_t band = 0; band < kBands.size(); ++band) EXPECT_LE(band_name(band).size(), 14u) << band_name(band);
}

TEST(Cards, SayWhatTheTargetSaysFirst) {
  const profile::Profile profile = made();
  const auto cards = build_cards(profile, build_series(profile, 0, 100));
  ASSERT_EQ(cards.size(), 7u);
  EXPECT_EQ(cards[0].title, "Deliveries");
  EXPECT_EQ(cards[2].value, "1000");
  const profile::Profile silent = made({.metrics = false});
  EXPECT_EQ(build_cards(silent, build_series(silent, 0, 100)).size(), 4u);
}

TEST(Tables, ThreadsBusiestFirstAndStable) {
  auto rows = thread_rows(made());
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_EQ(rows[0].name, "worker-1");
  for (const ThreadRow& row : rows) {
    double all = 0;
    for (std::size_t band = 0; band < kBands.size(); ++band) all += row.share(band);
    EXPECT_NEAR(all, 1, 1e-9);
    EXPECT_NEAR(row.share(0) + row.share(1) + row.blocked(), 1, 1e-9);
  }
  sort_rows(rows, ThreadOrder::name, false);
  EXPECT_EQ(rows[3].name, "worker-4");
  sort_rows(rows, ThreadOrder::name, true);
  EXPECT_EQ(rows[0].name, "worker-4");
  sort_rows(rows, ThreadOrder::idle, true);
  EXPECT_EQ(rows[0].name, "worker-4");
}

TEST(Tables, SocketsHaveASum) {
  const auto rows = socket_rows(made());
  ASSERT_EQ(rows.size(), 5u);
  EXPECT_EQ(rows[0].thread, "all threads");
  std::uint64_t bytes = 0;
  for (std::size_t i = 1; i < rows.size(); ++i) bytes += rows[i].counts.bytes;
  EXPECT_EQ(rows[0].counts.bytes, bytes);
  EXPECT_TRUE(socket_rows(made({.kernel = false})).empty());
}

TEST(Tables, OperationsOfMapsAndRegistries) {
  const auto rows = operation_rows(made());
  ASSERT_EQ(rows.size(), 5u);
  EXPECT_EQ(rows[0].object, "per-core registry");
  EXPECT_EQ(rows[3].object, "routes (hash 12)");
  EXPECT_EQ(rows[3].count, 10'000u);
  EXPECT_EQ(rows[4].errors, 100u);
}

TEST(Tables, LossesAreNamed) {
  const auto rows = ledger_rows(made({.dropped = 7}));
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_TRUE(rows[0].lossy());
  EXPECT_EQ(rows[0].dropped, 70u);
  EXPECT_EQ(rows[0].balance, 0);
  EXPECT_EQ(rows[0].causes, "ring full 70");
  EXPECT_FALSE(rows[1].lossy());
  EXPECT_EQ(rows[1].causes, "never reached it: exited before the visit 20");
}

TEST(Tables, NotesSayWhatIsMissing) {
  const auto list = notes(made());
  ASSERT_EQ(list.size(), 3u);
  EXPECT_EQ(list[0].text, "socket latency: off, fentry is refused on this kernel");
  EXPECT_EQ(list[1].kind, Note::Kind::agreement);
  EXPECT_EQ(list[2].kind, Note::Kind::event);
}

TEST(Tables, NotesSayWhatCameLate) {
  profile::Profile profile = made();
  profile.target.forms = {{"scheduler", "tp_btf", ""}, {"map operations", "tp_btf", "attached 2 s after the start"}};
  const auto list = notes(profile);
  ASSERT_FALSE(list.empty());
  EXPECT_EQ(list[0].kind, Note::Kind::missing);
  EXPECT_EQ(list[0].text, "map operations: tp_btf, attached 2 s after the start");
}

TEST(Tables, AFewSamplesAgreeOnNothing) {
  profile::Profile profile = made();
  EXPECT_TRUE(notes(profile)[1].text.starts_with("the samplers agree to "));
  for (profile::SampleRow& row : profile.samples) row.count = row.sampler == Sampler::inprocess_cpu ? 1 : row.count;
  std::erase_if(profile.samples, [kept = 29u](const profile::SampleRow& row) mutable {
    return row.sampler == Sampler::inprocess_cpu && (kept == 0 || kept-- == 0);
  });
  const Note note = notes(profile)[1];
  EXPECT_EQ(note.kind, Note::Kind::unsure);
  EXPECT_TRUE(note.text.starts_with("too few samples to compare the samplers: kernel ")) << note.text;
}

TEST(Scene, LeavesIdleOutUnlessAsked) {
  const auto profile = std::make_shared<const profile::Profile>(made());
  const Scene busy = build_scene({profile}, {.chosen = {.view = profile::View::wall}});
  const Scene all = build_scene({profile}, {.chosen = {.view = profile::View::wall, .idle = true}});
  EXPECT_GT(busy.flame.idle_left_out, 0u);
  EXPECT_EQ(busy.flame.idle_left_out + busy.flame.root().total, all.flame.root().total);
  EXPECT_EQ(all.flame.root().total, profile::sum(profile::totals(*profile)));
  for (const profile::TopFunction& function : busy.functions) EXPECT_NE(function.name, "ep_poll");
}

TEST(StatusLine, SaysHowThingsStand) {
  constexpr std::uint64_t kNow = 100'000'000'000;
  Status status{.phase = Phase::connecting, .place = "127.0.0.1:9180"};
  EXPECT_EQ(status_line(status, false, kNow).text, "connecting to 127.0.0.1:9180");
  status = {Phase::waiting, "127.0.0.1:9180", "nothing listens there", 3, kNow + 4'000'000'000};
  EXPECT_EQ(status_line(status, false, kNow).text,
            "waiting for 127.0.0.1:9180: nothing listens there \u00b7 next try in 4 s (3 tries failed)");
  status.ever_connected = true;
  EXPECT_TRUE(status_line(status, false, kNow).text.starts_with("lost 127.0.0.1:9180"));
  EXPECT_EQ(status_line(status, false, kNow).tone, StatusLine::Tone::bad);
  status = {Phase::live, "127.0.0.1:9180", "", 0, 0, kNow - 500'000'000};
  EXPECT_EQ(status_line(status, false, kNow).text, "live from 127.0.0.1:9180");
  EXPECT_EQ(status_line(status, true, kNow).text, "live from 127.0.0.1:9180 \u00b7 frozen, data keep coming");
  status.data_at_ns = kNow - 9'000'000'000;
  EXPECT_EQ(status_line(status, false, kNow).text, "live from 127.0.0.1:9180 \u00b7 nothing new for 9 s");
}

TEST(TimeSpan, LiveGrowsInSteps) {
  TimeAxis time{{100'000'000'000}, {103'000'000'000}};
  EXPECT_EQ(time_span(time, false).begin_ns, 100'000'000'000u);
  EXPECT_EQ(time_span(time, true).begin_ns, 93'000'000'000u);
  time.from_ns[0] = 80'000'000'000;
  EXPECT_EQ(time_span(time, true).begin_ns, 73'000'000'000u);
}

TEST(StatesPaint, SecondsWithLossesAreRed) {
  const auto red = [](const profile::Profile& profile) {
    const Series series = build_series(profile, 0, 100);
    Drawing drawing;
    const Pen pen{1, [](std::string_view text, Face) { return static_cast<float>(text.size()) * 6; }};
    paint_states(drawing, series, time_span(series.time, false), {0, 0, 600, 200}, {0, 0}, pen);
    return std::count_if(drawing.fills().begin(), drawing.fills().end(),
                         [](const Fill& fill) { return fill.colour == kBad; });
  };
  EXPECT_EQ(red(made({.dropped = 1})), 10);
  EXPECT_EQ(red(made()), 0);
}

TEST(BandBar, IsAsWideAsItsRectangle) {
  std::array<std::uint64_t, kBands.size()> bands{};
  bands[0] = 30;
  bands[kIdleBand] = 70;
  Drawing drawing;
  paint_band_bar(drawing, bands, {10, 0, 200, 8});
  ASSERT_EQ(drawing.fills().size(), 2u);
  EXPECT_FLOAT_EQ(drawing.fills()[0].rect.w, 60);
  EXPECT_FLOAT_EQ(drawing.fills()[1].rect.x + drawing.fills()[1].rect.w, 210);
}

}  // namespace
}  // namespace fanlight::ui
