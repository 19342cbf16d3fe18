// Keeps the kernel programs' unwind tables in step with the target. In: pids, the loaded object. Out: filled maps.
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
  /// `pid` 0: there is no process yet. `several`: there may be more of them. Errors: the target's mappings cannot be
  /// read. Cost: as unwind::TargetTables::prepare.
  static Result<std::unique_ptr<Unwinding>> prepare(pid_t pid, bool several);
  Unwinding(const Unwinding&) = delete;
  ~Unwinding();

  /// What is mapped now and half as much again, and 2 MiB, for what the target will load later.
  unwind::Capacity capacity() const;
  /// From now on the programs find the tables. Errors: the maps cannot be mapped.
  Result<> publish(fanlight_bpf& skeleton);
  /// Looks for new mappings: ten times a second where the kernel told of a change or a walk met an unknown address,
  /// once a second in any case. Not earlier than privilege is given up, which holds for threads started later only.
  void follow();
  /// A process that has come, or has become another program: it is looked at within milliseconds, by the same thread.
  void look_at(pid_t pid);
  /// A process that is gone.
  void forget(pid_t pid);

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
  Unwinding(pid_t pid, bool several, unwind::Cache cache);
  /// What has come and gone since the last call. True: something changed.
  bool take_news();
  void tell_kernel();
  template <class T>
  Result<std::span<T>> map_array(const bpf_map* map, Mapped& into);
  /// Grows whenever there is reason to look.
  std::uint64_t reasons_to_look() const;
  void watch(const std::stop_token& stop);

  struct News {
    pid_t pid = 0;
    bool gone = false;
  };
  bool several_;
  unwind::TargetTables tables_;
  mutable std::mutex lock_;  // over `tables_`, while its thread runs
  std::mutex news_lock_;     // over `news_`
  std::vector<News> news_;
  std::vector<unwind::TargetTables::Slot> told_;  // the kernel
  Mapped chunks_, pages_, rules_, lists_;
  fanlight_bpf* skeleton_ = nullptr;
  std::condition_variable_any wake_;
  std::jthread thread_;
};

}  // namespace fanlight::kernel
