#include "collector/store/read_code.hpp"

#include <algorithm>
#include <utility>

namespace fanlight::store {
namespace {

constexpr std::int64_t kMaxDepth = 4096;  // frames in a stack; the walkers stop long before
constexpr std::uint64_t kMaxNodes = std::uint64_t{1} << 26;
constexpr std::size_t kMaxLabels = std::size_t{1} << 24;

/// Ids are dense and in order; a gap means that rows are gone.
void expect_next(Row& row, std::size_t expected, const char* what) { row.between(expected, expected, what); }

profile::Frame frame_of(Row& row, const std::string& module) {
  profile::Frame frame;
  frame.module = module;
  frame.offset = static_cast<std::uint64_t>(row.any());
  frame.name = row.text();
  return frame;
}

}  // namespace

Result<Code> Code::read(sqlite3* db, int version, profile::Tables& tables) {
  Code code;
  if (version > 1) {
    if (auto done = code.read_modules(db, tables); !done) return std::unexpected(done.error());
  }
  if (auto done = code.read_frames(db, version, tables); !done) return std::unexpected(done.error());
  if (version > 1) {
    if (auto done = code.read_inlined(db, tables); !done) return std::unexpected(done.error());
    if (auto done = code.read_tree(db, version); !done) return std::unexpected(done.error());
    if (auto done = code.read_labels(db, tables); !done) return std::unexpected(done.error());
  } else {
    if (auto done = code.read_lists(db, tables); !done) return std::unexpected(done.error());
    code.labels_.push_back(0);
  }
  if (auto done = code.read_threads(db, version, tables); !done) return std::unexpected(done.error());
  return code;
}

Result<> Code::read_modules(sqlite3* db, profile::Tables& tables) {
  return each_row(db, "SELECT id, path, build_id FROM module ORDER BY id", [&](Row& row) {
    expect_next(row, modules_.size(), "module");
    modules_.push_back(row.text());
    tables.set_build_id(modules_.back(), row.text());
  });
}

Result<> Code::read_frames(sqlite3* db, int version, profile::Tables& tables) {
  const char* const kSql = version == 1 ? "SELECT id, origin, module, offset, name, '', 0 FROM frame ORDER BY id"
                                        : "SELECT id, origin, module, offset, name, file, line FROM frame ORDER BY id";
  return each_row(db, kSql, [&](Row& row) {
    expect_next(row, frames_.size(), "frame");
    const auto origin = static_cast<profile::FrameOrigin>(row.below(3, "frame origin"));
    std::string module;
    if (version == 1) {
      module = row.text();
    } else if (const auto id = row.below(modules_.size(), "module"); id < modules_.size()) {
      module = modules_[id];
    }
    profile::Frame frame = frame_of(row, module);
    frame.origin = origin;
    frames_.push_back(tables.frame(frame));
    std::string file = row.text();
    const std::uint32_t line = row.small();
    if (!file.empty() || line != 0) tables.set_source(frames_.back(), std::move(file), line, {});
  });
}

Result<> Code::read_inlined(sqlite3* db, profile::Tables& tables) {
  constexpr std::size_t kMostCalls = 256;
  std::vector<profile::Inlined> calls;
  std::uint64_t of = 0;
  const auto settle = [&] {
    if (calls.empty()) return;
    const profile::Frame& frame = tables.frames()[frames_[of]];
    tables.set_source(frames_[of], frame.file, frame.line, std::exchange(calls, {}));
  };
  auto done =
      each_row(db, "SELECT frame, position, name, file, line FROM inlined ORDER BY frame, position", [&](Row& row) {
        const auto frame = row.below(frames_.size(), "frame");
        if (frame >= frames_.size()) return;
        if (frame != of) settle();
        of = frame;
        row.between(calls.size(), std::min(calls.size(), kMostCalls), "place of an inlined call");
        std::string name = row.text();
        std::string file = row.text();
        calls.push_back({std::move(name), std::move(file), row.small()});
      });
  if (done) settle();
  return done;
}

Result<> Code::read_tree(sqlite3* db, int version) {
  const char* const kSql = version < 3 ? "SELECT id, parent, frame, depth, 15 FROM stack ORDER BY id"
                                       : "SELECT id, parent, frame, depth, coalesce(found, 15) FROM stack ORDER BY id";
  auto done = each_row(db, kSql, [&](Row& row) {
    const auto id = row.below(kMaxNodes, "stack");
    if (id >= nodes_.size()) nodes_.resize(id + 1);
    Node& node = nodes_[id];
    if (id == 0) {
      node.depth = 0;
      return;
    }
    node.parent = row.small();
    node.frame = static_cast<profile::FrameId>(row.below(frames_.size(), "frame"));
    node.depth = static_cast<std::uint32_t>(row.between(1, kMaxDepth, "stack depth"));
    node.found = static_cast<FrameFound>(row.below(kFrameFounds, "way to find a frame"));
  });
  if (!done) return done;
  // One step up is one frame less, so every way up ends.
  for (const Node& node : nodes_) {
    if (node.depth == kNone || node.depth == 0) continue;
    if (node.parent >= nodes_.size() || nodes_[node.parent].depth != node.depth - 1) {
      return fail(0, "recording: stack " + std::to_string(node.parent) + " is unknown", kDamagedHint);
    }
  }
  return {};
}

Result<> Code::read_lists(sqlite3* db, profile::Tables& tables) {
  std::vector<profile::Stack> stacks;
  if (auto done = each_row(db, "SELECT id, depth FROM stack ORDER BY id",
                           [&](Row& row) {
                             expect_next(row, stacks.size(), "stack");
                             row.below(kMaxDepth + 1, "stack depth");
                             stacks.emplace_back();
                           });
      !done) {
    return done;
  }
  if (auto done = each_row(db, "SELECT stack, position, frame FROM stack_frame ORDER BY stack, position",
                           [&](Row& row) {
                             const auto stack = row.below(stacks.size(), "stack");
                             const auto position = row.below(kMaxDepth, "position");
                             const auto frame = row.below(frames_.size(), "frame");
                             if (stack < stacks.size() && position == stacks[stack].size() && frame < frames_.size()) {
                               stacks[stack].push_back(frames_[frame]);
                             }
                           });
      !done) {
    return done;
  }
  for (const profile::Stack& stack : stacks) nodes_.push_back({.depth = 0, .stack = tables.stack(stack)});
  return {};
}

Result<> Code::read_labels(sqlite3* db, profile::Tables& tables) {
  std::vector<profile::Labels> sets(1);
  auto done = each_row(db, "SELECT labels, key, value FROM label ORDER BY labels, key", [&](Row& row) {
    const auto id = row.between(1, std::min(sets.size(), kMaxLabels), "label set");
    if (id == sets.size()) sets.emplace_back();
    std::string key = row.text();
    if (id < sets.size()) sets[id].emplace_back(std::move(key), row.text());
  });
  if (!done) return done;
  for (profile::Labels& set : sets) labels_.push_back(tables.labels(std::move(set)));
  return {};
}

Result<> Code::read_threads(sqlite3* db, int version, profile::Tables& tables) {
  const char* const sql = version < 3 ? "SELECT id, tid, name, 0 FROM thread ORDER BY id"
                                      : "SELECT id, tid, name, pid FROM thread ORDER BY id";
  return each_row(db, sql, [&](Row& row) {
    expect_next(row, threads_.size(), "thread");
    const pid_t tid = row.pid();
    threads_.push_back(tables.thread_born(tid, row.text()));
    tables.set_process(threads_.back(), row.pid());
  });
}

profile::LabelsId Code::labels(Row& row) const {
  const auto id = row.below(labels_.size(), "label set");
  return id < labels_.size() ? labels_[id] : 0;
}

profile::StackId Code::stack(Row& row, profile::Tables& tables) {
  const auto id = row.below(nodes_.size(), "stack");
  if (id >= nodes_.size() || nodes_[id].depth == kNone) {
    row.complain("stack " + std::to_string(id) + " is unknown");
    return 0;
  }
  Node& wanted = nodes_[id];
  if (wanted.stack != kNone) return wanted.stack;
  profile::Stack stack(wanted.depth);
  profile::StackFound found(wanted.depth);
  const Node* node = &wanted;
  for (std::size_t position = wanted.depth; position-- > 0; node = &nodes_[node->parent]) {
    stack[position] = frames_[node->frame];
    found[position] = node->found;
  }
  return wanted.stack = tables.stack(stack, std::move(found));
}

}  // namespace fanlight::store
