// What a target says of itself and its threads, after OTEP-4719 and OTEP-4947. In: bytes that the target can write as
// it likes. Out: names of label keys, labels by name, spans. Sources:
// github.com/open-telemetry/opentelemetry-specification, oteps/profiles/4719-process-ctx.md, 4947-thread-ctx.md
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/error.hpp"

namespace fanlight::inprocess {

struct ProcessContext {
  std::uint64_t published_at_ns = 0;            // CLOCK_BOOTTIME; changes with every update
  std::string schema;                           // threadlocal.schema_version
  std::vector<std::string> keys;                // threadlocal.attribute_key_map
  std::map<std::string, std::string> resource;  // text attributes of the resource
};

/// The payload of an OTEL_CTX mapping. What cannot be read ends it; what came before counts. Threads: any.
ProcessContext decode_process_context(std::span<const std::byte> payload);

/// Errors: ENOENT when the process publishes none; not permitted; version unknown; still being written after several
/// attempts. Threads: any. Cost: a pass over /proc/PID/maps.
Result<ProcessContext> read_process_context(pid_t pid, const std::filesystem::path& root = "/");

/// Sorted by key, no key twice.
using LabelList = std::vector<std::pair<std::string, std::string>>;

/// The key under which spans are labels. A thread within several has it several times, outermost first.
inline constexpr const char* kSpanKey = "span";
/// Between the spans of one label.
inline constexpr const char* kSpanSeparator = " / ";

/// `attributes` of a thread's record. Unknown keys are left out; of a key twice the last counts, but spans are joined.
/// Bytes that are not UTF-8, and control characters, become '?'. Threads: any.
LabelList decode_attributes(std::span<const std::byte> attributes, const std::vector<std::string>& keys);

/// True when `attributes` names a key that `keys` does not have, so that the context must be read again.
bool has_unknown_key(std::span<const std::byte> attributes, std::size_t keys);

}  // namespace fanlight::inprocess
