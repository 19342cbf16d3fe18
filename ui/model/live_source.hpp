// A running collector. In: `fanlight attach` at an address, over WebSocket /live. Out: arrivals, for ever.
#pragma once

#include <chrono>
#include <functional>
#include <memory>

#include "ui/model/arrival.hpp"
#include "ui/model/endpoint.hpp"
#include "ui/model/mailbox.hpp"

namespace fanlight::ui {

/// Connects, asks for the range a few times a second, reconnects by itself with back-off, and never gives up.
/// Every wait has a deadline, every message a bound (`wire::kMaxBytes`). Threads: one of its own; `ask` from any.
class LiveSource {
 public:
  using Duration = std::chrono::milliseconds;
  struct Timing {
    Duration poll{200};  // between questions while nothing new came
    Duration rest{700};  // after something new: four fifths of a slice, since the next is not due before; at most this
    Duration connect{2000};  // for TCP and for the handshake, each
    Duration answer{8000};   // for one reply
    Duration first_retry{250};
    Duration last_retry{5000};
  };

  /// `arrived` is called on the network thread after every publication; it must not throw and not wait.
  LiveSource(Endpoint endpoint, std::function<void()> arrived, Timing timing);
  LiveSource(Endpoint endpoint, std::function<void()> arrived)
      : LiveSource(std::move(endpoint), std::move(arrived), Timing{}) {}
  ~LiveSource();
  LiveSource(const LiveSource&) = delete;
  LiveSource& operator=(const LiveSource&) = delete;

  /// From now on; the answer comes as an arrival with that range.
  void ask(const Question& question);
  void ask(const Range& range) { ask(Question{range}); }
  const Mailbox<Arrival>& arrivals() const;

 private:
  class Worker;
  std::unique_ptr<Worker> worker_;
};

}  // namespace fanlight::ui
