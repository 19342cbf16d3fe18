// A recording of five million samples, exported. Set-up (writing the recording) happens in a child, so that the memory
// that is reported is the export's own.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <string>

#include "collector/formats/folded.hpp"
#include "collector/formats/html.hpp"
#include "collector/formats/pprof.hpp"
#include "collector/profile/view.hpp"
#include "collector/store/recording.hpp"
#include "core/fd.hpp"

namespace {

using namespace fanlight;

constexpr std::uint64_t kSecond = 1'000'000'000;

/// Ten minutes of 16 threads at 521 Hz: five million samples on 20,000 stacks of 32 frames, of which each second sees
/// some hundreds a thread.
void write_recording(const std::filesystem::path& path) {
  profile::Window window({.pid = 1, .name = "bench", .sample_hz = 521}, 0);
  profile::Tables& tables = window.tables();
  std::mt19937_64 random(1);
  std::vector<profile::FrameId> frames;
  for (std::uint64_t i = 0; i < 8000; ++i) {
    frames.push_back(
        tables.frame({.module = "/opt/bench/lib" + std::to_string(i % 20) + ".so",
                      .offset = 0x1000 + i * 64,
                      .name = "bench::component_" + std::to_string(i % 40) + "::function_" + std::to_string(i)}));
  }
  std::vector<profile::StackId> stacks;
  for (std::uint64_t i = 0; i < 20'000; ++i) {
    // Callers are shared as in real programs: the deeper, the more ways there are.
    profile::Stack stack;
    std::uint64_t way = i;
    for (std::uint64_t depth = 0; depth < 32; ++depth) {
      const std::uint64_t ways = depth < 8 ? 1 : depth < 16 ? 16 : depth < 24 ? 256 : 20'000;
      stack.push_back(frames[(way % ways * 131 + depth * 250) % frames.size()]);
    }
    stacks.push_back(tables.stack(stack));
  }
  std::vector<profile::ThreadId> threads;
  for (int i = 0; i < 16; ++i) threads.push_back(tables.thread_born(100 + i, "worker-" + std::to_string(i)));
  auto recorder = store::Recorder::create(path, window.target(), 0);
  if (!recorder) std::abort();
  for (std::uint64_t second = 0; second < 600; ++second) {
    profile::Slice slice{.from_ns = (second + 1) * kSecond, .to_ns = (second + 2) * kSecond};
    for (const profile::ThreadId thread : threads) {
      profile::ThreadSlice row{.thread = thread, .from_ns = slice.from_ns, .to_ns = slice.to_ns};
      row.ns[0] = kSecond;
      slice.threads.push_back(row);
      for (std::uint64_t left = 521; left > 0;) {
        const std::uint64_t count = std::min<std::uint64_t>(left, 1 + random() % 8);
        left -= count;
        // Few stacks are hot, as in real programs.
        const double draw = static_cast<double>(random() >> 11) * 0x1.0p-53;
        const auto stack = stacks[static_cast<std::size_t>(draw * draw * draw * static_cast<double>(stacks.size()))];
        slice.samples.push_back({Sampler::kernel_cpu, Reason::running, thread, stack, count * (kSecond / 521), count, 0,
                                 slice.from_ns + random() % kSecond});
      }
    }
    if (!recorder->append(tables, slice)) std::abort();
  }
  if (!recorder->finish(window.target())) std::abort();
}

const std::filesystem::path& recording() {
  static const std::filesystem::path path = [] {
    std::filesystem::path made =
        std::filesystem::temp_directory_path() / ("bench-" + std::to_string(::getpid()) + ".fanlight");
    const pid_t child = ::fork();
    if (child == 0) {
      write_recording(made);
      ::_exit(0);
    }
    int status = 0;
    if (::waitpid(child, &status, 0) != child || status != 0) std::abort();
    static std::filesystem::path to_remove;
    to_remove = made;
    std::atexit([] { std::filesystem::remove(to_remove); });
    return made;
  }();
  return path;
}

/// Runs `work` in a child and reports how much memory that child had at most.
template <class Work>
void in_child(benchmark::State& state, Work work) {
  const std::filesystem::path file = recording();
  long most_kb = 0;
  for (auto _ : state) {
    const pid_t child = ::fork();
    if (child == 0) {
      // Not what was inherited: the high-water mark begins anew.
      if (std::FILE* reset = std::fopen("/proc/self/clear_refs", "w")) {
        std::fputs("5", reset);
        std::fclose(reset);
      }
      ::_exit(work(file) ? 0 : 1);
    }
    int status = 0;
    rusage usage{};
    ::wait4(child, &status, 0, &usage);
    if (status != 0) state.SkipWithError("the export failed");
    most_kb = std::max(most_kb, usage.ru_maxrss);
  }
  state.counters["max_rss_MB"] = static_cast<double>(most_kb) / 1024;
  state.counters["file_MB"] = static_cast<double>(std::filesystem::file_size(file)) / 1e6;
  state.counters["samples"] = 600.0 * 16 * 521;
}

template <class Render>
bool exported(const std::filesystem::path& file, Render render) {
  profile::WeightedStacks stacks;
  {
    profile::Profile profile;
    {
      const auto window = store::open_recording(file);
      if (!window) return false;
      profile = window->query();
    }
    stacks = profile::view(profile, profile::View::on_cpu);
  }
  return render(stacks);
}

void BM_open(benchmark::State& state) {
  in_child(state, [](const auto& file) { return static_cast<bool>(store::open_recording(file)); });
}
BENCHMARK(BM_open)->Unit(benchmark::kMillisecond)->UseRealTime()->Iterations(3);

void BM_folded(benchmark::State& state) {
  in_child(state, [](const auto& file) {
    return exported(file, [](const auto& stacks) {
      const Fd nowhere(::open("/dev/null", O_WRONLY | O_CLOEXEC));
      return static_cast<bool>(formats::folded(stacks, [&](std::string_view piece) -> Result<> {
        if (::write(nowhere.get(), piece.data(), piece.size()) < 0) return fail(errno, "write");
        return {};
      }));
    });
  });
}
BENCHMARK(BM_folded)->Unit(benchmark::kMillisecond)->UseRealTime()->Iterations(3);

void BM_html(benchmark::State& state) {
  in_child(state, [](const auto& file) {
    return exported(file, [](const auto& stacks) { return !formats::html(stacks).empty(); });
  });
}
BENCHMARK(BM_html)->Unit(benchmark::kMillisecond)->UseRealTime()->Iterations(3);

void BM_pprof(benchmark::State& state) {
  in_child(state, [](const auto& file) {
    return exported(file, [](const auto& stacks) { return static_cast<bool>(formats::pprof(stacks)); });
  });
}
BENCHMARK(BM_pprof)->Unit(benchmark::kMillisecond)->UseRealTime()->Iterations(3);

}  // namespace
