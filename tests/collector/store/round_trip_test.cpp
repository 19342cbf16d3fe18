#include <gtest/gtest.h>
#include <sqlite3.h>

#include "tests/collector/profile/made_windows.hpp"
#include "tests/collector/store/files.hpp"

namespace fanlight::store {
namespace {

using testing::describe;
using testing::record;
using testing::StoreTest;

class RoundTrip : public StoreTest {};

TEST_F(RoundTrip, AFileOfTheFirstVersionOpens) {
  const auto window = open_recording(std::filesystem::path(FANLIGHT_SOURCE_DIR) / "tests/data/recordings/v1.fanlight");
  ASSERT_TRUE(window) << window.error().what;
  // The numbers are those that SQL finds in the file.
  const profile::Profile profile = window->query();
  EXPECT_EQ(profile.target.name, "fanlight-server");
  EXPECT_EQ(profile.target.weight_unit, "nanoseconds");
  EXPECT_EQ(window->slices().size(), 2u);
  std::size_t rows = 0;
  for (const profile::Slice& slice : window->slices()) rows += slice.samples.size();
  EXPECT_EQ(rows, 88u);
  EXPECT_EQ(profile::sum(profile::totals(profile)), 6184786031u);
  std::uint64_t on_cpu = 0;
  for (const auto& row : profile.samples) on_cpu += row.sampler == Sampler::kernel_cpu ? row.weight : 0;
  EXPECT_EQ(on_cpu, 616161610u);
  for (const LedgerEntry& entry : profile.ledger) EXPECT_EQ(entry.balance(), 0) << entry.source;
  // Written again it is a file of this version with the same content.
  ASSERT_TRUE(record(file(), *window));
  profile::Profile again = open_recording(file())->query();
  EXPECT_EQ(describe(again), describe(profile));
}

TEST_F(RoundTrip, AFileOfTheSecondVersionOpens) {
  const auto window = open_recording(std::filesystem::path(FANLIGHT_SOURCE_DIR) / "tests/data/recordings/v2.fanlight");
  ASSERT_TRUE(window) << window.error().what;
  const profile::Profile profile = window->query();
  EXPECT_EQ(profile.target.name, "unwind_target");
  EXPECT_EQ(window->slices().size(), 1u);
  EXPECT_EQ(window->slices()[0].samples.size(), 23u);
  EXPECT_EQ(profile::sum(profile::totals(profile)), 2225557733u);
  std::uint64_t blocked = 0;
  for (const auto& row : profile.samples) blocked += row.sampler == Sampler::kernel_blocked ? row.weight : 0;
  EXPECT_EQ(blocked, 1960741662u);
  for (const profile::StackFound& found : profile.found) EXPECT_TRUE(found.empty()) << "it does not tell";
  ASSERT_TRUE(record(file(), *window));
  EXPECT_EQ(describe(open_recording(file())->query()), describe(profile));
}

TEST_F(RoundTrip, BringsBackAnyWindow) {
  for (std::uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    const profile::Window window = testing::random_window(seed);
    const auto recorded = record(file(), window);
    ASSERT_TRUE(recorded) << recorded.error().what;
    const auto back = open_recording(file());
    ASSERT_TRUE(back) << back.error().what;
    EXPECT_EQ(describe(back->query()), describe(window.query()));
    if (window.slices().size() < 2) continue;
    const auto& middle = window.slices()[1];
    EXPECT_EQ(describe(back->query(middle.from_ns, middle.to_ns)),
              describe(window.query(middle.from_ns, middle.to_ns)));
  }
}

TEST_F(RoundTrip, NamesThatBecomeKnownLaterAreStored) {
  profile::Window window = testing::broadcaster();
  auto recorder = Recorder::create(file(), window.target(), 0);
  ASSERT_TRUE(recorder);
  ASSERT_TRUE(recorder->append(window.tables(), window.slices()[0]));
  window.tables().rename_frame(4, "fanlight::server::late()");
  window.tables().rename_thread(0, "renamed");
  ASSERT_TRUE(recorder->append(window.tables(), window.slices()[1]));
  ASSERT_TRUE(recorder->finish(window.target()));
  const auto back = open_recording(file());
  ASSERT_TRUE(back) << back.error().what;
  EXPECT_EQ(back->tables().frames()[4].name, "fanlight::server::late()");
  EXPECT_EQ(back->tables().threads()[0].name, "renamed");
}

TEST_F(RoundTrip, NamesThatBecomeKnownAfterTheLastSliceAreStored) {
  profile::Window window = testing::broadcaster();
  auto recorder = Recorder::create(file(), window.target(), 0);
  ASSERT_TRUE(recorder);
  ASSERT_TRUE(recorder->append(window.tables(), window.slices()[0]));
  window.tables().rename_frame(4, "fanlight::server::late()");
  const auto renamed = recorder->rename(window.tables());
  ASSERT_TRUE(renamed) << renamed.error().what;
  ASSERT_TRUE(recorder->finish(window.target()));
  EXPECT_EQ(open_recording(file())->tables().frames()[4].name, "fanlight::server::late()");
}

TEST_F(RoundTrip, FinishLeavesOneFileAndTheLastWordOnTheTarget) {
  const profile::Window window = testing::broadcaster();
  auto recorder = Recorder::create(file(), {}, 0);
  ASSERT_TRUE(recorder);
  ASSERT_TRUE(recorder->append(window.tables(), window.slices()[0]));
  ASSERT_TRUE(recorder->finish(window.target()));
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory_)) files += entry.exists() ? 1 : 0;
  EXPECT_EQ(files, 1u);
  const auto back = open_recording(file());
  ASSERT_TRUE(back);
  EXPECT_EQ(back->target().name, "fanlight-server");
  EXPECT_EQ(back->target().forms.size(), 4u);
  EXPECT_EQ(back->query().events.size(), 2u) << "nothing but what the slice said";
}

TEST_F(RoundTrip, CountsBeyondTheSignedRangeStayReadable) {
  profile::Window window({}, 0);
  const auto thread = window.tables().thread(1, "t");
  profile::Slice slice{.from_ns = 1, .to_ns = 2};
  slice.samples = {{Sampler::kernel_cpu, Reason::running, thread, window.tables().stack({}), ~std::uint64_t{0}, 1}};
  window.append(slice);
  ASSERT_TRUE(record(file(), window));
  const auto back = open_recording(file());
  ASSERT_TRUE(back) << back.error().what;
  EXPECT_EQ(back->query().samples.at(0).weight, ~std::uint64_t{0} >> 1);
}

TEST_F(RoundTrip, TheFileAnswersQueriesOfPeople) {
  ASSERT_TRUE(record(file(), testing::broadcaster()));
  sqlite3* raw = nullptr;
  ASSERT_EQ(sqlite3_open(file().c_str(), &raw), SQLITE_OK);
  const auto answer = [&](const char* sql) {
    std::string text;
    sqlite3_exec(
        raw, sql,
        [](void* out, int columns, char** values, char**) {
          for (int i = 0; i < columns; ++i)
            *static_cast<std::string*>(out) += std::string(values[i] ? values[i] : "-") + "|";
          return 0;
        },
        &text, nullptr);
    return text;
  };
  EXPECT_EQ(
      answer("SELECT state, sum(ns) FROM thread_reason_ns JOIN reason ON reason.id = reason GROUP BY 1 ORDER BY 1"),
      "blocked|998999998|runnable|100000000|running|1401000002|");
  EXPECT_EQ(answer("SELECT DISTINCT frames FROM stack_text JOIN sample USING (stack) WHERE weight = 202020200"),
            "start_thread;fanlight::server::Worker::run();fanlight::server::encode<Sse>(std::string_view)|");
  EXPECT_EQ(
      answer(
          "SELECT stack_frame.position, name FROM stack_frame JOIN frame ON frame.id = frame JOIN sample USING (stack) "
          "WHERE sampler = 1 AND slice = 0 ORDER BY 1"),
      "0|epoll_wait|1|ep_poll|");
  EXPECT_EQ(answer("SELECT text FROM governor"), "on-CPU sampling lowered from 99 to 49 Hz|");
  EXPECT_EQ(answer("SELECT sum(h.count) FROM map_op JOIN histogram h ON h.id = latency WHERE operation = 'lookup'"),
            "6|");
  sqlite3_close(raw);
}

TEST_F(RoundTrip, OnlyRecordingsAreReplaced) {
  const profile::Window window = testing::broadcaster();
  ASSERT_TRUE(record(file(), window));
  ASSERT_TRUE(record(file(), window)) << "a recording makes room for the next";
  testing::write_bytes(file("notes.txt"), "not to be lost");
  testing::write_bytes(file("empty"), "");
  EXPECT_TRUE(Recorder::create(file("empty"), {}, 0)) << "nothing is lost with an empty file";
  sqlite3* foreign = nullptr;
  ASSERT_EQ(sqlite3_open(file("other.db").c_str(), &foreign), SQLITE_OK);
  sqlite3_exec(foreign, "CREATE TABLE t(x)", nullptr, nullptr, nullptr);
  sqlite3_close(foreign);
  struct Case {
    const char* name;
    std::filesystem::path path;
    const char* error;
  };
  for (const Case& c : {Case{"text", file("notes.txt"), "is not a recording"},
                        Case{"database of another program", file("other.db"), "is not a recording"},
                        Case{"directory", directory_, "is not a regular file"},
                        Case{"no such directory", file("none/run.fanlight"), "No such file or directory"}}) {
    SCOPED_TRACE(c.name);
    const auto recorder = Recorder::create(c.path, {}, 0);
    ASSERT_FALSE(recorder);
    EXPECT_NE(recorder.error().what.find(c.error), std::string::npos) << recorder.error().what;
    EXPECT_EQ(recorder.error().what.find("File exists"), std::string::npos) << recorder.error().what;
    EXPECT_FALSE(recorder.error().what.starts_with("record: ")) << "that is for the command to say";
    EXPECT_FALSE(recorder.error().hint.empty());
  }
  EXPECT_EQ(testing::bytes_of(file("notes.txt")), "not to be lost");
}

TEST_F(RoundTrip, ARecordingThatIsBeingWrittenIsNotReplaced) {
  const profile::Window window = testing::broadcaster();
  auto first = Recorder::create(file(), window.target(), 0);
  ASSERT_TRUE(first);
  ASSERT_TRUE(first->append(window.tables(), window.slices()[0]));
  const auto second = Recorder::create(file(), window.target(), 0);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, EBUSY);
  ASSERT_TRUE(first->append(window.tables(), window.slices()[1]));
  ASSERT_TRUE(first->finish(window.target()));
  EXPECT_EQ(describe(open_recording(file())->query()).find("not finished"), std::string::npos);
}

}  // namespace
}  // namespace fanlight::store
