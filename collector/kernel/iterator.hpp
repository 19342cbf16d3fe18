// A kernel program that is read like a file. In: an attached iterator. Out: the bytes of one pass.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <vector>

#include "collector/kernel/handles.hpp"
#include "core/error.hpp"

namespace fanlight::kernel {

/// Attaches an iterator to the threads of one process. The kernel looks the pid up at each pass, in the namespace of
/// whoever reads. Errors: not permitted; EINVAL or E2BIG before Linux 6.1, which cannot restrict it.
Result<LinkPtr> attach_to_process(bpf_program* program, pid_t pid);

/// One pass. What it writes replaces `bytes`; nothing when the process is gone. Errors: of the descriptor.
Result<> run_iterator(bpf_link* link, std::vector<std::byte>& bytes);

}  // namespace fanlight::kernel
