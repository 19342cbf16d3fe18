// Keeps the kernel programs' unwind tables in step with the target. In: a pid, the loaded object. Out: filled maps.
#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "collector/kernel/handles.hpp"
#include "collector/unwind/target_tables.hpp"
#include "core/error.hpp"

namespace fanlight::kernel {

/// Makes the tables of what the target has mapped before the programs are loaded, since that says how large their maps
/// must be; fills the maps afterwards; then watches the mappings from a thread of its own.
/// Threads: one, beside its own.
class Unwinding {
 public:
  /// Errors: the target's mappings cannot be read. Cost: as unwind::TargetTables::prepare.
  static Result<std::unique_ptr<Unwinding>> prepare(pid_t pid);
  Unwinding(const Unwinding&) = delete;
  ~Unwinding();

  /// What is mapped now and half as much again, and 2 MiB, for what the target will load later.
  unwind::Capacity capacity() const;
  /// From now on the programs find the tables. Errors: the maps cannot be mapped.
  Result<> publish(fanlight_bpf& skeleton);
  /// Looks for new mappings: ten times a second where the kernel told of a change or a walk met an unknown address,
  /// once a second in any case. Not earlier than privilege is given up, which holds for threads started later only.
  void follow();

  unwind::Counts counts() const;
  std::vector<std::string> complaints() const;

 private:
  struct Mapped {
    Mapped() = default;
    Mapped(const Mapped&) = delete;
    ~Mapped();
    void* memory = nullptr;
    std::size_t bytes = 0;
  };
  Unwinding(pid_t pid, unwind::Cache cache);
  template <class T>
  Result<std::span<T>> map_array(const bpf_map* map, Mapped& into);
  /// Grows whenever there is reason to look.
  std::uint64_t reasons_to_look() const;
  void watch(const std::stop_token& stop);

  unwind::TargetTables tables_;
  mutable std::mutex lock_;  // over `tables_`, while its thread runs
  Mapped chunks_, pages_, rules_, lists_;
  fanlight_bpf* skeleton_ = nullptr;
  std::condition_variable_any wake_;
  std::jthread thread_;
};

}  // namespace fanlight::kernel
