// What other tools wrote. In: bytes of a file. Out: a `Window`, so that report, diff and the dashboard show it like a
// recording.
#pragma once

#include <string>
#include <string_view>

#include "collector/profile/view.hpp"
#include "collector/profile/window.hpp"
#include "core/error.hpp"

namespace fanlight::formats {

struct Imported {
  profile::Window window;
  std::string format;                        // "folded", "pprof" or "perf script"
  profile::View view = profile::View::wall;  // on_cpu where the file knows no states: the view that shows it as it is
};

/// Told by its content: gzip or a protobuf message is pprof, lines with a colon after a time and stacks below are `perf
/// script`, lines that end in a number are folded stacks. No line, name or stack may be longer than is sane; the file
/// may be hostile. `name` is what errors call it. Errors: none of the three, damaged, too large; with a hint.
Result<Imported> import_profile(std::string_view bytes, const std::string& name);

/// "root;caller;leaf 123" a line; kernel functions end in "_[k]". The first frame is the thread, after the state where
/// fanlight wrote it. Source: github.com/brendangregg/FlameGraph, stackcollapse-perf.pl.
Result<Imported> read_folded(std::string_view text);
/// A profile.proto message, gzipped or not. Source: github.com/google/pprof/blob/main/proto/profile.proto.
Result<Imported> read_pprof(std::string_view bytes);
/// The text that `perf script` prints by default, with or without the CPU and the period. One slice a second.
/// Source: man perf-script, "--fields".
Result<Imported> read_perf_script(std::string_view text);

}  // namespace fanlight::formats
