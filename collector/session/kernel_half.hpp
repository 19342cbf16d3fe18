// What a session needs of the kernel half. In: nothing but time. Out: samples, readings, the forms of the probes.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "collector/kernel/effort.hpp"
#include "collector/kernel/reading.hpp"
#include "core/error.hpp"
#include "core/sample.hpp"

namespace fanlight::session {

/// `kernel::Probes` behind a border, so that merging both halves is tested on machines without any kernel probe.
/// Threads: one at a time.
class KernelHalf {
 public:
  using OnSample = std::function<void(RawSample&&)>;

  virtual ~KernelHalf() = default;
  /// As Probes::poll, Probes::read, Probes::forms and Probes::set_effort.
  virtual Result<> poll(std::chrono::milliseconds timeout, const OnSample& on_sample) = 0;
  virtual Result<kernel::Reading> read() = 0;
  virtual const std::vector<kernel::Form>& forms() const = 0;
  virtual void set_effort(const kernel::Effort& effort) = 0;
  /// As Probes::label_attributes.
  virtual std::span<const std::byte> label_attributes(std::uint32_t) { return {}; }
  /// As Probes::follow_labels, with the fields of kernel::LabelAccess.
  virtual void follow_labels(std::int64_t /*offset*/, std::uint64_t /*module*/) {}
  /// As Probes::add and Probes::started. A half of one process that runs has no use for them.
  virtual Result<> add(pid_t) { return {}; }
  virtual void started() {}
};

}  // namespace fanlight::session
