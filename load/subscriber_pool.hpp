// One thread's subscribers. In: how many of each protocol. Out: a tally for each.
#pragma once

#include <array>
#include <memory>
#include <random>
#include <vector>

#include "core/error.hpp"
#include "core/fd.hpp"
#include "load/plan.hpp"
#include "load/shared.hpp"
#include "load/subscriber.hpp"

namespace fanlight::load {

/// Connects at its share of the plan's pace, then reads until told to stop. Threads: `run` in one; the rest afterwards.
class SubscriberPool {
 public:
  /// Errors: no epoll descriptor.
  static Result<SubscriberPool> make(const Plan& plan, const Endpoint& endpoint, const Expectation& expectation,
                                     Shared& shared, unsigned sse, unsigned ws, std::uint32_t seed);

  void run();
  const Tally& tally(Protocol protocol) const { return tallies_[static_cast<std::size_t>(protocol)]; }

 private:
  SubscriberPool(const Plan& plan, const Endpoint& endpoint, const Expectation& expectation, Shared& shared, Fd epoll,
                 unsigned sse, unsigned ws, std::uint32_t seed);

  Tally& tally_of(const Subscriber& subscriber) { return tallies_[static_cast<std::size_t>(subscriber.protocol())]; }
  void connect_due(std::uint64_t now_ns);
  void give_up_late(std::uint64_t now_ns);
  void on_events(Subscriber& subscriber, std::uint32_t events);
  void watch(Subscriber& subscriber, bool write);
  void account(Subscriber& subscriber, Subscriber::Phase before);

  const Plan* plan_;
  const Endpoint* endpoint_;
  const Expectation* expectation_;
  Shared* shared_;
  Fd epoll_;
  std::unique_ptr<std::minstd_rand> random_;
  std::vector<Protocol> wanted_;
  std::vector<std::unique_ptr<Subscriber>> subscribers_;  // one per wanted_, in order, as they begin to connect
  std::array<Tally, 2> tallies_;
  std::vector<char> buffer_;
  std::uint64_t connect_from_ns_ = 0;
  std::size_t oldest_pending_ = 0;  // no subscriber before this one is still connecting
};

}  // namespace fanlight::load
