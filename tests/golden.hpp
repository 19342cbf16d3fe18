// Golden files: big output compared with a kept file. FANLIGHT_UPDATE_GOLDEN=1 rewrites it and fails the run.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace fanlight::testing {

/// Compares `actual` with tests/golden/`name`. The update run fails, so that a person reads the diff.
inline void expect_golden(const std::string& name, const std::string& actual) {
  const std::filesystem::path path = std::filesystem::path(FANLIGHT_SOURCE_DIR) / "tests" / "golden" / name;
  if (std::getenv("FANLIGHT_UPDATE_GOLDEN") != nullptr) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << actual;
    FAIL() << "rewrote " << path << "; read the difference, then run again without FANLIGHT_UPDATE_GOLDEN";
  }
  std::ifstream file(path, std::ios::binary);
  ASSERT_TRUE(file) << path << " is missing; FANLIGHT_UPDATE_GOLDEN=1 writes it";
  std::ostringstream expected;
  expected << file.rdbuf();
  EXPECT_EQ(actual, expected.str()) << "differs from " << path << "; FANLIGHT_UPDATE_GOLDEN=1 rewrites it";
}

}  // namespace fanlight::testing
