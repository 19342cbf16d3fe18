#include "collector/formats/report.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "collector/formats/table.hpp"
#include "collector/formats/top_stacks.hpp"
#include "tests/collector/profile/made_windows.hpp"
#include "tests/golden.hpp"

namespace fanlight::formats {
namespace {

namespace json = boost::json;

TEST(Report, OfTheBroadcaster) {
  testing::expect_golden("broadcaster.report.txt", report_text(testing::broadcaster().query()));
}

TEST(Report, JsonHoldsTheSameNumbersUnrounded) {
  const json::value report = json::parse(report_json(testing::broadcaster().query()));
  EXPECT_EQ(report.at("schema").to_number<int>(), 1);
  EXPECT_EQ(report.at("target").at("pid").to_number<int>(), 4242);
  EXPECT_EQ(report.at("window").at("duration_ns").to_number<std::uint64_t>(), 2'000'000'000u);
  EXPECT_EQ(report.at("totals").at("running").to_number<std::uint64_t>(), 1'401'000'002u);
  EXPECT_EQ(report.at("totals").at("blocked").at("epoll/poll/select").to_number<std::uint64_t>(), 399'999'998u);
  EXPECT_EQ(report.at("totals").at("sum_ns").to_number<std::uint64_t>(), 2'500'000'000u);
  EXPECT_EQ(report.at("threads").as_array().size(), 2u);
  EXPECT_EQ(report.at("threads").at(0).at("total_ns").to_number<std::uint64_t>(), 2'000'000'000u);
  EXPECT_EQ(report.at("top_stacks").at(0).at("weight_ns").to_number<std::uint64_t>(), 973'913'045u);
  EXPECT_EQ(report.at("top_stacks").at(0).at("frames").at(4).as_string(), "tcp_sendmsg_[k]");
  EXPECT_EQ(report.at("sockets").at("would_block").to_number<int>(), 24);
  EXPECT_EQ(report.at("sockets").at("by_errno"), (json::object{{"EPIPE", 2}}));
  EXPECT_EQ(report.at("threads").at(0).at("socket").at("by_errno").at("EPIPE").to_number<int>(), 2);
  EXPECT_EQ(report.at("maps").at(0).at("count").to_number<int>(), 10'000);
  EXPECT_EQ(report.at("maps").at(1).at("errors").to_number<int>(), 100);
  EXPECT_EQ(report.at("registries").at(0).at("hold_ns").to_number<int>(), 120'000'000);
  EXPECT_EQ(report.at("metrics").at(0).at("per_second").to_number<double>(), 84'000);
  EXPECT_GT(report.at("metrics").at(3).at("histogram").at("p99_ns").to_number<double>(), 2'999'999);
  EXPECT_TRUE(report.at("cross_check").at("possible").as_bool());
  EXPECT_EQ(report.at("ledger").at(0).at("balance").to_number<int>(), 0);
  EXPECT_EQ(report.at("ledger").at(0).at("dropped").at("ring full").to_number<int>(), 4);
  EXPECT_EQ(report.at("cost").at("programs").as_array().size(), 2u);
  EXPECT_EQ(report.at("forms").as_array().size(), 4u);
  EXPECT_EQ(report.at("events").as_array().size(), 2u);
}

TEST(Report, OfAnyProfileIsWholeAndNeverThrows) {
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE(seed);
    const profile::Profile profile = testing::random_window(seed).query();
    EXPECT_NO_THROW(json::parse(report_json(profile)));
    const std::string text = report_text(profile);
    EXPECT_EQ(text.find('\t'), std::string::npos) << "no control character of a name comes through";
    EXPECT_EQ(text.find("nan"), std::string::npos);
  }
}

TEST(Report, OfAnEmptyProfileSaysThatNothingWasSeen) {
  EXPECT_NE(report_text({}).find("nothing was seen"), std::string::npos);
  EXPECT_NO_THROW(json::parse(report_json({})));
}

TEST(Report, WithoutASliceClaimsNoTime) {
  profile::Profile profile;
  profile.target = testing::broadcaster().target();
  profile.realtime_offset_ns = 1'700'000'000'000'000'000;
  const std::string text = report_text(profile);
  EXPECT_NE(text.find("\nnothing was recorded\n"), std::string::npos) << text;
  for (const char* claim : {" from 20", "0 threads", "0.00 ns"})
    EXPECT_EQ(text.find(claim), std::string::npos) << claim << "\n" << text;
  profile.from_ns = 5;
  profile.to_ns = 6;
  EXPECT_EQ(report_text(profile).find("nothing was recorded"), std::string::npos);
}

TEST(Report, NoMapOperationsAreSaidToBeNone) {
  const std::string none = "\nMap operations through bpf(2)\n  none: ";
  profile::Profile profile = testing::broadcaster().query();
  EXPECT_EQ(report_text(profile).find(none), std::string::npos);
  profile.maps.clear();
  profile.target.forms = {{"map operations", "tp_btf", ""}};
  EXPECT_NE(report_text(profile).find(none), std::string::npos) << report_text(profile);
  profile.target.forms = {{"map operations", "none", "refused"}};
  EXPECT_EQ(report_text(profile).find(none), std::string::npos) << "nobody looked";
  profile.target.forms = {};
  EXPECT_EQ(report_text(profile).find(none), std::string::npos) << "nobody looked";
}

TEST(Report, FewSamplesAreSaidToTellNothing) {
  profile::Profile profile = testing::broadcaster().query();
  EXPECT_EQ(report_text(profile).find("too few to tell"), std::string::npos);
  for (profile::SampleRow& row : profile.samples) row.count = row.sampler == Sampler::inprocess_cpu ? 1 : row.count;
  std::erase_if(profile.samples, [kept = 29u](const profile::SampleRow& row) mutable {
    return row.sampler == Sampler::inprocess_cpu && (kept == 0 || kept-- == 0);
  });
  EXPECT_NE(report_text(profile).find("in process: too few to tell)"), std::string::npos);
}

TEST(Report, ARegistryThatNobodyWaitsForSaysSo) {
  profile::Profile profile = testing::broadcaster().query();
  kernel::RegistryReading shared{.registry = "mutex", .operation = "lookup", .count = 5, .wait_ns = 7000};
  kernel::RegistryReading alone{.registry = "per-core", .operation = "lookup", .count = 5, .hold_ns = 9};
  shared.wait.add(1400, 5);
  alone.wait.add(0, 5);
  profile.registries = {shared, alone};
  const std::string report = report_text(profile);
  const std::size_t line = report.find("per-core");
  ASSERT_NE(line, std::string::npos) << report;
  EXPECT_EQ(report.substr(line, report.find('\n', line) - line).find("0.00 ns"), std::string::npos) << report;
  EXPECT_NE(report.find("7.00 us"), std::string::npos) << report;
}

TEST(Report, SaysWhatIsMissingAndWhatIsLessThanBest) {
  const std::string text = report_text(testing::broadcaster().query());
  EXPECT_NE(text.find("missing: registry operations: the target has no such point"), std::string::npos);
  EXPECT_NE(text.find("socket writes by tp_btf: fentry is refused"), std::string::npos);
  EXPECT_EQ(text.find("scheduler by"), std::string::npos) << "what is as good as it gets needs no words";
  EXPECT_NE(text.find("stacks blocked in libc are short without frame pointers"), std::string::npos);
}

TEST(Report, WaitingIsNoHeavyStackHoweverLongItTakes) {
  struct Case {
    const char* name;
    Reason reason;
    const char* leaf;
    bool idle;
  };
  for (const Case& c :
       {Case{"epoll", Reason::poll, "epoll_wait", true}, Case{"sleep", Reason::sleep, "nanosleep", true},
        Case{"signals", Reason::event, "sigtimedwait", true}, Case{"lock", Reason::futex, "lock", false},
        Case{"unknown", Reason::other, "do_wait", false}}) {
    SCOPED_TRACE(c.name);
    profile::Profile profile;
    profile.frames = {{profile::FrameOrigin::user, "/bin/x", 1, c.leaf}};
    profile.stacks = {{0}};
    profile.threads = {{.tid = 1, .name = "main"}};
    profile.threads[0].ns[static_cast<std::size_t>(c.reason)] = 1'000'000;
    profile.samples = {{Sampler::kernel_blocked, c.reason, 0, 0, 10, 1}};
    const TopStacks top = top_stacks(profile, 5);
    EXPECT_EQ(top.idle, c.idle ? 1'000'000u : 0u);
    EXPECT_EQ(top.stacks.size(), c.idle ? 0u : 1u);
  }
}

TEST(Table, AlignsAndLeavesOutEmptyColumns) {
  Table table({"name", "<kind", "count", "never"});
  table.add({"a", "x", "5", "-"});
  table.add({"na\xc3\xafve", "longer", "12345", ""});
  EXPECT_EQ(table.text("  "), "  name   kind    count\n  a      x           5\n  na\xc3\xafve  longer  12345\n");
}

TEST(Table, ShortensInTheMiddleByCharacters) {
  EXPECT_EQ(shortened("short", 10), "short");
  EXPECT_EQ(shortened("0123456789", 8), "012..789");
  EXPECT_EQ(shortened("\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9", 5), "\xc3\xa9..\xc3\xa9\xc3\xa9");
}

}  // namespace
}  // namespace fanlight::formats
