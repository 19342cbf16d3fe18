// Addresses become names. In: (file, offset) of user code, addresses of kernel code. Out: demangled function names.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace fanlight::symbols {

/// Names functions from .symtab or .dynsym of ELF files and from /proc/kallsyms. Each file is read once, each address
/// is named once by whoever asks. Unknown stays `[module+0xoffset]`. Files are opened below /proc/PID/root, so a target
/// in another mount namespace is named from its own files. Every input is hostile: a broken ELF file names nothing.
/// Threads: one at a time. Cost: O(log symbols), plus reading a file the first time.
class Symbols {
 public:
  /// `pid` 0: files are opened below `root` itself.
  explicit Symbols(pid_t pid, std::filesystem::path root = "/");
  Symbols(Symbols&&) noexcept;
  Symbols& operator=(Symbols&&) noexcept;
  ~Symbols();

  /// The function at `offset` within the file `module` (the path as the target sees it), as `display_name()` spells it:
  /// "fanlight::server::Worker::flush". Overloads share a name. "[vdso]" is named from our own; other code without a
  /// file stays "[anon+0xoffset]".
  std::string user(const std::string& module, std::uint64_t offset);
  /// The kernel function at `address`; "[kernel+0x…]" where addresses are hidden.
  std::string kernel(std::uint64_t address);

  struct Counts {
    std::uint64_t files_read = 0;
    std::uint64_t files_failed = 0;  // could not be opened, are not ELF, or have no symbols
    std::uint64_t named = 0;
    std::uint64_t unknown = 0;
  };
  Counts counts() const;
  /// Why a file gave no names: "libfoo.so.1: no symbol table".
  std::vector<std::string> complaints() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace fanlight::symbols
