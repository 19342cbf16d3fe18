#include "collector/symbols/module_file.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/child.hpp"

namespace fanlight::symbols {
namespace {

namespace fs = std::filesystem;

/// A directory that stands for a target's root, removed at the end.
class ModuleFile : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "fanlight-root-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    world_ = name;
    fs::create_directories(world_ / "root/lib");
    write(world_ / "root/lib/real.so", "inside");
    write(world_ / "secret", "outside");
  }
  void TearDown() override { fs::remove_all(world_); }

  static void write(const fs::path& path, const std::string& text) { std::ofstream(path) << text; }
  static std::string text_of(const Result<Fd>& file) {
    if (!file) return "error: " + file.error().what;
    char text[64];
    const ssize_t got = ::read(file->get(), text, sizeof text);
    return std::string(text, static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  }

  fs::path world_;
};

TEST_F(ModuleFile, StaysBelowTheRoot) {
  fs::create_symlink("real.so", world_ / "root/lib/relative.so");
  fs::create_symlink("/lib/real.so", world_ / "root/lib/absolute.so");
  fs::create_symlink("../../secret", world_ / "root/lib/upward.so");
  fs::create_symlink(world_ / "secret", world_ / "root/lib/outside.so");
  ASSERT_EQ(::mkfifo((world_ / "root/lib/pipe").c_str(), 0600), 0);
  const ModuleFiles files(0, world_ / "root");
  EXPECT_EQ(text_of(files.open("/lib/real.so")), "inside");
  EXPECT_EQ(text_of(files.open("/lib/relative.so")), "inside");
  EXPECT_EQ(text_of(files.open("/lib/absolute.so")), "inside") << "absolute links are the target's, not ours";
  for (const char* module : {"/lib/upward.so", "/lib/outside.so", "/../secret", "/lib/none.so"}) {
    SCOPED_TRACE(module);
    EXPECT_EQ(text_of(files.open(module)), "error: " + std::string(module) + ": No such file or directory");
  }
  EXPECT_EQ(text_of(files.open("/lib/pipe")), "error: /lib/pipe: not a regular file");
  EXPECT_EQ(text_of(files.open("/lib")), "error: /lib: not a regular file");
  EXPECT_EQ(text_of(files.open("[anon]")), "error: [anon]: not a file");
  EXPECT_EQ(text_of(files.open("")), "error: : not a file");
}

TEST_F(ModuleFile, DebugFilesAreFoundByBuildId) {
  fs::create_directories(world_ / "root/usr/lib/debug/.build-id/ab");
  write(world_ / "root/usr/lib/debug/.build-id/ab/cdef01.debug", "debug");
  const ModuleFiles files(0, world_ / "root");
  EXPECT_EQ(text_of(files.open_debug_file("abcdef01")), "debug");
  EXPECT_FALSE(files.open_debug_file("abcdef02"));
  EXPECT_FALSE(files.open_debug_file(""));
  EXPECT_FALSE(files.open_debug_file("abc"));
}

TEST_F(ModuleFile, TheRunningProgramIsReadAfterItWasReplaced) {
  const fs::path program = world_ / "program";
  fs::copy_file(SLEEPER, program);
  testing::Child child({program.string()});
  ASSERT_NE(child.await("0x"), "");
  fs::remove(program);
  write(program, "a newer version");
  const ModuleFiles files(child.pid(), "/");
  EXPECT_EQ(text_of(files.open(program.string())).substr(1, 3), "ELF");

  // What was opened while it ran stays reachable when it is gone.
  child.signal(SIGKILL);
  child.wait();
  EXPECT_EQ(text_of(files.open(program.string())).substr(1, 3), "ELF");
  EXPECT_EQ(text_of(files.open(SLEEPER)).substr(1, 3), "ELF");
}

}  // namespace
}  // namespace fanlight::symbols
