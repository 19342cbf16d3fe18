#include <gtest/gtest.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "collector/inprocess/context_reader.hpp"
#include "fanlight/label.hpp"

namespace fanlight::inprocess {
namespace {

LabelList on_this_thread() {
  const fanlight_thread_context* const record = otel_thread_ctx_v1;
  if (record == nullptr || record->valid != 1) return {};
  const auto context = read_process_context(::getpid());
  EXPECT_TRUE(context) << context.error().what;
  if (!context) return {};
  return decode_attributes(std::as_bytes(std::span(record->attributes, record->attributes_bytes)), context->keys);
}

using Pairs = LabelList;

TEST(Labels, AreThereWhileTheirScopeLasts) {
  EXPECT_EQ(on_this_thread(), Pairs{});
  {
    const Label topic{"topic", "news"};
    EXPECT_EQ(on_this_thread(), (Pairs{{"topic", "news"}}));
    {
      static const LabelKey kStage{"stage"};
      const Label stage{kStage, "send"};
      const Label other{"topic", "sport"};
      EXPECT_EQ(on_this_thread(), (Pairs{{"stage", "send"}, {"topic", "sport"}})) << "the last of a key counts";
    }
    EXPECT_EQ(on_this_thread(), (Pairs{{"topic", "news"}})) << "what was hidden is there again";
  }
  EXPECT_EQ(on_this_thread(), Pairs{});
}

TEST(Labels, OneNameIsOneKeyWhereverItIsWritten) {
  char spelled[] = "topic";
  const unsigned key = fanlight_label_key("topic");
  EXPECT_NE(key, FANLIGHT_NO_KEY);
  EXPECT_EQ(fanlight_label_key(spelled), key);
  std::strcpy(spelled, "cipot");  // the same address, another name
  EXPECT_NE(fanlight_label_key(spelled), key);
  for (const char* name : {"", "a name of forty-eight bytes, one more than allowed"})
    EXPECT_EQ(fanlight_label_key(name), FANLIGHT_NO_KEY) << name;
  EXPECT_EQ(fanlight_label_key(nullptr), FANLIGHT_NO_KEY);
}

TEST(Labels, ValuesThatDoNotFitAreCutOrLeftOutAndCounted) {
  const fanlight_label_losses before = fanlight_label_lost();
  {
    const Label longest{"long", std::string(255, 'x')};
    EXPECT_EQ(on_this_thread()[0].second.size(), 255u);
  }
  {
    const Label too_long{"long", std::string(254, 'x') + "\u00e9"};
    EXPECT_EQ(on_this_thread()[0].second, std::string(254, 'x')) << "no half character";
  }
  EXPECT_EQ(fanlight_label_lost().cut, before.cut + 1);
  {
    const Label first{"a", std::string(255, '1')};
    const Label second{"b", std::string(255, '2')};
    const Label third{"c", std::string(255, '3')};
    const Label small{"d", "4"};
    EXPECT_EQ(on_this_thread(), (Pairs{{"a", std::string(255, '1')}, {"b", std::string(255, '2')}, {"d", "4"}}));
  }
  EXPECT_EQ(fanlight_label_lost().values, before.values + 1);
  EXPECT_EQ(on_this_thread(), Pairs{});
}

TEST(Labels, ThreadsHaveTheirOwn) {
  const Label here{"where", "here"};
  std::thread([] {
    EXPECT_EQ(otel_thread_ctx_v1, nullptr);
    const Label there{"where", "there"};
    EXPECT_EQ(on_this_thread(), (Pairs{{"where", "there"}}));
  }).join();
  EXPECT_EQ(on_this_thread(), (Pairs{{"where", "here"}}));
}

TEST(Labels, MoveToAnotherThreadAndBack) {
  const Label base{"topic", "base"};
  LabelSnapshot snapshot;
  {
    const Label topic{"topic", "news"};
    const TraceScope trace("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    snapshot = LabelSnapshot::take();
  }
  std::thread([&] {
    const Label own{"own", "yes"};
    {
      const LabelsOf other(snapshot);
      EXPECT_EQ(on_this_thread(), (Pairs{{"topic", "news"}}));
      EXPECT_EQ(fanlight_trace_current().trace_id[0], 0x0a);
      const Label more{"stage", "encode"};
      EXPECT_EQ(on_this_thread(), (Pairs{{"stage", "encode"}, {"topic", "news"}}));
    }
    EXPECT_EQ(on_this_thread(), (Pairs{{"own", "yes"}}));
    EXPECT_EQ(fanlight_trace_current().trace_id[0], 0);
  }).join();
  {
    const LabelsOf nothing{LabelSnapshot()};
    EXPECT_EQ(on_this_thread(), Pairs{});
  }
  EXPECT_EQ(on_this_thread(), (Pairs{{"topic", "base"}}));
}

TEST(Trace, ReadsTraceparent) {
  struct Case {
    const char* name;
    std::string text;
    bool good;
  };
  const std::string ids = "0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331";
  for (const Case& c : {
           Case{"plain", "00-" + ids + "-01", true},
           Case{"of a later version", "cc-" + ids + "-01-what-comes-then", true},
           Case{"of version 0, with more", "00-" + ids + "-01-more", false},
           Case{"of a later version, run on", "cc-" + ids + "-01more", false},
           Case{"version ff", "ff-" + ids + "-01", false},
           Case{"upper case", "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", false},
           Case{"no trace", "00-00000000000000000000000000000000-b7ad6b7169203331-01", false},
           Case{"no span", "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", false},
           Case{"short", "00-" + ids + "-0", false},
           Case{"empty", "", false},
           Case{"no digit", "00-" + ids + "-0g", false},
           Case{"other separator", "00_" + ids + "-01", false},
       }) {
    SCOPED_TRACE(c.name);
    fanlight_trace trace;
    EXPECT_EQ(fanlight_trace_parse(c.text.data(), c.text.size(), &trace), c.good ? 1 : 0);
    EXPECT_EQ(trace.trace_id[15], c.good ? 0x9c : 0);
    EXPECT_EQ(trace.span_id[0], c.good ? 0xb7 : 0);
    EXPECT_EQ(trace.flags, c.good ? 1 : 0);
  }
}

TEST(Trace, OneIdWithoutTheOtherIsNone) {
  fanlight_trace half{};
  half.trace_id[3] = 7;
  {
    const TraceScope scope(half);
    EXPECT_EQ(fanlight_trace_current().trace_id[3], 0);
  }
  half.span_id[0] = 1;
  const TraceScope scope(half);
  EXPECT_EQ(fanlight_trace_current().trace_id[3], 7);
}

// What a signal handler may meet: an entry whose place is taken and whose head is not written.
TEST(Labels, AHandlerBridgesALabelHalfWritten) {
  static volatile sig_atomic_t interrupted;
  static std::vector<LabelList> seen;
  struct sigaction action{};
  struct sigaction before{};
  action.sa_handler = [](int) {
    const Label own{"handler", "own"};
    const fanlight_thread_context* const record = otel_thread_ctx_v1;
    const std::string bytes(reinterpret_cast<const char*>(record->attributes), record->attributes_bytes);
    // Entries must lead exactly to the end, or a reader sees garbage.
    std::size_t at = 0;
    while (at + 2 <= bytes.size()) at += 2 + static_cast<unsigned char>(bytes[at + 1]);
    if (at != bytes.size() || bytes.find("own") == std::string::npos) interrupted = -1;
    if (interrupted >= 0) interrupted = interrupted + 1;
  };
  ::sigaction(SIGALRM, &action, &before);
  const unsigned key = fanlight_label_key("value");
  { const Label warm{"handler", "warm"}; }
  const itimerval every{{0, 50}, {0, 50}}, never{};
  ::setitimer(ITIMER_REAL, &every, nullptr);
  const std::string value(200, 'v');
  for (int round = 0; round < 200'000 && interrupted >= 0 && interrupted < 2000; ++round) {
    const Label outer{"outer", value};
    const fanlight_label_mark mark = fanlight_label_push(key, value.data(), value.size());
    const fanlight_thread_context* const record = otel_thread_ctx_v1;
    const std::size_t at = 2 + value.size();
    const bool whole = record->attributes_bytes == 2 * at && record->attributes[at] == key &&
                       std::memcmp(record->attributes + at + 2, value.data(), value.size()) == 0;
    if (!whole) interrupted = -2;
    fanlight_label_pop(mark);
  }
  ::setitimer(ITIMER_REAL, &never, nullptr);
  ::sigaction(SIGALRM, &before, nullptr);
  EXPECT_GT(interrupted, 0);
  EXPECT_EQ(on_this_thread(), Pairs{});
}

TEST(Labels, AForkedChildPublishesItsOwn) {
  const Label here{"process", "parent"};
  const pid_t child = ::fork();
  if (child == 0) {
    // The mapping stays behind, so nobody takes the child for its parent.
    if (read_process_context(::getpid())) ::_exit(1);
    const Label label{"process", "child"};
    if (on_this_thread() != Pairs{{"process", "child"}}) ::_exit(2);
    const auto context = read_process_context(::getpid());
    ::_exit(context && context->resource.at("telemetry.sdk.name") == "fanlight" ? 0 : 3);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 0);
  EXPECT_EQ(on_this_thread(), (Pairs{{"process", "parent"}}));
}

// Last: it takes every key that is left.
TEST(Labels, ZKeysPastTheLastAreCounted) {
  const fanlight_label_losses before = fanlight_label_lost();
  std::vector<std::thread> threads;
  std::vector<std::string> names;
  for (unsigned i = 0; i < 2 * FANLIGHT_LABEL_KEYS; ++i) names.push_back("key " + std::to_string(i));
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (const std::string& name : names) {
        const Label label(name.c_str(), name);
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_GE(fanlight_label_lost().keys, before.keys + FANLIGHT_LABEL_KEYS);
  const auto context = read_process_context(::getpid());
  ASSERT_TRUE(context) << context.error().what;
  EXPECT_EQ(context->keys.size(), std::size_t{FANLIGHT_LABEL_KEYS});
  EXPECT_EQ(context->schema, "tlsdesc_v1_dev");
  const Label known{"key 3", "still shown"};
  const Label refused{"key 509", "not"};
  EXPECT_EQ(on_this_thread(), (Pairs{{"key 3", "still shown"}}));
}

}  // namespace
}  // namespace fanlight::inprocess
