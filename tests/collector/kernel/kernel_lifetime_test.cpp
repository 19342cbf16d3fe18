// What is attached goes away, whatever happens; what cannot be attached says why.
#include <bpf/bpf.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <filesystem>
#include <map>
#include <set>
#include <sstream>

#include "collector/kernel/doctor.hpp"
#include "tests/collector/kernel/recorded.hpp"

namespace fanlight::kernel {
namespace {

/// Ids of the BPF programs that a process holds descriptors of.
std::set<unsigned> programs_of(pid_t pid) {
  std::set<unsigned> ids;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/fdinfo", ignored)) {
    std::ifstream info(entry.path());
    for (std::string line; std::getline(info, line);)
      if (line.starts_with("prog_id:")) ids.insert(static_cast<unsigned>(std::stoul(line.substr(8))));
  }
  return ids;
}

bool any_loaded(const std::set<unsigned>& ids) {
  for (const unsigned id : ids) {
    const Fd program{bpf_prog_get_fd_by_id(id)};
    if (program) return true;
  }
  return false;
}

TEST(Lifetime, KillNineLeavesNothingLoadedAndTheTargetRunning) {
  testing::Child target({TRUTH_SPLIT, "60"});
  ASSERT_FALSE(target.await("ready").empty());
  target.send("go");
  testing::Child holder({KERNEL_HOLDER, std::to_string(target.pid())});
  holder.await("attached", std::chrono::seconds(20));
  const std::set<unsigned> programs = programs_of(holder.pid());
  ASSERT_GE(programs.size(), 8u) << holder.err();
  ASSERT_TRUE(any_loaded(programs));
  holder.signal(SIGKILL);
  EXPECT_EQ(holder.wait(), 128 + SIGKILL);
  // The kernel takes them apart in the background.
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (any_loaded(programs) && std::chrono::steady_clock::now() < limit)
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_FALSE(any_loaded(programs));
  EXPECT_TRUE(target.running());
}

TEST(Lifetime, ThreadsKeepTheNumbersThatTheCollectorKnowsThemBy) {
  // unshare --mount-proc would do, but not inside a chroot, whose root is no mount of its own.
  const char* const own_proc = "mount --make-private /proc && mount -t proc proc /proc && exec \"$@\"";
  struct Case {
    const char* name;
    std::vector<std::string> command;
  };
  for (const Case& c : {Case{"same namespace", {KERNEL_HOLDER, "--spawn", TRUTH_SPLIT, "5"}},
                        Case{"both in a container",
                             {"unshare", "--pid", "--fork", "--kill-child", "--mount", "--propagation", "unchanged",
                              "sh", "-c", own_proc, "sh", KERNEL_HOLDER, "--spawn", TRUTH_SPLIT, "5"}}}) {
    SCOPED_TRACE(c.name);
    testing::Child holder(c.command);
    EXPECT_EQ(holder.wait(), 0) << holder.out() << holder.err();
    EXPECT_NE(holder.out().find("same 1 threads 1 "), std::string::npos) << holder.out();
    EXPECT_NE(holder.out().find("strangers 0"), std::string::npos) << holder.out();
  }
}

TEST(Lifetime, SeesIntoAContainerFromOutside) {
  testing::Child container({"unshare", "--pid", "--fork", "--kill-child", TRUTH_BIRTHS, "50"});
  ASSERT_EQ(container.await("ready "), "1");
  std::ifstream children("/proc/" + std::to_string(container.pid()) + "/task/" + std::to_string(container.pid()) +
                         "/children");
  pid_t inside = 0;
  children >> inside;
  ASSERT_GT(inside, 1);
  auto probes = Probes::attach({.pid = inside});
  ASSERT_TRUE(probes) << probes.error().what;
  container.send("go");
  EXPECT_EQ(container.wait(), 0);
  const auto reading = probes->read();
  ASSERT_TRUE(reading) << reading.error().what;
  EXPECT_EQ(reading->threads.size(), 51u);
  for (const ThreadReading& thread : reading->threads) EXPECT_GT(thread.tid, 1);
}

TEST(Lifetime, ATargetThatEndsLeavesAValidReading) {
  testing::Child program({TRUTH_BIRTHS, "1"});
  ASSERT_FALSE(program.await("ready").empty());
  auto probes = Probes::attach({.pid = program.pid()});
  ASSERT_TRUE(probes);
  program.signal(SIGKILL);
  program.wait();
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(probes->poll(std::chrono::milliseconds(30), [](RawSample&&) {}));
    const auto reading = probes->read();
    ASSERT_TRUE(reading) << reading.error().what;
    expect_closed(reading->ledger);
    EXPECT_EQ(reading->threads.size(), i == 0 ? 1u : 0u);
  }
}

TEST(Attach, SaysWhatIsWrong) {
  // A pid that was ours and is gone.
  const pid_t gone = ::fork();
  if (gone == 0) ::_exit(0);
  ::waitpid(gone, nullptr, 0);
  struct Case {
    const char* name;
    Options options;
    const char* what;
  };
  for (const Case& c :
       {Case{"no such process", {.pid = gone}, "attach to pid"}, Case{"no pid", {.pid = -1}, "is no pid"},
        Case{"no rate", {.pid = 1, .sample_hz = 0}, "samples per second"},
        Case{"odd ring", {.pid = 1, .ring_bytes = 5000}, "ring of 5000 bytes"},
        Case{"tiny ring", {.pid = 1, .ring_bytes = 1024}, "ring of 1024 bytes"}}) {
    SCOPED_TRACE(c.name);
    const auto probes = Probes::attach(c.options);
    ASSERT_FALSE(probes);
    EXPECT_NE(probes.error().what.find(c.what), std::string::npos) << probes.error().what;
    EXPECT_FALSE(probes.error().hint.empty());
  }
}

TEST(Attach, NamesTheCapabilitiesThatAreMissing) {
  testing::Child target({TRUTH_SPLIT, "5"});
  ASSERT_FALSE(target.await("ready").empty());
  testing::Child holder(
      {"setpriv", "--bounding-set=-all", "--inh-caps=-all", KERNEL_HOLDER, std::to_string(target.pid())});
  EXPECT_EQ(holder.wait(), 1);
  EXPECT_NE(holder.err().find("CAP_BPF, CAP_PERFMON"), std::string::npos) << holder.err();
}

std::string why_of_maps(const Probes& probes) {
  for (const Form& form : probes.forms())
    if (form.probe == "map operations") return form.why;
  return "no such form";
}

TEST(Attach, SaysWhenTheMapProbeCameLate) {
  testing::Child program({TRUTH_MAP_OPS, "late"});
  ASSERT_FALSE(program.await("ready").empty());
  auto probes = Probes::attach({.pid = program.pid()});
  ASSERT_TRUE(probes) << probes.error().what;
  EXPECT_EQ(why_of_maps(*probes), "");
  program.send("go");
  program.await("holding");
  ASSERT_TRUE(probes->read());
  const std::string why = why_of_maps(*probes);
  EXPECT_TRUE(why.starts_with("attached ")) << why;
  EXPECT_NE(why.find(" after the start, when the target came to hold maps; earlier"), std::string::npos) << why;
  program.send("go");
  EXPECT_EQ(program.wait(), 0) << program.err();
  const auto reading = probes->read();
  ASSERT_TRUE(reading) << reading.error().what;
  EXPECT_EQ(reading->maps.size(), 3u) << "from then on they are counted";
  EXPECT_EQ(why_of_maps(*probes), why) << "said once and kept";
}

TEST(Attach, OfMapsThatAreHeldAlreadyNothingIsMissed) {
  testing::Child program({TRUTH_MAP_OPS});
  ASSERT_FALSE(program.await("ready").empty());
  auto probes = Probes::attach({.pid = program.pid()});
  ASSERT_TRUE(probes) << probes.error().what;
  ASSERT_TRUE(probes->read());
  EXPECT_EQ(why_of_maps(*probes), "");
}

/// What doctor and a recording say of registry operations must agree, whatever this kernel asks for.
TEST(Attach, SaysOfUprobesWhatDoctorSays) {
  testing::Child target({TRUTH_REGISTRY_OPS});
  ASSERT_FALSE(target.await("ready").empty());
  struct Case {
    const char* name;
    const char* bounding;
  };
  for (const Case& c :
       {Case{"with all", "+all"}, Case{"with CAP_SYS_ADMIN", "-all,+bpf,+perfmon,+sys_ptrace,+sys_admin"},
        Case{"without it", "-all,+bpf,+perfmon,+sys_ptrace"}}) {
    SCOPED_TRACE(c.name);
    testing::Child holder({"setpriv", "--bounding-set", c.bounding, "--inh-caps", "-all", "--", KERNEL_HOLDER,
                           "--forms", std::to_string(target.pid())});
    ASSERT_EQ(holder.wait(), 0) << holder.err();
    std::map<std::string, std::string> said;
    std::istringstream lines(holder.out());
    for (std::string line; std::getline(lines, line);) {
      const std::size_t at = line.find(" registry operations: ");
      if (at != std::string::npos) said[line.substr(0, at)] = line.substr(at + 22);
    }
    ASSERT_EQ(said.size(), 2u) << holder.out();
    EXPECT_EQ(said["doctor"], said["attached"]);
    if (said["doctor"].starts_with("none")) {
      EXPECT_STREQ(c.name, "without it") << said["doctor"];
      EXPECT_NE(said["doctor"].find("CAP_SYS_ADMIN is missing"), std::string::npos) << said["doctor"];
      EXPECT_NE(said["doctor"].find("--cap-add SYS_ADMIN"), std::string::npos) << said["doctor"];
    }
  }
}

TEST(Doctor, KnowsWhatThisKernelGives) {
  const Diagnosis diagnosis = diagnose();
  EXPECT_TRUE(diagnosis.btf);
  EXPECT_TRUE(diagnosis.can_record);
  EXPECT_EQ(diagnosis.forms.size(), 13u);
  EXPECT_EQ(diagnosis.forms.back().probe, "user stacks");
  EXPECT_EQ(diagnosis.forms.back().form, ".eh_frame");
  EXPECT_FALSE(diagnosis.kernel.empty());
  for (const Form& form : diagnosis.forms)
    EXPECT_TRUE((form.form == "none") == !form.why.empty()) << form.probe << ": " << form.form << " " << form.why;
}

TEST(Doctor, FindsNothingInAnEmptyWorld) {
  const auto root = std::filesystem::temp_directory_path() / ("fanlight-doctor-" + std::to_string(::getpid()));
  std::filesystem::create_directories(root / "run");
  std::ofstream(root / "run/.containerenv") << "";
  const Diagnosis diagnosis = diagnose(root);
  std::filesystem::remove_all(root);
  EXPECT_FALSE(diagnosis.btf);
  EXPECT_FALSE(diagnosis.can_record);
  EXPECT_EQ(diagnosis.container, "podman");
  EXPECT_FALSE(diagnosis.missing.empty());
  for (const Form& form : diagnosis.forms) EXPECT_EQ(form.form, "none");
}

}  // namespace
}  // namespace fanlight::kernel
