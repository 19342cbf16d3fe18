// What watching costs the target and the kernel, at the highest rates of events that a program can make: hand-overs
// between two threads on one CPU, and sends. Bare and watched alternate; the difference is what a user pays.
#include <benchmark/benchmark.h>
#include <sys/socket.h>

#include <cmath>
#include <map>
#include <optional>
#include <string>
#include <thread>

#include "collector/kernel/probes.hpp"
#include "core/clock.hpp"
#include "tests/child.hpp"

namespace fanlight {
namespace {

/// The mean time of each program over what it ran meanwhile, by the kernel's own statistics.
void report_programs(benchmark::State& state, const kernel::Reading& reading) {
  for (const kernel::ProgramCost& program : reading.programs)
    if (program.runs > 1000)
      state.counters[program.name + "_ns"] = static_cast<double>(program.run_ns) / static_cast<double>(program.runs);
}

/// Runs `command` to its end, watched or not, and returns how long it took after it was let go.
double run(benchmark::State& state, const std::vector<std::string>& command, bool watched, std::string& out,
           bool at_switch = false) {
  testing::Child program(command);
  if (program.await("ready").empty()) {
    state.SkipWithError("the program did not start");
    return 0;
  }
  std::optional<kernel::Probes> probes;
  if (watched) {
    auto attached = kernel::Probes::attach(
        {.pid = program.pid(), .waits_per_second = at_switch ? 200u : 0u, .program_stats = state.range(1) != 0});
    if (!attached) {
      state.SkipWithError(attached.error().what.c_str());
      return 0;
    }
    probes.emplace(std::move(*attached));
  }
  const std::uint64_t begin = monotonic_ns();
  program.send("go");
  while (program.running()) {
    if (!probes) {
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
      continue;
    }
    (void)probes->poll(std::chrono::milliseconds(100), [](RawSample&&) {});
    (void)probes->read();
  }
  const auto took = static_cast<double>(monotonic_ns() - begin);
  if (probes) {
    if (const auto reading = probes->read()) report_programs(state, *reading);
  }
  out = program.out();
  return took;
}

double number_in(const std::string& text, const std::string& key) {
  const std::size_t at = text.find("\"" + key + "\":");
  return at == std::string::npos ? 0 : std::stod(text.substr(at + key.size() + 3));
}

/// Hand-overs between two threads on one CPU; the iteration's time is what a switch took.
void time_switches(benchmark::State& state, bool watched, bool at_switch) {
  std::string out;
  (void)run(state, {TRUTH_SWITCHES, "1", "pinned"}, watched, out, at_switch);
  const double switches = number_in(out, "voluntary") + number_in(out, "preempted");
  if (switches > 0) state.SetIterationTime(number_in(out, "ran_ns") / switches / 1e9);
}

/// Unit: ns per switch. Arguments: watched; with the kernel's statistics, which cost time of their own.
void BM_switch(benchmark::State& state) {
  for (auto _ : state) time_switches(state, state.range(0) != 0, false);
}
BENCHMARK(BM_switch)
    ->ArgNames({"watched", "stats"})
    ->Args({0, 0})
    ->Args({1, 0})
    ->Args({1, 1})
    ->UseManualTime()
    ->Iterations(1)
    ->Repetitions(5)
    ->Unit(benchmark::kNanosecond)
    ->ReportAggregatesOnly();

/// The same with stacks of waits taken as they begin, instead of by visits. Arguments: that; the kernel's statistics.
void BM_waits(benchmark::State& state) {
  for (auto _ : state) time_switches(state, true, state.range(0) != 0);
}
BENCHMARK(BM_waits)
    ->ArgNames({"as_they_begin", "stats"})
    ->Args({0, 0})
    ->Args({1, 0})
    ->Args({0, 0})
    ->Args({1, 0})
    ->Args({0, 1})
    ->Args({1, 1})
    ->UseManualTime()
    ->Iterations(1)
    ->Repetitions(5)
    ->Unit(benchmark::kNanosecond)
    ->ReportAggregatesOnly();

/// How far the share of long waits is from the exact one, in percent, among sampled time for one reason, when few long
/// and many short waits take turns; views scale samples to the exact total of the reason. Argument: by visits 20 ms
/// apart, or as waits begin. Time: the run.
void BM_bias(benchmark::State& state) {
  double error = 0, squares = 0, runs = 0, stacks = 0;
  for (auto _ : state) {
    testing::Child program({TRUTH_MIXTURE, "words", "4"});
    (void)program.await("ready");
    auto probes = kernel::Probes::attach(
        {.pid = program.pid(), .waits_per_second = state.range(0) != 0 ? 200u : 0u, .program_stats = false});
    if (!probes) return state.SkipWithError(probes.error().what.c_str());
    std::map<std::uint64_t, double> sampled, exact;
    const auto take = [&](const RawSample& sample) {
      if (sample.sampler != Sampler::kernel_blocked || sample.reason != Reason::futex) return;
      sampled[sample.lock] += static_cast<double>(sample.weight);
      ++stacks;
    };
    program.send("go");
    while (program.running()) {
      for (int i = 0; i < 10; ++i) (void)probes->poll(std::chrono::milliseconds(50), take);
      const auto reading = probes->read();
      if (!reading) return state.SkipWithError(reading.error().what.c_str());
      for (const kernel::LockReading& lock : reading->locks) exact[lock.address] = static_cast<double>(lock.wait_ns);
    }
    const auto short_word = static_cast<std::uint64_t>(number_in(program.out(), "short_word"));
    const auto long_word = static_cast<std::uint64_t>(number_in(program.out(), "long_word"));
    const auto share = [&](std::map<std::uint64_t, double>& of) {
      return 100 * of[long_word] / (of[long_word] + of[short_word]);
    };
    const double one = share(sampled) - share(exact);
    error += one;
    squares += one * one;
    ++runs;
  }
  state.counters["error_percent"] = error / runs;
  state.counters["deviation_percent"] = std::sqrt(std::max(0.0, squares / runs - error * error / runs / runs));
  state.counters["samples"] = stacks / runs;
}
BENCHMARK(BM_bias)->ArgName("as_they_begin")->Arg(0)->Arg(1)->Iterations(10)->UseRealTime()->Unit(benchmark::kSecond);

/// Unit: ns per send of 128 bytes on a socket pair, the other end read by the same thread.
void BM_send(benchmark::State& state) {
  for (auto _ : state) {
    std::string out;
    (void)run(state, {TRUTH_SENDS, "1"}, state.range(0) != 0, out);
    const double sends = number_in(out, "sends");
    if (sends > 0) state.SetIterationTime(number_in(out, "send_ns") / sends / 1e9);
  }
}
BENCHMARK(BM_send)
    ->ArgNames({"watched", "stats"})
    ->Args({0, 0})
    ->Args({1, 0})
    ->Args({1, 1})
    ->UseManualTime()
    ->Iterations(1)
    ->Repetitions(5)
    ->Unit(benchmark::kNanosecond)
    ->ReportAggregatesOnly();

}  // namespace
}  // namespace fanlight
