// Addresses become names. In: (file, offset) of user code, addresses of kernel code. Out: demangled function names.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "collector/symbols/disk_cache.hpp"
#include "collector/symbols/place.hpp"

namespace fanlight::symbols {

enum class Fetching : std::uint8_t {
  as_environment_says,  // from the servers that $DEBUGINFOD_URLS names
  never,                // debug files of this machine alone
};

/// Names functions from .symtab, .gnu_debugdata or .dynsym of ELF files, from /proc/kallsyms, and from
/// jit-PID.dump or /tmp/perf-PID.map; finds source lines and inlined functions in DWARF, in the file itself or in its
/// debug file. Each file is read once, each address is looked up once by whoever asks. Unknown stays
/// `[module+0xoffset]`. Files are opened below /proc/PID/root, so a target in another mount namespace is named from its
/// own files. Every input is hostile: a broken ELF file names nothing. Threads: one at a time. Cost: O(log symbols),
/// plus reading a file the first time.
class Symbols {
 public:
  /// `pid` 0: files are opened below `root` itself.
  explicit Symbols(pid_t pid, std::filesystem::path root = "/", DiskCache cache = {},
                   Fetching fetching = Fetching::as_environment_says);
  Symbols(Symbols&&) noexcept;
  Symbols& operator=(Symbols&&) noexcept;
  ~Symbols();

  /// The function at `offset` within the file `module` (the path as the target sees it), as `display_name()` spells it:
  /// "fanlight::server::Worker::flush". Overloads share a name. "[vdso]" is named from our own; other code without a
  /// file stays "[anon+0xoffset]".
  std::string user(const std::string& module, std::uint64_t offset);
  /// The same for many at once, with source lines and inlined functions; any order. Of code without a file ("[anon]")
  /// the offset is the address. Cost: see DwarfPlaces; ms for what an earlier run has looked up.
  std::vector<Place> places(const std::string& module, std::span<const std::uint64_t> offsets);
  /// Of a file that `places` was asked for; lower-case hexadecimal, empty where it has none.
  std::string build_id(const std::string& module) const;
  /// The kernel function at `address`; "[kernel+0x…]" where addresses are hidden.
  std::string kernel(std::uint64_t address);

  struct Counts {
    std::uint64_t files_read = 0;
    std::uint64_t files_failed = 0;  // could not be opened, are not ELF, or have no symbols
    std::uint64_t named = 0;
    std::uint64_t unknown = 0;
  };
  Counts counts() const;
  /// Makes a fetch that is under way, and each one after it, end at once. From any thread.
  void stop_fetching();
  /// Why a file gave no names: "libfoo.so.1: no symbol table".
  std::vector<std::string> complaints() const;

  struct Sources {
    std::uint64_t with = 0;            // files with debug information
    std::vector<std::string> without;  // names of the others, those that most was asked of first
  };
  Sources sources() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace fanlight::symbols
