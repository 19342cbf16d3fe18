// What goes wrong is one clear line, a hint and the right exit code; nothing is left attached or half-written.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <sstream>
#include <string_view>

#include "tests/e2e/broadcast.hpp"
#include "tests/e2e/conservation.hpp"

namespace fanlight::testing {
namespace {

struct Said {
  int code = 0;
  std::string err;
};

Said run(std::vector<std::string> command) {
  Child child(std::move(command));
  child.close_stdin();
  const int code = child.wait();
  return {code, child.err()};
}

TEST(Errors, OneLineAHintAndTheRightCode) {
  const auto directory = scratch("errors");
  const std::string foreign = (directory / "foreign.fanlight").string();
  std::ofstream(foreign) << "this is no recording, and it is long enough to be mistaken for a header of one; "
                         << std::string(4096, 'x');
  const std::string cut = (directory / "cut.fanlight").string();
  std::ofstream(cut) << "SQLite format 3";
  const std::string comments = (directory / "comments").string();
  std::ofstream(comments) << "# nothing\n# but words 3\n";
  const std::string me = std::to_string(::getpid());
  const std::string nothing = (directory / "nothing.fanlight").string();
  struct Case {
    const char* name;
    std::vector<std::string> command;
    int code;
    const char* part;
  };
  const std::vector<Case> cases{
      {"no command", {FANLIGHT_CLI}, 2, "hint: "},
      {"unknown command", {FANLIGHT_CLI, "explode"}, 2, "explode"},
      {"nothing to watch with", {FANLIGHT_CLI, "record", "--pid", "1", "--no-kernel", "--no-inprocess"}, 2, "nothing"},
      {"a directory", {FANLIGHT_CLI, "report", directory.string()}, 1, "that you may read"},
      {"unknown option", {FANLIGHT_CLI, "record", "--pid", "1", "--frobnicate"}, 2, "frobnicate"},
      {"no pid", {FANLIGHT_CLI, "record"}, 2, "--pid"},
      {"two ways at once", {FANLIGHT_CLI, "record", "--pid", "1", "--comm", "x"}, 2, "not several"},
      {"a name that is too long", {FANLIGHT_CLI, "record", "--comm", "a-name-of-17-char"}, 2, "15 letters"},
      {"no such cgroup", {FANLIGHT_CLI, "record", "--cgroup", "no/such/group", "-o", nothing}, 1, "no/such/group"},
      {"pid is no number", {FANLIGHT_CLI, "record", "--pid", "abc"}, 2, "hint: "},
      {"no such pid", {FANLIGHT_CLI, "record", "--pid", "4194300", "-o", nothing}, 1, "4194300"},
      {"time makes no sense", {FANLIGHT_CLI, "record", "--pid", "1", "--for", "soon"}, 2, "soon"},
      {"time is too long",
       {FANLIGHT_CLI, "record", "--pid", "1", "--for", "99999999999999h"},
       2,
       "longer than 1000 days"},
      {"output is no recording", {FANLIGHT_CLI, "record", "--pid", me, "-o", foreign}, 1, "is not a recording"},
      {"ring is no power of two", {FANLIGHT_CLI, "record", "--pid", "1", "--ring", "5000"}, 2, "power of two"},
      {"no such recording", {FANLIGHT_CLI, "report", nothing}, 1, "nothing.fanlight"},
      {"foreign file", {FANLIGHT_CLI, "report", foreign}, 1, "hint: "},
      {"a few bytes of a recording", {FANLIGHT_CLI, "report", cut}, 1, "cut short after 15 bytes"},
      {"a time that was not recorded",
       {FANLIGHT_CLI, "report", FANLIGHT_SOURCE_DIR "/tests/data/recordings/v1.fanlight", "--from", "20h"},
       1,
       "--from lies behind the end"},
      {"nothing but comments", {FANLIGHT_CLI, "report", comments}, 1, "hint: give a recording"},
      {"output without a name", {FANLIGHT_CLI, "record", "--pid", me, "-o", ""}, 2, "name of a file is empty"},
      {"export without a name", {FANLIGHT_CLI, "export", foreign, "-o", ""}, 2, "name of a file is empty"},
      {"foreign file for export", {FANLIGHT_CLI, "export", foreign}, 1, "hint: "},
      {"unknown view", {FANLIGHT_CLI, "export", foreign, "--view", "sideways"}, 2, "oncpu"},
      {"unknown format", {FANLIGHT_CLI, "export", foreign, "--format", "docx"}, 2, "folded"},
      {"server: unknown option", {FANLIGHT_SERVER, "--frobnicate"}, 2, "hint: "},
      {"load: unknown option", {FANLIGHT_LOAD, "--frobnicate"}, 2, "hint: "},
      {"load: nobody listens",
       {FANLIGHT_LOAD, "--url", "http://127.0.0.1:1", "--sse", "1", "--for", "1s"},
       1,
       "hint: "},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const Said said = run(c.command);
    EXPECT_EQ(said.code, c.code) << said.err;
    EXPECT_NE(said.err.find(c.part), std::string::npos) << said.err;
    EXPECT_NE(said.err.find("hint: "), std::string::npos) << said.err;
    for (const char* clumsy : {"record: record", "attach: attach", "; \n", "File exists"})
      EXPECT_EQ(said.err.find(clumsy), std::string::npos) << said.err;
  }
  EXPECT_FALSE(std::filesystem::exists(nothing)) << "a record that failed leaves no file";
}

/// As a full disk is: told in a line, and no half file is left.
TEST(Errors, ALimitOnTheSizeOfFilesIsSaid) {
  const auto file = scratch("errors_limit") / "run.fanlight";
  Child target({TRUTH_SPLIT, "60"});
  ASSERT_FALSE(target.await("ready").empty());
  const Said said = run({"sh", "-c", "ulimit -f 20; exec \"$@\"", "sh", FANLIGHT_CLI, "record", "--pid",
                         std::to_string(target.pid()), "--for", "2s", "-o", file.string()});
  EXPECT_EQ(said.code, 1) << said.err;
  EXPECT_NE(said.err.find("hint: "), std::string::npos) << said.err;
  EXPECT_TRUE(std::filesystem::is_empty(file.parent_path()));
}

TEST(Errors, AZombieIsNotRecorded) {
  const auto file = scratch("errors_zombie") / "run.fanlight";
  const pid_t zombie = ::fork();
  ASSERT_GE(zombie, 0);
  if (zombie == 0) ::_exit(0);
  siginfo_t info;
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(zombie), &info, WEXITED | WNOWAIT), 0);
  const Said said = run({FANLIGHT_CLI, "record", "--pid", std::to_string(zombie), "-o", file.string()});
  EXPECT_EQ(said.code, 1);
  EXPECT_NE(said.err.find("process " + std::to_string(zombie) + " has already exited (zombie)"), std::string::npos)
      << said.err;
  EXPECT_NE(said.err.find("hint: "), std::string::npos) << said.err;
  EXPECT_FALSE(std::filesystem::exists(file));
  ASSERT_EQ(::waitpid(zombie, nullptr, 0), zombie);
}

TEST(Errors, HelpIsNotAnError) {
  for (const std::vector<std::string>& command :
       std::vector<std::vector<std::string>>{{FANLIGHT_CLI, "--help"},
                                             {FANLIGHT_CLI, "record", "--help"},
                                             {FANLIGHT_SERVER, "--help"},
                                             {FANLIGHT_LOAD, "--help"}}) {
    Child child(command);
    EXPECT_EQ(child.wait(), 0);
    EXPECT_NE(child.out().find("xample"), std::string::npos) << child.out();
  }
  Child record({FANLIGHT_CLI, "record", "--help"});
  EXPECT_EQ(record.wait(), 0);
  EXPECT_NE(record.out().find("Usage: fanlight record "), std::string::npos) << record.out();
}

TEST(Errors, TakenPort) {
  Child first({FANLIGHT_SERVER, "--listen", "127.0.0.1:0"});
  const std::string port = Broadcast::port_of(first);
  const Said second = run({FANLIGHT_SERVER, "--listen", "127.0.0.1:" + port});
  EXPECT_EQ(second.code, 1);
  EXPECT_NE(second.err.find("in use"), std::string::npos) << second.err;
  const Said attach =
      run({FANLIGHT_CLI, "attach", "--pid", std::to_string(first.pid()), "--listen", "127.0.0.1:" + port});
  EXPECT_EQ(attach.code, 1);
  EXPECT_NE(attach.err.find("in use"), std::string::npos) << attach.err;
}

/// "2.00 s" of "... it was watched for 2.00 s".
double watched_seconds(const std::string& said) {
  const std::size_t at = said.find("the target exited; it was watched for ");
  if (at == std::string::npos) return -1;
  double number = 0;
  char unit[8] = "";
  if (std::sscanf(said.c_str() + at, "the target exited; it was watched for %lf %3[a-z]", &number, unit) != 2)
    return -1;
  return std::string(unit) == "s" ? number : std::string(unit) == "ms" ? number / 1000 : -1;
}

TEST(Errors, AttachSaysHowLongItSawATargetThatExits) {
  const auto begin = std::chrono::steady_clock::now();
  Child target({"sleep", "3"});
  Child attach({FANLIGHT_CLI, "attach", "--pid", std::to_string(target.pid()), "--listen", "127.0.0.1:0"});
  ASSERT_FALSE(attach.await("serving on ").empty()) << attach.err();
  target.wait();
  ASSERT_FALSE(attach.await("the target exited").empty()) << attach.err();
  const double seen = watched_seconds(attach.err());
  EXPECT_GT(seen, 0.0) << attach.err();
  EXPECT_LT(seen, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  attach.signal(SIGINT);
  EXPECT_EQ(attach.wait(), 0);
}

TEST(Errors, AnAttachThatFailsNamesItsStepOnce) {
  Child target({"setpriv", "--bounding-set", "-all", "--inh-caps", "-all", "--", "sleep", "20"});
  const Said said = run({"setpriv", "--bounding-set", "-all", "--inh-caps", "-all", "--", FANLIGHT_CLI, "attach",
                         "--pid", std::to_string(target.pid()), "--listen", "127.0.0.1:0"});
  EXPECT_EQ(said.code, 1);
  EXPECT_NE(said.err.find("fanlight: attach"), std::string::npos) << said.err;
  EXPECT_EQ(said.err.find("attach: attach"), std::string::npos) << said.err;
}

TEST(Errors, TheTargetExitsWhileItIsWatched) {
  const auto file = scratch("exits") / "run.fanlight";
  const double born = monotonic_now_ns();
  Child target({"sleep", "3"});
  const double attaching = monotonic_now_ns();
  Child recorder({FANLIGHT_CLI, "record", "--pid", std::to_string(target.pid()), "--for", "60s", "-o", file.string()});
  ASSERT_FALSE(recorder.await("recording ").empty()) << recorder.err();
  const double attached = monotonic_now_ns();
  target.wait();  // reaped, so that the pid is gone
  const double gone = monotonic_now_ns();
  EXPECT_EQ(recorder.wait_for(std::chrono::seconds(20)), 0) << recorder.err();
  const std::string said = recorder.err();
  EXPECT_NE(said.find("the target exited"), std::string::npos) << said;

  // When it ended is known from outside: a sleep of 3 s ends no earlier than that, and not after it was reaped.
  const boost::json::object report = report_of(file);
  const boost::json::object& thread = report.at("threads").as_array().at(0).as_object();
  const double from = number(thread.at("from_ns")), to = number(thread.at("to_ns"));
  EXPECT_TRUE(thread.at("ended").as_bool());
  EXPECT_GE(from, attaching);
  EXPECT_LE(from, attached);
  EXPECT_GE(to, born + 3e9);
  EXPECT_LE(to, gone);

  // How long it was watched is said in words, to three digits, at the end and in the report; noticing takes a moment.
  const std::string text = fanlight({"report", file.string()});
  for (const std::string& words : {said, text}) {
    constexpr std::string_view kWatched = "the target exited; it was watched for ";
    const std::size_t at = words.find(kWatched);
    ASSERT_NE(at, std::string::npos) << words;
    std::istringstream number_and_unit(words.substr(at + kWatched.size()));
    double amount = 0;
    std::string unit;
    number_and_unit >> amount >> unit;
    EXPECT_TRUE(unit.starts_with("s")) << words;
    EXPECT_NEAR(amount * 1e9, to - from, 0.1 * (to - from)) << words;
  }
}

TEST(Errors, CtrlCLeavesAWholeRecording) {
  const auto file = scratch("ctrl_c") / "run.fanlight";
  Child target({"sleep", "30"});
  Child recorder({FANLIGHT_CLI, "record", "--pid", std::to_string(target.pid()), "-o", file.string()});
  std::this_thread::sleep_for(std::chrono::milliseconds(1500));
  recorder.signal(SIGINT);
  EXPECT_EQ(recorder.wait(), 0) << recorder.err();
  const auto report = report_of(file);
  for (const auto& event : report.at("events").as_array()) {
    EXPECT_EQ(event.as_object().at("text").as_string().find("not finished"), std::string::npos);
  }
}

}  // namespace
}  // namespace fanlight::testing
