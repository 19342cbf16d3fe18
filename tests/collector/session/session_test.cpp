// Merging without a kernel: what the kernel's half tells must be what the window says, to the nanosecond.
#include "collector/session/session.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <map>
#include <memory>

#include "tests/collector/session/fake_kernel.hpp"

namespace fanlight::session {
namespace {

using namespace std::chrono_literals;

/// A session over a fake half, about this process, which is there and publishes nothing.
struct Watch {
  testing::FakeClock clock;
  FakeKernel* kernel = nullptr;
  std::optional<Session> session;

  explicit Watch(std::chrono::milliseconds slice = 1000ms, double budget = 0) {
    auto half = std::make_unique<FakeKernel>(clock);
    kernel = half.get();
    auto attached = Session::attach(
        {.pid = ::getpid(), .slice = slice, .inprocess = false, .budget = budget, .now_ns = clock.reader()},
        std::move(half));
    EXPECT_TRUE(attached) << attached.error().what;
    session.emplace(std::move(*attached));
  }
  /// Steps until `time` has passed; returns how many slices were completed.
  unsigned run(std::chrono::milliseconds time) {
    const std::uint64_t until = clock.now_ns() + static_cast<std::uint64_t>(std::chrono::nanoseconds(time).count());
    unsigned slices = 0;
    while (clock.now_ns() < until) {
      const auto stepped = session->step(100ms);
      EXPECT_TRUE(stepped) << stepped.error().what;
      slices += *stepped ? 1 : 0;
    }
    return slices;
  }
  profile::Profile all() const { return session->query(0, clock.now_ns()); }
};

TEST(Session, TimeOfEveryStateArrivesAndAddsUp) {
  Watch watch;
  watch.kernel->born(1, "worker");
  watch.kernel->born(2, "idler", Reason::poll);
  EXPECT_EQ(watch.run(1500ms), 1u);
  watch.kernel->goes(1, Reason::futex);
  EXPECT_EQ(watch.run(1000ms), 1u);
  ASSERT_TRUE(watch.session->flush());
  const profile::Profile profile = watch.all();
  ASSERT_EQ(profile.threads.size(), 2u);
  for (const profile::Thread& thread : profile.threads) {
    SCOPED_TRACE(thread.name);
    EXPECT_EQ(profile::sum(thread.ns), 2'500'000'000u);
    EXPECT_EQ(thread.to_ns - thread.from_ns, 2'500'000'000u);
  }
  const PerReason totals = profile::totals(profile);
  EXPECT_EQ(totals[FANLIGHT_RUNNING], 1'500'000'000u);
  EXPECT_EQ(totals[FANLIGHT_BLOCKED_FUTEX], 1'000'000'000u);
  EXPECT_EQ(totals[FANLIGHT_BLOCKED_POLL], 2'500'000'000u);
}

TEST(Session, ABudgetMakesSamplesRarerAndEveryChangeIsAnEvent) {
  Watch watch(1000ms, 0.5);
  watch.kernel->born(1, "worker");
  watch.kernel->costs(1.6);
  watch.run(20s);
  // A half of 1.6 is too much, a quarter is not.
  EXPECT_EQ(watch.kernel->effort(), (kernel::Effort{.sampling_divisor = 4}));
  watch.kernel->costs(0.001);
  watch.run(60s);
  EXPECT_EQ(watch.kernel->effort(), kernel::Effort{});
  std::vector<std::string> sentences;
  for (const profile::Event& event : watch.all().events)
    if (event.kind == profile::Event::Kind::governor) sentences.push_back(event.text);
  ASSERT_EQ(sentences.size(), 4u);
  EXPECT_NE(sentences[1].find("one sample in 4"), std::string::npos) << sentences[1];
  EXPECT_NE(sentences[3].find("everything is on again"), std::string::npos) << sentences[3];
}

TEST(Session, WithoutABudgetNothingIsGivenUp) {
  Watch watch;
  watch.kernel->born(1, "worker");
  watch.kernel->costs(5);
  watch.run(20s);
  EXPECT_EQ(watch.kernel->effort(), kernel::Effort{});
}

TEST(Session, AThreadThatDiesAndItsTidsNextOwnerAreTwo) {
  Watch watch;
  watch.kernel->born(7, "first");
  watch.run(300ms);
  watch.kernel->dies(7);
  watch.kernel->born(7, "second", Reason::sleep);
  watch.run(900ms);
  ASSERT_TRUE(watch.session->flush());
  std::map<std::string, std::uint64_t> lived;
  for (const profile::Thread& thread : watch.all().threads) lived[thread.name] += profile::sum(thread.ns);
  EXPECT_EQ(lived, (std::map<std::string, std::uint64_t>{{"first", 300'000'000}, {"second", 900'000'000}}));
  const profile::Profile since = watch.session->since_attach();
  ASSERT_EQ(since.threads.size(), 2u);
  EXPECT_EQ(since.threads.back().name, "(ended threads)");
  EXPECT_EQ(profile::sum(since.threads.back().ns), 300'000'000u);
}

TEST(Session, SamplesKeepTheirWeightAndTheLedgerCloses) {
  Watch watch;
  watch.kernel->born(1, "worker");
  for (unsigned i = 0; i < 30; ++i) {
    watch.kernel->sampled(
        {.tid = 1, .time_ns = watch.clock.now_ns(), .weight = 10'000 + i, .user_stack = {0x10 + i % 3}});
    if (i % 10 == 0) watch.kernel->loses(2);
    watch.run(100ms);
  }
  ASSERT_TRUE(watch.session->flush());
  const profile::Profile profile = watch.all();
  std::uint64_t weight = 0;
  std::uint64_t count = 0;
  for (const profile::SampleRow& row : profile.samples) {
    weight += row.weight;
    count += row.count;
  }
  EXPECT_EQ(count, 30u);
  EXPECT_EQ(weight, 30 * 10'000u + 29 * 30 / 2);
  ASSERT_EQ(profile.ledger.size(), 1u);
  EXPECT_EQ(profile.ledger[0].produced, 36u);
  EXPECT_EQ(profile.ledger[0].delivered, 30u);
  EXPECT_EQ(profile.ledger[0].dropped_total(), 6u);
  EXPECT_EQ(profile.ledger[0].balance(), 0);
}

TEST(Session, ABrokenHalfEndsItWithTheReason) {
  Watch watch;
  watch.kernel->breaks({EIO, "drain rings: Input/output error", ""});
  const auto stepped = watch.session->step(100ms);
  ASSERT_FALSE(stepped);
  EXPECT_EQ(stepped.error().code, EIO);
  EXPECT_NE(stepped.error().what.find("drain rings"), std::string::npos);
}

}  // namespace
}  // namespace fanlight::session
