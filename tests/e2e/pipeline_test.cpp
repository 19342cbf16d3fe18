// Server, load tester and recorder together: what the recording says must obey the laws of time and loss.
#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "collector/formats/profile.pb.h"
#include "tests/e2e/broadcast.hpp"
#include "tests/e2e/conservation.hpp"

namespace fanlight::testing {
namespace {

struct Folded {
  double total = 0;
  double with(const std::string& part) const {
    double weight = 0;
    for (const auto& [stack, ns] : lines) {
      if (stack.find(part) != std::string::npos) weight += ns;
    }
    return weight;
  }
  std::vector<std::pair<std::string, double>> lines;
};

Folded parse_folded(const std::string& text) {
  Folded folded;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    const std::size_t space = line.rfind(' ');
    folded.lines.emplace_back(line.substr(0, space), std::stod(line.substr(space + 1)));
    folded.total += folded.lines.back().second;
  }
  return folded;
}

std::string gunzip(const std::string& bytes) {
  z_stream stream{};
  if (::inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK) return {};
  std::string out(std::size_t{64} << 20, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int end = ::inflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  ::inflateEnd(&stream);
  return end == Z_STREAM_END ? out : std::string();
}

std::filesystem::path record(Broadcast& broadcast, const std::filesystem::path& directory,
                             std::vector<std::string> more = {}) {
  const std::filesystem::path file = directory / "run.fanlight";
  std::vector<std::string> arguments{"record", "--pid",      std::to_string(broadcast.server.pid()), "--for", "5s",
                                     "-o",     file.string()};
  arguments.insert(arguments.end(), more.begin(), more.end());
  fanlight(std::move(arguments));
  return file;
}

/// The ids of the BPF programs that a process holds a descriptor of. Source: /proc/PID/fdinfo, "prog_id:".
std::set<std::string> programs_of(pid_t pid) {
  std::set<std::string> ids;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fdinfo")) {
    std::istringstream text(read_file(entry.path()));
    for (std::string key, value; text >> key >> value;) {
      if (key == "prog_id:") ids.insert(value);
    }
  }
  return ids;
}

TEST(Pipeline, ARecordingObeysTheLaws) {
  const auto directory = scratch("pipeline");
  Broadcast broadcast(200, 400, 9);
  Witness witness(broadcast.server.pid());
  const double before = monotonic_now_ns();
  const auto file = record(broadcast, directory);
  const double after = monotonic_now_ns();
  const boost::json::object report = report_of(file);

  expect_window_within(report, before, after - 5e9, after);
  expect_time_adds_up(report, witness);
  expect_closed_ledger(report);

  const double window =
      number(report.at("window").as_object().at("to_ns")) - number(report.at("window").as_object().at("from_ns"));
  EXPECT_NEAR(window, 5e9, 0.5e9);
  const auto workers = std::ranges::count_if(report.at("threads").as_array(), [](const boost::json::value& thread) {
    return thread.as_object().at("name").as_string().starts_with("worker");
  });
  EXPECT_GE(workers, 1) << "who delivers is in the report";

  const Folded oncpu = parse_folded(fanlight({"export", file.string(), "--view", "oncpu", "--format", "folded"}));
  EXPECT_GE(oncpu.with("fanlight::server") / oncpu.total, 0.80);
  const Folded wall = parse_folded(fanlight({"export", file.string(), "--view", "wall", "--format", "folded"}));
  EXPECT_GT(wall.with("blocked: "), 0) << "the wall view holds blocked stacks";

  const std::string onto_itself = read_file(file);
  fanlight({"export", file.string(), "-o", file.string()}, 1);
  EXPECT_EQ(read_file(file), onto_itself) << "an export never replaces its own recording";

  const std::string pprof = fanlight({"export", file.string(), "--view", "oncpu", "--format", "pprof"});
  formats::proto::Profile message;
  ASSERT_TRUE(message.ParseFromString(gunzip(pprof)));
  ASSERT_EQ(message.sample_type_size(), 2);
  std::int64_t total = 0;
  for (const auto& sample : message.sample()) total += sample.value(1);
  EXPECT_EQ(static_cast<double>(total), oncpu.total);

  EXPECT_EQ(broadcast.load->wait(), 0) << broadcast.load->err();
  broadcast.server.signal(SIGTERM);
  EXPECT_EQ(broadcast.server.wait(), 0) << broadcast.server.err();
}

TEST(Pipeline, ATinyRingLosesAndCountsIt) {
  const auto directory = scratch("tiny_ring");
  Broadcast broadcast(200, 400, 9);
  Witness witness(broadcast.server.pid());
  const auto file = record(broadcast, directory, {"--ring", "4K"});
  const boost::json::object report = report_of(file);
  EXPECT_GT(expect_closed_ledger(report), 0u);
  expect_time_adds_up(report, witness);
}

/// What a target delivers in a second of time, and in one of its own CPU time: whoever else is on the machine takes
/// away from the former, what a collector leaves behind in the target from both.
struct Rate {
  double per_second = 0;
  double per_cpu_second = 0;
};

/// The best of several windows.
Rate best_rate(const Broadcast& broadcast, unsigned windows) {
  Rate best;
  clockid_t clock{};
  EXPECT_EQ(::clock_getcpuclockid(broadcast.server.pid(), &clock), 0);
  const auto cpu_seconds = [clock] {
    timespec now{};
    EXPECT_EQ(::clock_gettime(clock, &now), 0);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
  };
  for (unsigned i = 0; i < windows; ++i) {
    const double from_ns = monotonic_now_ns(), from_cpu = cpu_seconds(), delivered = broadcast.deliveries();
    std::this_thread::sleep_for(std::chrono::milliseconds(700));
    const double more = broadcast.deliveries() - delivered;
    best.per_second = std::max(best.per_second, more / (monotonic_now_ns() - from_ns) * 1e9);
    best.per_cpu_second = std::max(best.per_cpu_second, more / std::max(0.01, cpu_seconds() - from_cpu));
  }
  return best;
}

TEST(Pipeline, TheTargetSurvivesAKilledCollector) {
  const auto directory = scratch("killed");
  // More than two cores deliver, so that whatever slows the target shows in what it delivers.
  constexpr unsigned kFlood = 8000;
  Broadcast broadcast(200, kFlood, 60);
  best_rate(broadcast, 4);  // its first seconds, before queues are full, are not what it can keep up
  const Rate undisturbed = best_rate(broadcast, 6);
  ASSERT_GT(undisturbed.per_second, 0);
  ASSERT_LT(undisturbed.per_second, 0.9 * kFlood * 200) << "a target with time to spare hides what slows it";
  const pid_t server = broadcast.server.pid();
  Witness witness(server);
  const double before = monotonic_now_ns();
  const auto file = directory / "run.fanlight";
  Child collector({FANLIGHT_CLI, "record", "--pid", std::to_string(server), "-o", file.string()});
  ASSERT_FALSE(collector.await("recording ").empty()) << collector.err();
  const double open = monotonic_now_ns();
  std::this_thread::sleep_for(std::chrono::seconds(3));
  ASSERT_TRUE(collector.running()) << collector.err();
  const std::set<std::string> programs = programs_of(collector.pid());
  EXPECT_GE(programs.size(), 8u) << "what is looked for below must have been there";
  collector.signal(SIGKILL);
  EXPECT_EQ(collector.wait(), 128 + SIGKILL);
  const double after = monotonic_now_ns();
  // As many windows as before, so that neither side has more tries.
  const Rate afterwards = best_rate(broadcast, 6);
  EXPECT_GE(
      std::max(afterwards.per_second / undisturbed.per_second, afterwards.per_cpu_second / undisturbed.per_cpu_second),
      0.95)
      << afterwards.per_second << " of " << undisturbed.per_second << " per second";
  EXPECT_GE(afterwards.per_second, 0.5 * undisturbed.per_second) << "a thread that is stopped costs no CPU time";
  EXPECT_TRUE(broadcast.server.running());
  EXPECT_TRUE(broadcast.load->running()) << "who measured it must have been there to the end";

  Child loaded({FANLIGHT_BPFTOOL, "prog", "show"});
  EXPECT_EQ(loaded.wait(), 0) << loaded.err();
  for (const std::string& id : programs) {
    EXPECT_EQ(("\n" + loaded.out()).find("\n" + id + ": "), std::string::npos) << loaded.out();
  }

  const boost::json::object report = report_of(file);
  expect_window_within(report, before, open, after);
  expect_time_adds_up(report, witness);
  EXPECT_GE(number(report.at("window").as_object().at("to_ns")) - number(report.at("window").as_object().at("from_ns")),
            1e9)
      << "the seconds before the kill are in the file";
}

}  // namespace
}  // namespace fanlight::testing
