// The slice that is being filled. In: interned samples. Out: rows, one per (sampler, reason, thread, stack, labels).
#pragma once

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "collector/profile/window.hpp"
#include "core/sample.hpp"

namespace fanlight::session {

/// Adds samples that are alike into one row. Threads: one. Cost: one hash look-up per sample.
class OpenSlice {
 public:
  void add(const RawSample& sample, profile::ThreadId thread, profile::StackId stack, profile::LabelsId labels = 0);
  /// The rows so far; the slice is empty afterwards.
  std::vector<profile::SampleRow> take_rows();

 private:
  struct Key {
    std::uint64_t who = 0;  // thread, sampler, reason
    profile::StackId stack = 0;
    profile::LabelsId labels = 0;
    bool operator==(const Key&) const = default;
  };
  struct Hash {
    std::size_t operator()(const Key& key) const {
      return static_cast<std::size_t>((key.who * 0x9e3779b97f4a7c15u) ^
                                      ((std::uint64_t{key.labels} << 32 | key.stack) * 0xc2b2ae3d27d4eb4fu));
    }
  };
  std::vector<profile::SampleRow> rows_;
  std::unordered_map<Key, std::size_t, Hash> place_;
};

}  // namespace fanlight::session
