// Reads a live process as a foreign profiler would, after the texts of OTEP-4719 and OTEP-4947, with process_vm_readv
// and nothing of the writer's.
#include <gtest/gtest.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>

#include <cstring>
#include <span>

#include "collector/inprocess/context_reader.hpp"
#include "collector/inprocess/target_memory.hpp"
#include "collector/inprocess/thread_variable.hpp"
#include "tests/child.hpp"

namespace fanlight::inprocess {
namespace {

/// The thread is stopped while this lives, as the text demands of readers.
class Stopped {
 public:
  explicit Stopped(pid_t tid) : tid_(tid) {
    EXPECT_EQ(::ptrace(PTRACE_SEIZE, tid, 0, 0), 0) << std::strerror(errno);
    EXPECT_EQ(::ptrace(PTRACE_INTERRUPT, tid, 0, 0), 0);
    int status = 0;
    EXPECT_EQ(::waitpid(tid, &status, __WALL), tid);
  }
  ~Stopped() { ::ptrace(PTRACE_DETACH, tid_, 0, 0); }
  Stopped(const Stopped&) = delete;
  Stopped& operator=(const Stopped&) = delete;
  std::uint64_t thread_pointer() const {
    user_regs_struct registers{};
    iovec into{&registers, sizeof registers};
    EXPECT_EQ(::ptrace(PTRACE_GETREGSET, tid_, 1 /* NT_PRSTATUS */, &into), 0);
    return registers.fs_base;
  }

 private:
  pid_t tid_;
};

struct Head {
  std::uint8_t trace_id[16], span_id[8], valid, flags;
  std::uint16_t bytes;
};
static_assert(sizeof(Head) == 28);

struct Seen {
  Head head{};
  std::vector<std::byte> attributes;
};

Seen look(pid_t pid, pid_t tid) {
  Seen seen;
  const auto variable = find_thread_variable(pid, "otel_thread_ctx_v1");
  EXPECT_TRUE(variable) << variable.error().what;
  if (!variable) return seen;
  const Stopped stopped(tid);
  const std::uint64_t place = address_of(pid, *variable, stopped.thread_pointer());
  EXPECT_NE(place, 0u);
  std::uint64_t record = 0;
  EXPECT_TRUE(copy_from(pid, place, &record, sizeof record));
  EXPECT_NE(record, 0u) << variable->where << " + " << variable->offset << " in module " << variable->module;
  EXPECT_EQ(record % 2, 0u);
  if (!copy_from(pid, record, &seen.head, sizeof seen.head)) return seen;
  seen.attributes.resize(seen.head.bytes);
  EXPECT_TRUE(copy_from(pid, record + sizeof seen.head, seen.attributes.data(), seen.attributes.size()));
  return seen;
}

void expect_ours(testing::Child& child) {
  const std::string tid = child.await("ready ");
  ASSERT_FALSE(tid.empty()) << child.err();
  const auto context = read_process_context(child.pid());
  ASSERT_TRUE(context) << context.error().what;
  EXPECT_EQ(context->schema, "tlsdesc_v1_dev");
  EXPECT_NE(context->published_at_ns, 0u);
  EXPECT_EQ(context->resource.at("service.name").substr(0, 12), "label_writer");
  EXPECT_EQ(context->resource.at("telemetry.sdk.name"), "fanlight");
  const Seen seen = look(child.pid(), std::stoi(tid));
  EXPECT_EQ(seen.head.valid, 1);
  EXPECT_EQ(seen.head.trace_id[0], 0x0a);
  EXPECT_EQ(seen.head.trace_id[15], 0x9c);
  EXPECT_EQ(seen.head.span_id[7], 0x31);
  EXPECT_EQ(seen.head.flags, 1);
  EXPECT_FALSE(has_unknown_key(seen.attributes, context->keys.size()));
  EXPECT_EQ(decode_attributes(seen.attributes, context->keys),
            (LabelList{{"http.route", "/new"}, {"topic", "conformance"}}));
  child.close_stdin();
  EXPECT_EQ(child.wait(), 0) << child.err();
}

TEST(Conformance, AnExecutableThatLinksTheLibrary) {
  testing::Child child({LABEL_WRITER});
  expect_ours(child);
}

TEST(Conformance, ALibraryThatIsLoadedWhileTheProgramRuns) {
  testing::Child child({LABEL_WRITER_BARE, LABEL_MODULE});
  expect_ours(child);
}

TEST(Conformance, ReadsOtherWritersInEveryWayThatTheirVariableIsReached) {
  for (const char* module : {FOREIGN_INITIAL_EXEC, FOREIGN_GLOBAL_DYNAMIC, FOREIGN_DESCRIPTOR}) {
    SCOPED_TRACE(module);
    testing::Child child({LABEL_WRITER_BARE, module});
    const std::string tid = child.await("ready ");
    ASSERT_FALSE(tid.empty()) << child.err();
    const Seen seen = look(child.pid(), std::stoi(tid));
    EXPECT_EQ(seen.head.valid, 1);
    EXPECT_EQ(seen.head.trace_id[0], 1);
    EXPECT_EQ(decode_attributes(seen.attributes, {"key"}), (LabelList{{"key", "abc"}}));
  }
}

TEST(Conformance, SaysWhatIsNotThere) {
  testing::Child child({"sleep", "60"});
  const auto variable = find_thread_variable(child.pid(), "otel_thread_ctx_v1");
  ASSERT_FALSE(variable);
  EXPECT_EQ(variable.error().code, ENOENT);
  const auto context = read_process_context(child.pid());
  ASSERT_FALSE(context);
  EXPECT_EQ(context.error().code, ENOENT);
  EXPECT_FALSE(find_thread_variable(999'999'999, "otel_thread_ctx_v1"));
  EXPECT_FALSE(read_process_context(999'999'999));
}

TEST(Conformance, HostileBytesDecodeToWhatMakesSense) {
  struct Case {
    const char* name;
    std::vector<unsigned char> bytes;
    LabelList labels;
  };
  for (const Case& c : {
           Case{"empty", {}, {}},
           Case{"head alone", {0}, {}},
           Case{"longer than there is", {0, 9, 'x'}, {}},
           Case{"second does not fit", {0, 1, 'x', 1, 200, 'y'}, {{"a", "x"}}},
           Case{"unknown key between", {0, 1, 'x', 77, 1, '?', 1, 1, 'y'}, {{"a", "x"}, {"b", "y"}}},
           Case{"not UTF-8, and a control character", {0, 3, 'x', 0xff, 7}, {{"a", "x??"}}},
           Case{"spans one in another", {2, 1, 's', 2, 1, 't'}, {{"span", "s / t"}}},
           Case{"empty value", {1, 0}, {{"b", ""}}},
       }) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(decode_attributes(std::as_bytes(std::span(c.bytes)), {"a", "b", "span"}), c.labels);
  }
  std::string payload(
      "\x12\x05\x0a\x03"
      "abc",
      7);
  for (std::size_t cut = 0; cut < payload.size(); ++cut)
    decode_process_context(std::as_bytes(std::span(payload.data(), cut)));
}

}  // namespace
}  // namespace fanlight::inprocess
