#include "collector/store/rolling.hpp"

#include <algorithm>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "collector/store/schema.hpp"

namespace fanlight::store {
namespace {

Result<std::uint64_t> number(sqlite3* db, const char* sql) {
  auto statement = Statement::prepare(db, sql);
  if (!statement) return std::unexpected(statement.error());
  const auto row = statement->next();
  if (!row) return std::unexpected(row.error());
  return *row ? static_cast<std::uint64_t>(statement->integer(0)) : 0;
}

Result<> run_with(sqlite3* db, const std::string& sql, std::int64_t value) {
  auto statement = Statement::prepare(db, sql.c_str());
  if (!statement) return std::unexpected(statement.error());
  return statement->run(value);
}

}  // namespace

void Rolling::wrote(std::int64_t slice, std::uint64_t to_ns, std::int64_t first_histogram) {
  if (keep_ || max_bytes_ > 0) kept_.push_back({slice, to_ns, first_histogram});
}

void Rolling::undo() {
  kept_.insert(kept_.begin(), gone_.begin(), gone_.end());
  gone_.clear();
}

Result<> Rolling::let_go_oldest(sqlite3* db) {
  const Kept oldest = kept_.front();
  for (const char* table : kOfSlice) {
    if (auto done = run_with(db, std::string("DELETE FROM ") + table + " WHERE slice = ?", oldest.slice); !done) {
      return done;
    }
  }
  if (auto done = run_with(db, "DELETE FROM slice WHERE id = ?", oldest.slice); !done) return done;
  if (kept_.size() > 1) {
    if (auto done = run_with(db, "DELETE FROM histogram WHERE id < ?", kept_[1].first_histogram); !done) return done;
  }
  gone_.push_back(oldest);
  kept_.pop_front();
  return execute(db, "UPDATE meta SET value = value + 1 WHERE key = 'slices_let_go'");
}

Result<bool> Rolling::too_large(sqlite3* db) const {
  if (max_bytes_ == 0) return false;
  const auto pages = number(db, "SELECT page_count - freelist_count FROM pragma_page_count, pragma_freelist_count");
  if (!pages) return std::unexpected(pages.error());
  const auto page_size = number(db, "PRAGMA page_size");
  if (!page_size) return std::unexpected(page_size.error());
  std::error_code none;
  const auto log = std::filesystem::file_size(file_.string() + "-wal", none);
  // A second more must fit, and the pages that deleting touches go through the log.
  return (*pages * *page_size) + (none ? 0 : log) + max_bytes_ / 16 > max_bytes_;
}

Result<> Rolling::forget_unused_stacks(sqlite3* db, Written& written) {
  std::vector<NodeId> parent(written.next_node);
  for (const auto& [key, node] : written.nodes) parent[node] = Written::parent_of(key);
  std::vector<bool> used(written.next_node);
  auto named = Statement::prepare(db, "SELECT DISTINCT stack FROM sample");
  if (!named) return std::unexpected(named.error());
  while (true) {
    const auto row = named->next();
    if (!row) return std::unexpected(row.error());
    if (!*row) break;
    for (auto node = static_cast<NodeId>(named->integer(0)); node != 0 && !used[node]; node = parent[node]) {
      used[node] = true;
    }
  }
  auto remove = Statement::prepare(db, "DELETE FROM stack WHERE id = ?");
  if (!remove) return std::unexpected(remove.error());
  for (auto entry = written.nodes.begin(); entry != written.nodes.end();) {
    const NodeId node = entry->second;
    if (used[node]) {
      ++entry;
      continue;
    }
    if (auto done = remove->run(node); !done) return done;
    written.free_nodes.push_back(node);
    entry = written.nodes.erase(entry);
  }
  for (NodeId& node : written.stack_nodes) {
    if (node != Written::kNoNode && node != 0 && !used[node]) node = Written::kNoNode;
  }
  nodes_after_last_sweep_ = std::max<std::size_t>(written.nodes.size(), 1024);
  return {};
}

Result<> Rolling::make_room(sqlite3* db, std::uint64_t now_ns, Written& written) {
  if (keep_) {
    const auto keep_ns = static_cast<std::uint64_t>(keep_->count());
    while (!kept_.empty() && kept_.front().to_ns + keep_ns < now_ns) {
      if (auto done = let_go_oldest(db); !done) return done;
    }
  }
  while (kept_.size() > 1) {
    const auto full = too_large(db);
    if (!full) return std::unexpected(full.error());
    if (!*full) break;
    if (auto done = let_go_oldest(db); !done) return done;
  }
  const bool many_unused = written.nodes.size() > 2 * nodes_after_last_sweep_;
  return gone_.empty() || !many_unused ? Result<>() : forget_unused_stacks(db, written);
}

}  // namespace fanlight::store
