// Files that are not what they claim to be.
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <random>

#include "collector/profile/view.hpp"
#include "collector/store/schema.hpp"
#include "tests/collector/profile/made_windows.hpp"
#include "tests/collector/store/files.hpp"

namespace fanlight::store {
namespace {

using testing::bytes_of;
using testing::record;
using testing::StoreTest;
using testing::write_bytes;

class Hostile : public StoreTest {
 protected:
  void change(const char* sql) {
    sqlite3* raw = nullptr;
    ASSERT_EQ(sqlite3_open(file().c_str(), &raw), SQLITE_OK);
    char* message = nullptr;
    EXPECT_EQ(sqlite3_exec(raw, sql, nullptr, nullptr, &message), SQLITE_OK) << (message ? message : "");
    sqlite3_free(message);
    sqlite3_close(raw);
  }
};

TEST_F(Hostile, FilesThatAreNoRecordingsAreRefusedWithAHint) {
  ASSERT_TRUE(record(file(), testing::broadcaster()));
  const std::string good = bytes_of(file());
  std::string newer = good;
  newer[63] = 4;
  std::string foreign = good;
  foreign[68] = 'X';
  ASSERT_EQ(::mkfifo(file("fifo").c_str(), 0600), 0);
  write_bytes(file("empty"), "");
  write_bytes(file("text"), "hello");
  write_bytes(file("newer"), newer);
  write_bytes(file("foreign"), foreign);
  write_bytes(file("header"), good.substr(0, 100));
  struct Case {
    const char* name;
    const char* error;
    bool hint;
  };
  for (const Case& c : {Case{"missing", "No such file", true}, Case{"empty", "is not a recording", true},
                        Case{"text", "is not a recording", true}, Case{"foreign", "is not a recording", true},
                        Case{"newer", "newer fanlight (schema 4", true}, Case{"header", "", true},
                        Case{"fifo", "not a regular file", false}, Case{".", "not a regular file", false}}) {
    SCOPED_TRACE(c.name);
    const auto back = open_recording(file(c.name));
    ASSERT_FALSE(back);
    EXPECT_NE(back.error().what.find(c.error), std::string::npos) << back.error().what;
    EXPECT_TRUE(!c.hint || !back.error().hint.empty());
  }
}

TEST_F(Hostile, ATruncatedFileIsRefusedWhereverItEnds) {
  ASSERT_TRUE(record(file(), testing::broadcaster()));
  const std::string good = bytes_of(file());
  ASSERT_GT(good.size(), 20u * 4096);
  for (std::size_t size = 0; size < good.size(); size += 4096) {
    SCOPED_TRACE(size);
    write_bytes(file("cut"), good.substr(0, size));
    EXPECT_FALSE(open_recording(file("cut")));
    write_bytes(file("cut"), good.substr(0, size + 1234));
    EXPECT_FALSE(open_recording(file("cut")));
  }
  // The last page may end in free space, whose loss no page check sees.
  for (std::size_t less = 1; less <= 4096; less += less < 8 ? 1 : 511) {
    SCOPED_TRACE(less);
    write_bytes(file("cut"), good.substr(0, good.size() - less));
    const auto back = open_recording(file("cut"));
    ASSERT_FALSE(back);
    EXPECT_NE(back.error().what.find(std::to_string(good.size() - less) + " of its " + std::to_string(good.size())),
              std::string::npos)
        << back.error().what;
    EXPECT_FALSE(back.error().hint.empty());
  }
}

TEST_F(Hostile, WhatTheLogHoldsMayBeMissingInTheFile) {
  ASSERT_TRUE(record(file(), testing::broadcaster(), false));
  // Nobody finished it: a copy taken with its log is whole, whatever the file alone holds.
  {
    auto recorder = Recorder::create(file("live"), testing::broadcaster().target(), 0);
    ASSERT_TRUE(recorder);
    for (int i = 0; i < 2; ++i) {
      profile::Slice slice = testing::broadcaster().slices()[0];
      slice.to_ns += static_cast<std::uint64_t>(i);
      ASSERT_TRUE(recorder->append(testing::broadcaster().tables(), slice));
    }
    write_bytes(file("copy"), bytes_of(file("live")));
    write_bytes(file("copy-wal"), bytes_of(file("live-wal")));
    ASSERT_GT(std::filesystem::file_size(file("copy-wal")), 0u) << "else this tests nothing";
  }
  const auto back = open_recording(file("copy"));
  ASSERT_TRUE(back) << back.error().what;
  EXPECT_EQ(back->slices().size(), 2u);
}

TEST_F(Hostile, DamageIsToldInOneLine) {
  ASSERT_TRUE(record(file(), testing::broadcaster()));
  const std::string good = bytes_of(file());
  unsigned damaged = 0;
  for (std::size_t page = 1; page < good.size() / 4096; ++page) {
    SCOPED_TRACE(page);
    std::string bytes = good;
    bytes[page * 4096 + 7] = static_cast<char>(bytes[page * 4096 + 7] + 90);  // bytes that are said to be fragments
    write_bytes(file("damaged"), bytes);
    const auto back = open_recording(file("damaged"));
    if (back) continue;
    ++damaged;
    EXPECT_EQ(back.error().what.find('\n'), std::string::npos) << back.error().what;
    EXPECT_EQ(back.error().what.find("***"), std::string::npos) << back.error().what;
    EXPECT_NE(back.error().what.find("is damaged: "), std::string::npos) << back.error().what;
    EXPECT_GT(back.error().what.size(), (file("damaged").string() + " is damaged: ").size());
  }
  EXPECT_GT(damaged, 5u);
}

TEST_F(Hostile, DamagedBytesNeverBreakTheReader) {
  ASSERT_TRUE(record(file(), testing::random_window(3)));
  ASSERT_TRUE(record(file(), testing::broadcaster()));
  const std::string good = bytes_of(file());
  std::mt19937_64 random(1);
  unsigned opened = 0;
  for (int round = 0; round < 1500; ++round) {
    std::string bytes = good;
    for (std::uint64_t changes = 1 + random() % 20; changes > 0; --changes) {
      // Half of the damage where pages describe themselves, since that is where it hurts.
      std::size_t at = random() % bytes.size();
      if (random() % 2 == 0) at = at / 4096 * 4096 + random() % 64;
      if (at >= bytes.size()) continue;
      bytes[at] = static_cast<char>(random());
    }
    write_bytes(file("damaged"), bytes);
    const auto back = open_recording(file("damaged"));
    if (!back) {
      EXPECT_FALSE(back.error().what.empty());
      continue;
    }
    ++opened;
    const profile::Profile profile = back->query();
    for (const profile::View view : profile::kViews) profile::view(profile, view);
  }
  EXPECT_GT(opened, 10u) << "damage that is never let through tests nothing behind the first check";
}

TEST_F(Hostile, RowsThatReferToNothingAreRefused) {
  struct Case {
    const char* name;
    const char* sql;
    const char* error;
  };
  for (const Case& c :
       {Case{"frame of a stack", "UPDATE stack SET frame = 9999 WHERE id = 1", "frame 9999"},
        Case{"parent of a stack", "UPDATE stack SET parent = 9999 WHERE depth = 2", "stack 9999"},
        Case{"stack above itself", "UPDATE stack SET parent = id WHERE depth = 2", "is unknown"},
        Case{"depth of a stack", "UPDATE stack SET depth = 5000 WHERE depth = 2", "stack depth 5000"},
        Case{"stack far away", "INSERT INTO stack VALUES(1 << 40, 0, 0, 1, 0)", "stack 1099511627776"},
        Case{"frame found by magic", "UPDATE stack SET found = 99 WHERE depth = 1", "way to find a frame 99"},
        Case{"module of a frame", "UPDATE frame SET module = 50 WHERE id = 1", "module 50"},
        Case{"frame of an inlined call", "INSERT INTO inlined VALUES(999, 0, '', '', 0)", "frame 999"},
        Case{"gap in inlined calls", "INSERT INTO inlined VALUES(0, 7, '', '', 0)", "inlined call 7"},
        Case{"labels of a sample", "UPDATE sample SET labels = 3 WHERE slice = 0 AND position = 0", "label set 3"},
        Case{"gap in the labels", "INSERT INTO label VALUES(2, 'k', 'v')", "label set 2"},
        Case{"kind of an event", "UPDATE event SET kind = 2", "event kind 2"},
        Case{"gap in the slices", "UPDATE slice SET id = 5 WHERE id = 1", "slice 5"},
        Case{"first slice missing", "DELETE FROM slice WHERE id = 0", "slice 1"},
        Case{"stack of a sample", "UPDATE sample SET stack = -1 WHERE slice = 0 AND position = 0", "stack -1"},
        Case{"thread of a sample", "UPDATE sample SET thread = 77 WHERE slice = 0 AND position = 0", "thread 77"},
        Case{"slice of an event", "UPDATE event SET slice = 2", "slice 2"},
        Case{"reason", "UPDATE thread_reason_ns SET reason = 99 WHERE reason = 0", "reason 99"},
        Case{"errno", "UPDATE socket_errno SET errno = 4096", "errno 4096"},
        Case{"no errno", "UPDATE socket_errno SET errno = 0", "errno 0"},
        Case{"thread of an errno", "UPDATE socket_errno SET thread = 77", "thread 77"},
        Case{"sampler", "UPDATE sample SET sampler = 99 WHERE slice = 0 AND position = 0", "sampler 99"},
        Case{"gap in the frames", "DELETE FROM frame WHERE id = 2", "frame 3"},
        Case{"no threads at all", "DELETE FROM thread", "no thread"},
        Case{"negative time", "UPDATE thread_reason_ns SET ns = -5 WHERE reason = 0", "count -5"},
        Case{"slice that ends before it begins", "UPDATE slice SET to_ns = from_ns - 1 WHERE id = 1",
             "slice 1 ends before"},
        Case{"slice of centuries", "UPDATE slice SET to_ns = (1 << 62) WHERE id = 1", "slice 1 lasts"},
        Case{"cost of centuries", "UPDATE program_cost SET run_ns = (1 << 62)", "something in slice 0 lasts"},
        Case{"own time of centuries", "UPDATE slice SET own_cpu_ns = (1 << 62)", "something in slice 0 lasts"},
        Case{"life of centuries", "UPDATE thread_slice SET to_ns = (1 << 62) WHERE slice = 0", "life in slice 0 lasts"},
        Case{"life that ends before it begins", "UPDATE thread_slice SET from_ns = to_ns + 1", "ends before it begins"},
        Case{"bucket", "UPDATE histogram SET bucket = bucket + 100000", "histogram bucket 1000"},
        Case{"table gone", "DROP TABLE event", "'event' is missing"},
        Case{"column gone", "ALTER TABLE program_cost DROP COLUMN runs", "no such column"},
        Case{"view in place of a table",
             "DROP TABLE event; CREATE VIEW event(slice, position, time_ns, kind, text) AS WITH RECURSIVE r(x) AS "
             "(SELECT 0 UNION ALL SELECT x FROM r) SELECT x, 0, 0, 0, 'for ever' FROM r",
             "'event' is missing"}}) {
    SCOPED_TRACE(c.name);
    ASSERT_TRUE(record(file(), testing::broadcaster()));
    change(c.sql);
    const auto back = open_recording(file());
    ASSERT_FALSE(back);
    EXPECT_NE(back.error().what.find(c.error), std::string::npos) << back.error().what;
    EXPECT_FALSE(back.error().hint.empty());
  }
}

TEST_F(Hostile, TimesBeyondALifeAreCutAndCounted) {
  ASSERT_TRUE(record(file(), testing::broadcaster()));
  change("UPDATE thread_reason_ns SET ns = 9223372036854775807");
  const auto back = open_recording(file());
  ASSERT_TRUE(back) << back.error().what;
  const profile::Profile profile = back->query();
  for (const profile::Thread& thread : profile.threads) {
    EXPECT_LE(profile::sum(thread.ns), 2 * (profile.to_ns - profile.from_ns));
    EXPECT_GT(profile::sum(thread.ns), 0u);
  }
  const auto told = [](const profile::Event& event) {
    return event.text.find("exceeded its life") != std::string::npos;
  };
  EXPECT_EQ(std::ranges::count_if(profile.events, told), 1);
  EXPECT_EQ(std::ranges::count_if(testing::broadcaster().query().events, told), 0);
}

TEST_F(Hostile, ConnectionsAreNotBusyForLongerThanTheyWereWatched) {
  std::uint64_t seed = 1;
  while (testing::random_window(seed).query().connections.empty()) ASSERT_LT(++seed, 20u);
  const profile::Window window = testing::random_window(seed);
  ASSERT_TRUE(record(file(), window));
  change("UPDATE connection SET busy_ns = watched_ns + 900, peer_limited_ns = watched_ns + 800");
  const auto back = open_recording(file());
  ASSERT_TRUE(back) << back.error().what;
  const profile::Profile profile = back->query();
  for (const kernel::ConnectionReading& one : profile.connections) {
    EXPECT_EQ(one.busy_ns, one.watched_ns);
    EXPECT_EQ(one.peer_limited_ns, one.watched_ns);
  }
  const auto told = [](const profile::Event& event) {
    return event.text.find("busy for longer than it was watched") != std::string::npos;
  };
  EXPECT_EQ(std::ranges::count_if(profile.events, told), 1);
  EXPECT_EQ(std::ranges::count_if(window.query().events, told), 0);
}

TEST_F(Hostile, AnIndexOfSomebodysOwnDoesNoHarm) {
  ASSERT_TRUE(record(file(), testing::broadcaster()));
  change("CREATE INDEX mine ON sample(thread); ANALYZE; VACUUM");
  const auto back = open_recording(file());
  ASSERT_TRUE(back) << back.error().what;
}

}  // namespace
}  // namespace fanlight::store
