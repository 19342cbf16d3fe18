// What the dashboard costs. Usage: bench_ui [--quick]. Frames are built without a screen, as ImGui hands them to the
// rasteriser; the last two figures are of the program itself, drawn by llvmpipe, and need Xvfb.
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "core/clock.hpp"
#include "tests/bench/figures.hpp"
#include "tests/ui/fabricate.hpp"
#include "tests/ui/live_collector.hpp"
#include "tests/ui/screen.hpp"
#include "tests/ui/stage.hpp"
#include "ui/app/composer.hpp"
#include "ui/model/live_source.hpp"

namespace fanlight::ui {
namespace {

using bench::figure;

/// Of this thread. Not getrusage, which counts in ticks of the scheduler: a frame is shorter than one.
double cpu_ms() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

double wall_ms() { return static_cast<double>(monotonic_ns()) / 1e6; }

void say(const std::string& name, double value, const char* unit) {
  std::printf("%-64s %10.3f %s\n", name.c_str(), value, unit);
  std::fflush(stdout);
  figure(name, value, unit);
}

/// `events` changes of state over ten minutes, 64 threads, each running, waiting, ready in turn.
profile::Profile many_events(std::size_t events, std::size_t threads, std::uint64_t begin, std::uint64_t length) {
  profile::Profile profile;
  for (std::size_t i = 0; i < threads; ++i)
    profile.threads.push_back({.tid = static_cast<pid_t>(100 + i), .name = "worker-" + std::to_string(i)});
  std::mt19937_64 random(7);
  const double step = static_cast<double>(length) / static_cast<double>(events);
  constexpr Reason kTurns[] = {Reason::running, Reason::poll,  Reason::runnable_queued,
                               Reason::running, Reason::futex, Reason::runnable_waking};
  profile.timeline.reserve(events);
  for (std::size_t i = 0; i < events; ++i)
    profile.timeline.push_back({.time_ns = begin + static_cast<std::uint64_t>(step * static_cast<double>(i)),
                                .thread = static_cast<profile::ThreadId>(random() % threads),
                                .reason = kTurns[(i / threads + random() % 2) % 6]});
  return profile;
}

void timeline_frames(std::size_t most) {
  constexpr std::uint64_t kBegin = 1'000'000'000, kLength = 600'000'000'000;
  double first = 0;
  for (std::size_t events = 100'000; events <= most; events *= 10) {
    TimelineStore store(std::size_t{8} << 30);
    // In pieces, as they come, so that memory for making them stays small.
    const std::size_t pieces = std::max<std::size_t>(1, events / 5'000'000);
    for (std::size_t piece = 0; piece < pieces; ++piece)
      store.take(many_events(events / pieces, 64, kBegin + kLength / pieces * piece, kLength / pieces));
    profile::Profile profile = testing::fabricate({.seconds = 600, .threads = 1, .start_ns = kBegin}).query();
    const auto timeline = store.timeline();
    for (const TrackName& track : timeline->tracks()) profile.threads.push_back({.tid = track.tid, .name = track.name});
    testing::Stage stage({std::make_shared<const profile::Profile>(std::move(profile)), nullptr, store.timeline()},
                         1920, 1080);
    stage.ui().widgets = nullptr;
    stage.shell().enlarged = PanelId::timeline;
    stage.frames(5);
    // Every frame another stretch, as under the wheel: nothing may be kept from the frame before.
    constexpr int kFrames = 60;
    std::vector<double> costs;
    int most_vertices = 0;
    for (int i = 0; i < kFrames; ++i) {
      const double share = std::pow(0.85, i % 30);
      stage.ui().timeline.from_ns =
          kBegin + static_cast<std::uint64_t>(static_cast<double>(kLength) * 0.3 * (1 - share));
      stage.ui().timeline.to_ns =
          stage.ui().timeline.from_ns + static_cast<std::uint64_t>(static_cast<double>(kLength) * share);
      const double before = cpu_ms();
      stage.frame();
      costs.push_back(cpu_ms() - before);
      most_vertices = std::max(most_vertices, stage.vertices());
    }
    double sum = 0;
    for (const double cost : costs) sum += cost;
    const double mean = sum / kFrames;
    if (first == 0) first = mean;
    char name[80];
    std::snprintf(name, sizeof name, "timeline of 64 threads, %.0e events: a frame", static_cast<double>(events));
    say(name, mean, "ms CPU");
    say(std::string(name) + ", against 1e5 events", mean / first, "x");
    say(std::string(name) + ", most quads", most_vertices / 4.0, "quads");
  }
}

profile::Profile wide_profile(std::size_t nodes) {
  profile::Window window(testing::fabricated_target(), 0);
  profile::Tables& tables = window.tables();
  const profile::ThreadId thread = tables.thread_born(1, "worker");
  std::vector<profile::FrameId> frames;
  for (std::size_t i = 0; i < 20'000; ++i)
    frames.push_back(tables.frame({profile::FrameOrigin::user, "/bin/server", i, "function_" + std::to_string(i)}));
  profile::Slice slice{.from_ns = 1, .to_ns = 1'000'000'001};
  std::mt19937_64 random(3);
  // Each stack shares its first ten frames with others and has about twenty of its own.
  for (std::size_t made = 0; made < nodes; made += 20) {
    profile::Stack stack;
    std::uint64_t prefix = random() % 512;
    for (int depth = 0; depth < 10; ++depth, prefix /= 2)
      stack.push_back(frames[(static_cast<std::size_t>(depth) * 1024 + prefix) % frames.size()]);
    for (int depth = 0; depth < 20; ++depth) stack.push_back(frames[random() % frames.size()]);
    slice.samples.push_back(
        {Sampler::kernel_cpu, Reason::running, thread, tables.stack(stack), 1'000'000 + random() % 1'000'000, 1});
  }
  window.append(std::move(slice));
  return window.query();
}

void flame_frames() {
  const auto profile = std::make_shared<const profile::Profile>(wide_profile(1'000'000));
  double before = wall_ms();
  const profile::WeightedStacks stacks = profile::view(*profile, profile::View::on_cpu);
  const FlameTree tree = build_flame_tree(stacks);
  say("flame graph of " + std::to_string(tree.nodes.size()) + " nodes: opened, from the profile", wall_ms() - before,
      "ms");
  testing::Stage stage({profile}, 1920, 1080);
  stage.ui().widgets = nullptr;
  stage.shell().enlarged = PanelId::flame;
  stage.frames(5);
  constexpr int kFrames = 60;
  before = cpu_ms();
  stage.frames(kFrames);
  say("flame graph of a million nodes: a frame", (cpu_ms() - before) / kFrames, "ms CPU");
  say("flame graph of a million nodes: quads", stage.vertices() / 4.0, "quads");
}

/// Ten minutes of 16 threads: 999 samples a second each, on 40 stacks.
profile::Window long_window(unsigned seconds) {
  profile::Window window(testing::fabricated_target(), 0, std::size_t{2} << 30);
  profile::Tables& tables = window.tables();
  std::vector<profile::ThreadId> threads;
  for (int i = 0; i < 16; ++i) threads.push_back(tables.thread_born(100 + i, "worker-" + std::to_string(i)));
  std::vector<profile::StackId> stacks;
  std::mt19937_64 random(5);
  for (int i = 0; i < 400; ++i) {
    profile::Stack stack;
    for (int depth = 0; depth < 24; ++depth)
      stack.push_back(tables.frame(
          {profile::FrameOrigin::user, "/bin/server", random() % 3000, "f" + std::to_string(random() % 3000)}));
    stacks.push_back(tables.stack(stack));
  }
  for (unsigned second = 0; second < seconds; ++second) {
    profile::Slice slice{.from_ns = 1 + second * 1'000'000'000ull, .to_ns = 1 + (second + 1) * 1'000'000'000ull};
    for (const profile::ThreadId thread : threads) {
      profile::ThreadSlice row{.thread = thread, .from_ns = slice.from_ns, .to_ns = slice.to_ns};
      row.ns[static_cast<std::size_t>(Reason::running)] = 1'000'000'000;
      slice.threads.push_back(row);
      for (int i = 0; i < 40; ++i)
        slice.samples.push_back(
            {Sampler::kernel_cpu, Reason::running, thread, stacks[random() % stacks.size()], 25'000'000, 25});
    }
    window.append(std::move(slice));
  }
  return window;
}

template <class Ready>
bool wait_until(Ready ready) {
  for (int i = 0; i < 20'000; ++i) {
    if (ready()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return false;
}

void selections() {
  testing::LiveCollector collector(long_window(600));
  LiveSource source(Endpoint{"127.0.0.1", std::to_string(collector.port())}, nullptr);
  Composer composer(source.arrivals(), nullptr);
  std::vector<double> times;
  for (int i = 0; i < 12; ++i) {
    // A whole window, a tenth, a second: any selection.
    const std::uint64_t length = i % 3 == 0 ? 600 : i % 3 == 1 ? 60 : 1;
    const Range range{Range::Kind::fixed, 0, 2'000'000 + static_cast<std::uint64_t>(i) * 1'000'000'000,
                      length * 1'000'000'000 + static_cast<std::uint64_t>(i) * 1'000'000'000};
    const double before = wall_ms();
    source.ask(range);
    composer.look({.deep = false}, {});
    Mailbox<Arrival>::Pointer arrival;
    if (!wait_until([&] {
          arrival = source.arrivals().newest();
          return arrival && arrival->range == range && arrival->profile;
        }))
      return say("selection to flame graph: no answer", -1, "ms");
    composer.poke();
    wait_until([&] {
      const auto scene = composer.scenes().newest();
      return scene && scene->seen.profile == arrival->profile;
    });
    if (i >= 3) times.push_back(wall_ms() - before);
    if (i >= 9)
      say("selection of " + std::to_string(length) + " s of 16 threads at 999 Hz, to the flame graph", times.back(),
          "ms");
  }
  say("any selection to the flame graph, the slowest of nine", *std::max_element(times.begin(), times.end()), "ms");
}

double child_cpu_seconds(const rusage& usage) {
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

void the_program() {
  const testing::Screen screen;
  if (!screen.works()) {
    std::printf("no screen: %s\nhint: apt-get install xvfb\n", screen.why().c_str());
    return;
  }
  const auto run = [&](std::vector<std::string> arguments) {
    rusage before{}, after{};
    ::getrusage(RUSAGE_CHILDREN, &before);
    const double began = wall_ms();
    fanlight::testing::Child child(screen.command(std::move(arguments)));
    child.wait_for(std::chrono::seconds(120));
    ::getrusage(RUSAGE_CHILDREN, &after);
    return std::pair(wall_ms() - began, child_cpu_seconds(after) - child_cpu_seconds(before));
  };
  testing::LiveCollector still(testing::fabricate({.seconds = 120, .threads = 64}));
  const std::string place = "127.0.0.1:" + std::to_string(still.port());
  run({"--connect", place, "--for", "1s"});  // files are read once
  std::vector<double> starts;
  for (int i = 0; i < 3; ++i)
    starts.push_back(
        run({"--connect", place, "--screenshot", "/dev/null", "--after", "1ms", "--size", "1920x1080"}).first);
  std::sort(starts.begin(), starts.end());
  say("started, connected, first picture with data and gone again", starts[1], "ms");
  const double idle = run({"--connect", place, "--for", "21s", "--size", "1920x1080"}).second -
                      run({"--connect", place, "--for", "1s", "--size", "1920x1080"}).second;
  say("CPU while nothing moves, 64 threads", idle / 20 * 100, "% of a core");
  testing::LiveCollector growing(testing::fabricate({.seconds = 400, .threads = 64, .rich = true}),
                                 testing::LiveCollector::Manner::proper, 0, true);
  const double live =
      run({"--connect", "127.0.0.1:" + std::to_string(growing.port()), "--for", "21s", "--size", "1920x1080"}).second -
      run({"--connect", place, "--for", "1s", "--size", "1920x1080"}).second;
  say("CPU at 5 updates a second of 64 threads, drawn by llvmpipe", live / 20 * 100, "% of a core");
}

}  // namespace
}  // namespace fanlight::ui

int main(int argc, char** argv) {
  const bool quick = argc > 1 && std::string_view(argv[1]) == "--quick";
  if (argc > 1 && !quick) {
    std::fprintf(stderr, "bench_ui: unknown argument %s\nhint: bench_ui [--quick]; quick stops at 1e7 events\n",
                 argv[1]);
    return 2;
  }
  fanlight::ui::timeline_frames(quick ? 10'000'000 : 100'000'000);
  fanlight::ui::flame_frames();
  fanlight::ui::selections();
  fanlight::ui::the_program();
}
