// Shared memory that is a file, for runs without a collector: FANLIGHT_OUT names it. In: the environment. Out: a file
// that `fanlight report` and `fanlight export` read, also after a crash.
#pragma once

#include <cstdint>

namespace fanlight::inprocess {

inline constexpr std::uint64_t kOutNoteMagic = 0x746e2d74696c6e66;  // "fnlit-nt", little endian
inline constexpr std::uint64_t kOutNoteBytes = 1u << 20;            // at most
inline constexpr char kOutKeysLine[] = "#label-keys\n";

/// Opens and empties the file; -1 where there is none to be written, or it cannot be opened. Threads: one.
int open_out_file();

/// Writes what reading takes beside the memory, at `offset` of the file: kOutNoteMagic, the length of a text, and the
/// text: /proc/self/maps, kOutKeysLine, and the names of label keys, one on a line. Cost: some 50 us. Threads: one at a
/// time.
void write_out_note(int file, std::uint64_t offset);

}  // namespace fanlight::inprocess
