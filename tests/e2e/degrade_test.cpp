// Without privilege: the sampler inside the target alone, and words for what is missing. Never a silent blank.
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "tests/e2e/broadcast.hpp"

namespace fanlight::testing {
namespace {

/// The command, run as the same user but without any capability, as in an ordinary container.
std::vector<std::string> without_capabilities(std::vector<std::string> command) {
  command.insert(command.begin(), {"setpriv", "--bounding-set", "-all", "--inh-caps", "-all", "--"});
  return command;
}

std::size_t times(const std::string& part, const std::string& text) {
  std::size_t count = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size()) ++count;
  return count;
}

TEST(Degrade, InprocessOnlyAndSaysWhatIsMissing) {
  const auto file = scratch("degrade") / "run.fanlight";
  Child server(without_capabilities({FANLIGHT_SERVER, "--listen", "127.0.0.1:0"}));
  const std::string url = "http://127.0.0.1:" + Broadcast::port_of(server);
  Child load(
      {FANLIGHT_LOAD, "--url", url, "--sse", "50", "--ws", "50", "--rate", "400", "--size", "128", "--for", "6s"});
  Child recorder(without_capabilities(
      {FANLIGHT_CLI, "record", "--pid", std::to_string(server.pid()), "--for", "4s", "-o", file.string()}));
  EXPECT_EQ(recorder.wait(), 0) << recorder.err();
  EXPECT_EQ(times("without kernel probes", recorder.err()), 1u) << recorder.err();
  EXPECT_NE(recorder.err().find("CAP_BPF"), std::string::npos) << recorder.err();

  const boost::json::object report = report_of(file);
  EXPECT_NE(boost::json::serialize(report.at("forms")).find("kernel probes"), std::string::npos);
  EXPECT_TRUE(report.at("totals").is_null()) << "unknown is not zero";
  const std::string inprocess = fanlight({"export", file.string(), "--view", "inprocess", "--format", "folded"});
  EXPECT_NE(inprocess.find("worker-"), std::string::npos) << inprocess;
  EXPECT_FALSE(fanlight({"export", file.string(), "--view", "wall", "--format", "folded"}).empty())
      << "the wall view falls back to what there is";
}

/// As in an ordinary container: root, with the capabilities that Docker gives. Both hold them, so one may look at the
/// other, and must still be allowed to after the recorder has given up what it can.
TEST(Degrade, InAContainerFramesKeepTheirNames) {
  const auto file = scratch("degrade_container") / "run.fanlight";
  const auto in_container = [](std::vector<std::string> command) {
    command.insert(command.begin(), {"setpriv", "--bounding-set", "-all,+chown,+dac_override,+setuid,+setgid,+kill",
                                     "--inh-caps", "-all", "--"});
    return command;
  };
  Child server(in_container({FANLIGHT_SERVER, "--listen", "127.0.0.1:0"}));
  const std::string url = "http://127.0.0.1:" + Broadcast::port_of(server);
  Child load({FANLIGHT_LOAD, "--url", url, "--sse", "100", "--ws", "0", "--rate", "400", "--for", "5s"});
  Child recorder(in_container(
      {FANLIGHT_CLI, "record", "--pid", std::to_string(server.pid()), "--for", "3s", "-o", file.string()}));
  EXPECT_EQ(recorder.wait(), 0) << recorder.err();
  const std::string stacks = fanlight({"export", file.string(), "--view", "inprocess", "--format", "folded"});
  EXPECT_NE(stacks.find("fanlight::server"), std::string::npos) << stacks;
  EXPECT_EQ(stacks.find("[unmapped"), std::string::npos) << stacks;
}

/// A target that we may not look into is not one that publishes nothing.
TEST(Degrade, WithoutPtraceSaysThatItMayNotLook) {
  const auto file = scratch("degrade_ptrace") / "run.fanlight";
  Child server({FANLIGHT_SERVER, "--listen", "127.0.0.1:0"});
  Broadcast::port_of(server);
  Child recorder({"setpriv", "--bounding-set", "-sys_ptrace", "--inh-caps", "-sys_ptrace", "--", FANLIGHT_CLI, "record",
                  "--pid", std::to_string(server.pid()), "--for", "1s", "-o", file.string()});
  EXPECT_EQ(recorder.wait(), 0) << recorder.err();
  for (const char* word :
       {"without in-process sampler: ", "reading them needs CAP_SYS_PTRACE", "--cap-add SYS_PTRACE --pid=host",
        "without registry operations: Permission denied: to open the target's executable"}) {
    EXPECT_NE(recorder.err().find(word), std::string::npos) << word << "\n" << recorder.err();
  }
  EXPECT_EQ(recorder.err().find("publishes nothing"), std::string::npos) << recorder.err();
}

/// A kernel without BTF, as far as anyone can see who looks where it would be.
TEST(Degrade, WithoutKernelTypesTheInprocessSamplerGoesOnAndAHintSaysWhy) {
  const auto file = scratch("degrade_btf") / "run.fanlight";
  Child server({FANLIGHT_SERVER, "--listen", "127.0.0.1:0"});
  const std::string url = "http://127.0.0.1:" + Broadcast::port_of(server);
  Child load({FANLIGHT_LOAD, "--url", url, "--sse", "50", "--ws", "0", "--rate", "400", "--for", "4s"});
  // Only /sys is made private: a chroot's root is no mount that could be.
  const char* const without_types =
      "mount --make-rprivate /sys && mount -t tmpfs none /sys/kernel/btf || exit 77; exec \"$@\"";
  Child recorder({"unshare", "--mount", "--propagation", "unchanged", "sh", "-c", without_types, "sh", FANLIGHT_CLI,
                  "record", "--pid", std::to_string(server.pid()), "--for", "2s", "-o", file.string()});
  const int code = recorder.wait();
  if (code == 77) GTEST_SKIP() << "no file system may be mounted here, not even privately";
  EXPECT_EQ(code, 0) << recorder.err();
  const std::string report = fanlight({"report", file.string()});
  for (const std::string& text : {recorder.err(), report}) {
    EXPECT_EQ(times("read the kernel's types", text), 1u) << text;
    EXPECT_NE(text.find("CONFIG_DEBUG_INFO_BTF"), std::string::npos) << text;
  }
  EXPECT_NE(report.find("samples"), std::string::npos) << report;
}

/// Exactly what the tool asks for; names of kernel functions take one more.
TEST(Degrade, HiddenKernelSymbolsAreSaidToBe) {
  const auto file = scratch("degrade_syslog") / "run.fanlight";
  Child server({FANLIGHT_SERVER, "--listen", "127.0.0.1:0"});
  Broadcast::port_of(server);
  const auto record_with = [&](const std::string& capabilities) {
    Child recorder({"setpriv", "--inh-caps", "-all", "--bounding-set", capabilities, "--", FANLIGHT_CLI, "record",
                    "--pid", std::to_string(server.pid()), "--for", "1s", "-o", file.string()});
    EXPECT_EQ(recorder.wait(), 0) << recorder.err();
    return recorder.err();
  };
  const std::string without = record_with("-all,+bpf,+perfmon,+sys_ptrace,+dac_override");
  EXPECT_EQ(times("without kernel symbols: CAP_SYSLOG is missing", without), 1u) << without;
  EXPECT_NE(without.find("--cap-add SYSLOG"), std::string::npos) << without;
  const std::string report = fanlight({"report", file.string()});
  EXPECT_NE(report.find("missing: kernel symbols: CAP_SYSLOG"), std::string::npos) << report;
  const std::string with = record_with("-all,+bpf,+perfmon,+sys_ptrace,+dac_override,+syslog");
  EXPECT_EQ(with.find("kernel symbols"), std::string::npos) << with;
}

/// The summary of `record` and the header of the report count the same things. The target is busy, so that the sampler
/// inside, whose timers count CPU time, has something to say on any machine.
TEST(Degrade, RecordAndReportSpeakOfTheSameSamples) {
  const auto file = scratch("degrade_samples") / "run.fanlight";
  Child target({TRUTH_SPLIT, "60"});
  ASSERT_FALSE(target.await("ready").empty());
  target.send("go");
  Child recorder({FANLIGHT_CLI, "record", "--pid", std::to_string(target.pid()), "--for", "3s", "-o", file.string()});
  EXPECT_EQ(recorder.wait(), 0) << recorder.err();
  const std::string report = fanlight({"report", file.string()});
  const std::string header = report.substr(0, report.find(" sample"));
  const std::string count = header.substr(header.rfind(' ') + 1);
  EXPECT_NE(recorder.err().find(": " + count + " sample"), std::string::npos) << recorder.err() << report;
  const std::size_t agreement = report.find("they agree to ");
  ASSERT_NE(agreement, std::string::npos) << report;
  const std::string share = report.substr(agreement + 14, report.find('%', agreement) - agreement - 13);
  EXPECT_NE(recorder.err().find("the two samplers agree to " + share), std::string::npos) << recorder.err() << share;
}

TEST(Degrade, TheReportSaysThatTheMapProbeCameLate) {
  const auto file = scratch("degrade_maps") / "run.fanlight";
  Child target({TRUTH_MAP_OPS, "late"});
  ASSERT_FALSE(target.await("ready").empty());
  Child recorder({FANLIGHT_CLI, "record", "--pid", std::to_string(target.pid()), "--for", "3s", "-o", file.string()});
  ASSERT_FALSE(recorder.await("recording ").empty()) << recorder.err();
  target.send("go");
  EXPECT_EQ(recorder.wait(), 0) << recorder.err();
  const std::string report = fanlight({"report", file.string()});
  EXPECT_NE(report.find("map operations by tp_btf: attached "), std::string::npos) << report;
  EXPECT_NE(report.find("earlier operations are not counted"), std::string::npos) << report;
}

std::uint64_t status_mask(pid_t pid, const std::string& key) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/status");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(key + ":")) return std::stoull(line.substr(key.size() + 1), nullptr, 16);
  return ~std::uint64_t{0};
}

/// What attaching needed is gone afterwards, and the map probe, which comes and goes with the target's maps, still
/// works.
TEST(Degrade, PrivilegeIsGivenUpOnceAttached) {
  const auto file = scratch("privilege") / "run.fanlight";
  Child target({TRUTH_MAP_OPS, "late"});
  ASSERT_FALSE(target.await("ready").empty());
  Child recorder({FANLIGHT_CLI, "record", "--pid", std::to_string(target.pid()), "-o", file.string()});
  ASSERT_FALSE(recorder.await("recording ").empty()) << recorder.err();
  constexpr std::uint64_t kReading =
      1ull << CAP_SYS_PTRACE | 1ull << CAP_DAC_READ_SEARCH | 1ull << CAP_SYSLOG | 1ull << CAP_CHECKPOINT_RESTORE;
  for (const char* set : {"CapPrm", "CapEff", "CapBnd"})
    EXPECT_EQ(status_mask(recorder.pid(), set) & ~kReading, 0u) << set;
  target.send("go");
  ASSERT_FALSE(target.await("holding").empty());
  std::this_thread::sleep_for(std::chrono::milliseconds(2500));  // a reading is taken every second
  target.send("go");
  EXPECT_EQ(target.wait(), 0) << target.err();
  EXPECT_EQ(recorder.wait(), 0) << recorder.err();
  const boost::json::object report = report_of(file);
  std::uint64_t lookups = 0;
  for (const boost::json::value& row : report.at("maps").as_array())
    if (row.at("operation").as_string() == "lookup") lookups += row.at("count").to_number<std::uint64_t>();
  EXPECT_EQ(lookups, 10'000u) << boost::json::serialize(report.at("maps"));
}

TEST(Degrade, ADirectoryOfAnotherUserIsStillWrittenTo) {
  const auto directory = scratch("privilege_sudo");
  constexpr uid_t kNobody = 65534;
  ASSERT_EQ(::chown(directory.c_str(), kNobody, kNobody), 0);
  ASSERT_EQ(::chmod(directory.c_str(), 0700), 0);
  const auto file = directory / "run.fanlight";
  Child target({TRUTH_MAP_OPS, "late"});
  ASSERT_FALSE(target.await("ready").empty());
  Child recorder({FANLIGHT_CLI, "record", "--pid", std::to_string(target.pid()), "--for", "1s", "-o", file.string()});
  ASSERT_FALSE(recorder.await("recording ").empty()) << recorder.err();
  EXPECT_NE(status_mask(recorder.pid(), "CapEff") & 1ull << CAP_DAC_OVERRIDE, 0u);
  EXPECT_EQ(status_mask(recorder.pid(), "CapEff") & 1ull << CAP_BPF, 0u);
  EXPECT_EQ(recorder.wait(), 0) << recorder.err();
  EXPECT_FALSE(std::filesystem::exists(directory / "run.fanlight-wal"));
  EXPECT_TRUE(report_of(file).contains("threads"));
}

TEST(Degrade, NothingToSeeIsAnErrorWithAHint) {
  const auto file = scratch("degrade_nothing") / "run.fanlight";
  Child target(without_capabilities({"sleep", "20"}));
  Child recorder(without_capabilities(
      {FANLIGHT_CLI, "record", "--pid", std::to_string(target.pid()), "--for", "1s", "-o", file.string()}));
  EXPECT_EQ(recorder.wait(), 1);
  EXPECT_NE(recorder.err().find("hint: "), std::string::npos) << recorder.err();
  EXPECT_FALSE(std::filesystem::exists(file));
}

/// Either half would do, and each needs something else.
TEST(Degrade, WhatBothHalvesNeedIsInTheHint) {
  const auto file = scratch("degrade_both") / "run.fanlight";
  Child target({"sleep", "20"});
  Child recorder(without_capabilities(
      {FANLIGHT_CLI, "record", "--pid", std::to_string(target.pid()), "--for", "1s", "-o", file.string()}));
  EXPECT_EQ(recorder.wait(), 1);
  const std::string hint = recorder.err().substr(std::min(recorder.err().find("hint: "), recorder.err().size()));
  for (const char* word : {"--cap-add BPF", "--cap-add PERFMON", "--cap-add SYS_PTRACE", "--pid=host"})
    EXPECT_NE(hint.find(word), std::string::npos) << word << "\n" << recorder.err();
  EXPECT_FALSE(std::filesystem::exists(file));
}

TEST(Degrade, DoctorNamesWhatWouldGrantIt) {
  Child doctor(without_capabilities({FANLIGHT_CLI, "doctor"}));
  EXPECT_EQ(doctor.wait(), 0) << doctor.err();
  for (const char* word : {"CAP_BPF", "CAP_PERFMON", "CAP_SYS_PTRACE", "missing"}) {
    EXPECT_NE(doctor.out().find(word), std::string::npos) << word << "\n" << doctor.out();
  }
  std::istringstream lines(doctor.out());
  unsigned advised = 0;
  for (std::string line; std::getline(lines, line);) {
    for (const std::string name : {"BPF", "PERFMON", "SYS_PTRACE", "SYS_ADMIN", "SYSLOG"}) {
      if (!line.starts_with("missing: CAP_" + name + " ")) continue;
      ++advised;
      EXPECT_NE(line.find("--cap-add " + name), std::string::npos) << line;
    }
  }
  EXPECT_EQ(advised, 5u) << doctor.out();
  Child json(without_capabilities({FANLIGHT_CLI, "doctor", "--json"}));
  EXPECT_EQ(json.wait(), 0);
  EXPECT_FALSE(boost::json::parse(json.out()).as_object().at("can_record").as_bool());
}

}  // namespace
}  // namespace fanlight::testing
