// Where a thread-local variable of a target lies. In: a pid, a name in the dynamic symbols of its executable or
// libraries. Out: how to get from a thread's pointer to the variable. Source: Drepper, "ELF Handling For Thread-Local
// Storage", x86-64; glibc, elf/dl-tls.c and sysdeps/x86_64/tlsdesc.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <string>

#include "core/error.hpp"

namespace fanlight::inprocess {

struct ThreadVariable {
  std::int64_t offset = 0;   // from the thread pointer; with a module: from the start of its block
  std::uint64_t module = 0;  // of a library whose block is reached through the thread's vector; 0: it has a fixed place
  std::string where;         // the file that defines it
  bool operator==(const ThreadVariable&) const = default;
};

/// Local-exec, initial-exec and global-dynamic access in both dialects. Errors: ENOENT when no file that is mapped has
/// such a variable; not permitted; a library whose access cannot be told. Threads: any. Cost: the dynamic symbols of
/// every file that the target maps.
Result<ThreadVariable> find_thread_variable(pid_t pid, const std::string& name,
                                            const std::filesystem::path& root = "/");

/// The variable's address for a thread with that thread pointer (fs base). 0: the thread has not touched it yet.
std::uint64_t address_of(pid_t pid, const ThreadVariable& variable, std::uint64_t thread_pointer);

}  // namespace fanlight::inprocess
