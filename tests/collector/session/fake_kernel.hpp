// A kernel half in memory. In: what a test lets its threads do. Out: samples and readings, as the kernel programs tell.
#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "collector/session/kernel_half.hpp"
#include "tests/core/fake_clock.hpp"

namespace fanlight::session {

/// Time passes only while it is polled, and is charged to the state that each thread is in, so that states add up to
/// wall time as they do in the kernel. Every sample is produced, then delivered or dropped. Threads: one.
class FakeKernel final : public KernelHalf {
 public:
  explicit FakeKernel(testing::FakeClock& clock) : clock_(clock) {}

  void born(pid_t tid, std::string name, Reason reason = Reason::running) {
    lives_.push_back(
        {{.tid = tid, .name = std::move(name), .from_ns = clock_.now_ns(), .to_ns = clock_.now_ns()}, reason});
  }
  void goes(pid_t tid, Reason reason) { alive(tid).reason = reason; }
  void dies(pid_t tid) { alive(tid).reading.ended = true; }
  /// Waits in the ring until the next poll.
  void sampled(RawSample sample) { ring_.push_back(std::move(sample)); }
  /// As if the ring had been full `count` times.
  void loses(std::uint64_t count) { lost_ += count; }
  void breaks(Error error) { broken_ = std::move(error); }

  Result<> poll(std::chrono::milliseconds timeout, const OnSample& on_sample) override {
    if (broken_) return std::unexpected(*broken_);
    for (Life& life : lives_)
      if (!life.reading.ended) charge(life, timeout);
    clock_.pass(timeout);
    delivered_ += ring_.size();
    for (RawSample& sample : std::exchange(ring_, {})) on_sample(std::move(sample));
    return {};
  }

  Result<kernel::Reading> read() override {
    kernel::Reading reading{.time_ns = clock_.now_ns()};
    for (const Life& life : lives_) reading.threads.push_back(life.reading);
    std::erase_if(lives_, [](const Life& life) { return life.reading.ended; });
    LedgerEntry entry{.source = "on-cpu samples", .produced = delivered_ + lost_, .delivered = delivered_};
    if (lost_ > 0) entry.dropped["ring full"] = lost_;
    reading.ledger.push_back(std::move(entry));
    spent_ns_ += cost_ * static_cast<double>(clock_.now_ns() - last_read_ns_) / effort_.sampling_divisor;
    last_read_ns_ = clock_.now_ns();
    reading.programs.push_back({"fl_cpu", 1, static_cast<std::uint64_t>(spent_ns_)});
    return reading;
  }

  const std::vector<kernel::Form>& forms() const override { return forms_; }
  void set_effort(const kernel::Effort& effort) override { effort_ = effort; }
  const kernel::Effort& effort() const { return effort_; }
  /// What its programs take of one CPU at full effort; rarer samples make it cheaper in proportion.
  void costs(double share) { cost_ = share; }

 private:
  struct Life {
    kernel::ThreadReading reading;
    Reason reason = Reason::running;
  };

  static void charge(Life& life, std::chrono::nanoseconds time) {
    life.reading.ns[static_cast<std::size_t>(life.reason)] += static_cast<std::uint64_t>(time.count());
    life.reading.to_ns += static_cast<std::uint64_t>(time.count());
  }
  Life& alive(pid_t tid) {
    return *std::ranges::find_if(lives_,
                                 [&](const Life& life) { return life.reading.tid == tid && !life.reading.ended; });
  }

  testing::FakeClock& clock_;
  std::vector<Life> lives_;
  std::vector<RawSample> ring_;
  std::uint64_t delivered_ = 0;
  std::uint64_t lost_ = 0;
  std::optional<Error> broken_;
  kernel::Effort effort_;
  double cost_ = 0;
  double spent_ns_ = 0;
  std::uint64_t last_read_ns_ = clock_.now_ns();
  std::vector<kernel::Form> forms_{{"scheduler", "fake", ""}};
};

}  // namespace fanlight::session
