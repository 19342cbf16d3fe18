// Memory of a target, copied out. In: pid, address. Out: bytes, or nothing where there is nothing to read.
#pragma once

#include <sys/types.h>
#include <sys/uio.h>

#include <cstddef>
#include <cstdint>

namespace fanlight::inprocess {

/// True when all of it was copied. The target goes on meanwhile. Errors: unmapped, not permitted, gone: false, and
/// errno says which. Threads: any.
inline bool copy_from(pid_t pid, std::uint64_t address, void* into, std::size_t bytes) {
  const iovec to{into, bytes};
  const iovec from{reinterpret_cast<void*>(address), bytes};
  return ::process_vm_readv(pid, &to, 1, &from, 1, 0) == static_cast<ssize_t>(bytes);
}

}  // namespace fanlight::inprocess
