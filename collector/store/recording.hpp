// The recording: a SQLite file, crash-safe, documented in docs/recording.md. In: slices. Out: a `Window` again.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "collector/profile/window.hpp"
#include "core/error.hpp"

namespace fanlight::store {

/// Written to `PRAGMA user_version`; readers refuse what is newer than they are.
inline constexpr int kSchemaVersion = 3;

struct RecorderOptions {
  std::optional<std::chrono::nanoseconds> keep;  // older slices are let go
  /// What the file and its log may take together, about; the oldest slices make room, the newest always stays. 0: no
  /// bound.
  std::uint64_t max_bytes = 0;
  /// Applied to every name, path, label value and text before it is written.
  std::function<std::string(const std::string&)> redact;
};

/// Writes a recording, one transaction per slice: what was appended survives kill -9 and a full disk.
/// Threads: one at a time. Cost: one transaction (a few ms, WAL, no fsync per slice unless the disk demands it).
class Recorder {
 public:
  /// Will replace a file that is a recording already, refuses to overwrite anything else. Until the first slice is
  /// stored the older recording stays as it is, and the new one is "run.fanlight-new", which goes with the recorder.
  /// Errors: cannot create, not a recording, EBUSY (another recorder wants the same file, or a reader has it open),
  /// disk full.
  static Result<Recorder> create(const std::filesystem::path& path, const profile::Target& target,
                                 std::int64_t realtime_offset_ns, RecorderOptions options = {});
  Recorder(Recorder&&) noexcept;
  Recorder& operator=(Recorder&&) noexcept;
  ~Recorder();

  /// The slice, with the frames, stacks and threads that are new in `tables` since the last call, and new names of old
  /// ones. Errors: disk full; for the first slice also: it is stored, but the file cannot take its name.
  Result<> append(const profile::Tables& tables, const profile::Slice& slice);
  /// New names of frames and threads alone, for those that became known after the last slice. Errors: as append.
  Result<> rename(const profile::Tables& tables);
  /// Marks the recording complete, with the target's final description, and folds the write-ahead log into the file.
  Result<> finish(const profile::Target& target);

 private:
  struct State;
  explicit Recorder(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

/// A recording read back, of this schema version or an older one. Not complete (the recorder was killed): `window`
/// holds what was committed, and an event says so. Errors: no such file, not SQLite, not a recording, newer schema,
/// truncated or damaged; each with a hint.
Result<profile::Window> open_recording(const std::filesystem::path& path);

}  // namespace fanlight::store
