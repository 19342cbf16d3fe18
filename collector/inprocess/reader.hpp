// The collector's end of a target's shared memory. In: a pid whose program links collector/inprocess. Out: samples,
// metrics.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "core/fd.hpp"
#include "core/histogram.hpp"
#include "core/ledger.hpp"
#include "core/sample.hpp"

namespace fanlight::inprocess {

/// A counter, gauge or histogram that the target publishes; values since the target's start.
struct MetricReading {
  std::string name;
  enum class Kind : std::uint8_t { counter = 0, gauge = 1, histogram = 2 } kind = Kind::counter;
  double value = 0;
  KernelHistogram histogram;  // ns
};

/// Reads without writing: the target never notices, and several readers may read at once. Every byte is hostile:
/// bounded, checked, copied out once. Starts at what is newest; older records are not this reader's and are not
/// counted. Threads: one at a time.
class Reader {
 public:
  /// Errors: ENOENT when the target does not publish anything; not permitted; unknown layout version.
  static Result<Reader> open(pid_t pid, const std::filesystem::path& root = "/");
  /// From a descriptor of that memory, readable. Errors: not what layout.h describes. `root` is for translating thread
  /// ids where the target lives in another PID namespace.
  static Result<Reader> from_file(Fd file, pid_t pid, const std::filesystem::path& root = "/");
  /// From a file that FANLIGHT_OUT named (or a copy of that memory): every record that is still there, oldest first.
  static Result<Reader> from_recorded(Fd file);
  Reader(Reader&&) noexcept;
  Reader& operator=(Reader&&) noexcept;
  ~Reader();

  using OnSample = std::function<void(RawSample&&)>;
  /// Hands over every record that was published since the last call. What was overwritten before it could be read is
  /// counted. Errors: the memory is shorter than its header says; what came before is delivered and counted.
  Result<> drain(const OnSample& on_sample);
  std::vector<MetricReading> metrics() const;
  struct ThreadName {
    pid_t tid = 0;
    std::string name;
  };
  /// Of those whose records were handed over, as the target names them; of a slot that several used, the last name.
  std::vector<ThreadName> threads() const;
  /// When the target started to publish, by its CLOCK_MONOTONIC, and its pid as it says.
  std::uint64_t start_ns() const;
  pid_t pid() const;
  /// produced: records the target published between `open` and the last `drain`; dropped: "overrun", "malformed";
  /// missed: "timer overrun" and, when there were any, "thread without a ring", "metric without a slot".
  LedgerEntry ledger() const;
  /// Samples per second and thread that the target asked its sampler for; 0 when it runs none.
  unsigned sample_hz() const;

 private:
  struct State;
  explicit Reader(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace fanlight::inprocess
