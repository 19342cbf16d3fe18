// The queries of docs/recording.md, as they stand there.
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <fstream>
#include <iterator>
#include <vector>

#include "tests/collector/profile/made_windows.hpp"
#include "tests/collector/store/files.hpp"

namespace fanlight::store {
namespace {

class Queries : public testing::StoreTest {};

std::vector<std::string> blocks(const std::string& text, const std::string& fence) {
  std::vector<std::string> found;
  for (std::size_t at = 0; (at = text.find(fence, at)) != std::string::npos;) {
    at += fence.size();
    const std::size_t end = text.find("```", at);
    found.push_back(text.substr(at, end - at));
    at = end + 3;
  }
  return found;
}

TEST_F(Queries, OfThePageGiveRows) {
  std::ifstream page(std::filesystem::path(FANLIGHT_SOURCE_DIR) / "docs/recording.md");
  const std::string text{std::istreambuf_iterator<char>(page), {}};
  const auto queries = blocks(text, "```sql\n");
  ASSERT_EQ(queries.size(), 10u);
  ASSERT_TRUE(testing::record(file(), testing::broadcaster()));
  sqlite3* raw = nullptr;
  ASSERT_EQ(sqlite3_open_v2(file().c_str(), &raw, SQLITE_OPEN_READONLY, nullptr), SQLITE_OK);
  for (const std::string& query : queries) {
    SCOPED_TRACE(query);
    std::size_t rows = 0;
    char* message = nullptr;
    const int code = sqlite3_exec(
        raw, query.c_str(),
        [](void* count, int, char**, char**) {
          ++*static_cast<std::size_t*>(count);
          return 0;
        },
        &rows, &message);
    EXPECT_EQ(code, SQLITE_OK) << (message != nullptr ? message : "");
    sqlite3_free(message);
    EXPECT_GT(rows, 0u);
  }
  sqlite3_close(raw);
}

TEST_F(Queries, ThePageNamesEveryTableAndColumn) {
  std::ifstream page(std::filesystem::path(FANLIGHT_SOURCE_DIR) / "docs/recording.md");
  const std::string text{std::istreambuf_iterator<char>(page), {}};
  ASSERT_TRUE(testing::record(file(), testing::broadcaster()));
  sqlite3* raw = nullptr;
  ASSERT_EQ(sqlite3_open_v2(file().c_str(), &raw, SQLITE_OPEN_READONLY, nullptr), SQLITE_OK);
  std::vector<std::pair<std::string, std::string>> columns;
  sqlite3_exec(
      raw, "SELECT m.name, c.name FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type IN ('table', 'view')",
      [](void* into, int, char** values, char**) {
        static_cast<std::vector<std::pair<std::string, std::string>>*>(into)->emplace_back(values[0], values[1]);
        return 0;
      },
      &columns, nullptr);
  sqlite3_close(raw);
  EXPECT_GT(columns.size(), 100u);
  for (const auto& [table, column] : columns) {
    EXPECT_NE(text.find("`" + table + "`"), std::string::npos) << table;
    if (table == "governor") continue;
    EXPECT_NE(text.find("`" + column + "`"), std::string::npos) << table << "." << column;
  }
}

}  // namespace
}  // namespace fanlight::store
