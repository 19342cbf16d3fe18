// Tables that were made before, on disk. In: a build-id. Out: the table, checked, or nothing.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "collector/symbols/disk_cache.hpp"
#include "collector/unwind/table.hpp"

namespace fanlight::unwind {

/// Threads: any. Cost: reads the file; 5 ms for a table of 8 MB.
class Cache {
 public:
  explicit Cache(symbols::DiskCache disk) : disk_(std::move(disk)) {}

  std::optional<Table> load(const std::string& build_id) const;
  void store(const Table& table) const;

 private:
  symbols::DiskCache disk_;
};

/// The bytes of a table on disk. Reading checks every number against what it is used for.
std::string serialise(const Table& table);
std::optional<Table> parse(std::string_view bytes);

}  // namespace fanlight::unwind
