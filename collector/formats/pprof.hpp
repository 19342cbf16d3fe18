// pprof. In: `WeightedStacks`. Out: a gzipped `profile.proto` message, as `go tool pprof`, Pyroscope and Parca read it.
#pragma once

#include <string>

#include "collector/profile/view.hpp"
#include "core/error.hpp"

namespace fanlight::formats {

/// Sample types: samples/count, then the view's own (cpu/nanoseconds, off_cpu/nanoseconds, wall/nanoseconds,
/// socket/bytes, ...), which is the default. Leaf first. Mappings one per module. Errors: out of memory in zlib.
/// Source: github.com/google/pprof/blob/main/proto/profile.proto.
Result<std::string> pprof(const profile::WeightedStacks& stacks);

}  // namespace fanlight::formats
