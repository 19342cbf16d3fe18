// What a target's threads say of their work, by name. In: raw sets of labels, traces. Out: label ids of the model.
#pragma once

#include <cstdint>
#include <functional>
#include <unordered_map>
#include <vector>

#include "collector/inprocess/context_reader.hpp"
#include "collector/profile/window.hpp"
#include "collector/session/kernel_half.hpp"
#include "core/sample.hpp"

namespace fanlight::session {

/// Threads: one, with the lock over `tables` held. Cost: a hash look-up; for a set seen first, its decoding.
class LabelNames {
 public:
  using ReadContext = std::function<Result<inprocess::ProcessContext>()>;
  /// `most`: sets of labels in all; those beyond become one, "labels=[too many to tell apart]".
  explicit LabelNames(ReadContext read_context, std::size_t most = 10'000);

  /// Names of keys are read again when the target has published more. True when there are any.
  bool refresh();
  /// The labels of a sample, its trace among them. `kernel`: who numbers its sets; may be null.
  profile::LabelsId of(const RawSample& sample, KernelHalf* kernel, profile::Tables& tables);
  /// The labels of a set by the kernel's number.
  profile::LabelsId of_set(std::uint32_t set, KernelHalf& kernel, profile::Tables& tables);
  /// Samples and times whose labels were joined with others for want of room.
  std::uint64_t beyond() const { return beyond_; }

 private:
  profile::Labels decode(std::span<const std::byte> attributes);
  profile::LabelsId place(profile::Labels labels, profile::Tables& tables);

  ReadContext read_context_;
  std::size_t most_;
  inprocess::ProcessContext context_;
  bool may_read_ = true;  // once a slice
  std::unordered_map<std::uint32_t, profile::LabelsId> sets_;
  std::uint64_t beyond_ = 0;
};

}  // namespace fanlight::session
