// Files for the store's tests. In: nothing. Out: a directory of its own, bytes in and out.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "collector/store/recording.hpp"

namespace fanlight::testing {

/// A fresh directory, gone with the test.
class StoreTest : public ::testing::Test {
 protected:
  StoreTest() {
    std::string name = (std::filesystem::temp_directory_path() / "fanlight-store-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    directory_ = name;
    // Another user reads in one of the tests.
    std::filesystem::permissions(directory_, std::filesystem::perms(0755));
  }
  ~StoreTest() override {
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }
  std::filesystem::path file(const std::string& name = "run.fanlight") const { return directory_ / name; }

  std::filesystem::path directory_;
};

inline std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void write_bytes(const std::filesystem::path& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

/// Records all of `window`; finishes it if asked to.
inline Result<> record(const std::filesystem::path& path, const profile::Window& window, bool finish = true) {
  auto recorder = store::Recorder::create(path, window.target(), window.realtime_offset_ns());
  if (!recorder) return std::unexpected(recorder.error());
  for (const profile::Slice& slice : window.slices()) {
    if (auto done = recorder->append(window.tables(), slice); !done) return done;
  }
  if (!finish) return {};
  return recorder->finish(window.target());
}

}  // namespace fanlight::testing
