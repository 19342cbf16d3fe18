// libbpf talks to stderr by itself; this keeps it silent and remembers what it said last.
#pragma once

#include <string>

namespace fanlight::kernel {

/// From now on libbpf prints nothing. Threads: any; the first call counts.
void silence_libbpf();

/// The last warning that libbpf gave on this thread, one line, without "libbpf: "; taken out, so it is told once.
std::string take_libbpf_words();

}  // namespace fanlight::kernel
