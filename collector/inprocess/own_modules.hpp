// What this process has loaded, as far as unwinding goes. In: the dynamic linker's list. Out: code and call-frame
// information in memory.
#pragma once

#include <link.h>

#include <cstdint>
#include <optional>
#include <span>

namespace fanlight::inprocess {

/// Grows with each module that is loaded or unloaded.
struct ModuleChanges {
  std::uint64_t loaded = 0;
  std::uint64_t unloaded = 0;
  bool operator==(const ModuleChanges&) const = default;
};
ModuleChanges module_changes();

/// Executable memory of a module, before relocation; whole pages.
struct ModuleCode {
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  std::span<const std::uint8_t> bytes;  // those at `start` and after; empty: they may be run but not read
};

inline constexpr std::size_t kMaxModuleCode = 8;

/// One module while it is certain to stay loaded. Addresses in its call-frame information are those before relocation.
struct OwnModule {
  std::uint64_t bias = 0;  // what the linker moved it by
  ModuleCode code[kMaxModuleCode];
  std::size_t codes = 0;
  std::uint64_t section_address = 0;      // of `section`, before relocation
  std::span<const std::uint8_t> section;  // memory of the module from its first loaded byte to its last: bounds all
  std::uint64_t header = 0;               // offset of .eh_frame_hdr in `section`
  std::uint64_t header_bytes = 0;
};

/// Empty: the module has no index of its call-frame information, which every linker makes unless told not to.
std::optional<OwnModule> own_module(const dl_phdr_info& info);

/// The index: a row for each function, in order of address. Source: Linux Standard Base Core 5.0, 10.6.2.
class FunctionIndex {
 public:
  /// Empty: written in another way than linkers do.
  static std::optional<FunctionIndex> of(const OwnModule& module);
  std::size_t size() const { return count_; }
  /// Offset in the module's `section` of the description of function `i`.
  std::uint64_t description(std::size_t i) const;
  std::span<const std::uint8_t> bytes() const { return rows_; }

 private:
  std::span<const std::uint8_t> rows_;
  std::size_t count_ = 0;
  std::uint64_t base_ = 0;
};

}  // namespace fanlight::inprocess
