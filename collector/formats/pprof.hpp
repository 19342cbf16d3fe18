// pprof. In: `WeightedStacks`. Out: a gzipped `profile.proto` message, as `go tool pprof`, Pyroscope and Parca read it.
#pragma once

#include <string>

#include "collector/profile/view.hpp"
#include "core/error.hpp"

namespace fanlight::formats {

/// Sample types: samples/count, then the view's own (cpu/nanoseconds, off_cpu/nanoseconds, socket/bytes, ...), which is
/// the default. Stacks that know their state (the wall view) have wall, cpu, runnable and off_cpu instead, and the
/// state as a label in place of its root frame. Labels: thread, state, and those of the target. Leaf first; a
/// location's lines are inlined calls. Mappings one per module, with its build-id. Errors: out of memory in zlib.
/// Source: github.com/google/pprof/blob/main/proto/profile.proto.
Result<std::string> pprof(const profile::WeightedStacks& stacks);

}  // namespace fanlight::formats
