#include "collector/symbols/symbols.hpp"

#include <dlfcn.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/auxv.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "collector/process/mappings.hpp"
#include "tests/child.hpp"

namespace fanlight::symbols {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// Names an address of a process the way the collector does: through its mappings.
std::string name_of(Symbols& symbols, pid_t pid, std::uint64_t address) {
  const auto mappings = process::Mappings::read(pid);
  const process::Mapping* mapping = mappings ? mappings->find(address) : nullptr;
  if (mapping == nullptr) return "no mapping";
  return symbols.user(mapping->path, address - mapping->start + mapping->offset);
}

TEST(Symbols, NameTheirOwnProcess) {
  Symbols symbols(::getpid());
  void* library = ::dlopen(SAMPLE, RTLD_NOW);
  ASSERT_NE(library, nullptr) << ::dlerror();
  const auto address = [&](const char* symbol) { return reinterpret_cast<std::uint64_t>(::dlsym(library, symbol)); };
  EXPECT_EQ(name_of(symbols, ::getpid(), address("_ZN6sample5shownEi") + 1), "sample::shown");
  EXPECT_EQ(name_of(symbols, ::getpid(), address("_ZN6sample9templatedIlEET_S1_") + 1), "sample::templated<long>");
  EXPECT_EQ(name_of(symbols, ::getpid(), address("sample_outer") + 2), "sample_outer");
  EXPECT_EQ(name_of(symbols, ::getpid(), reinterpret_cast<std::uint64_t>(&name_of)),
            "fanlight::symbols::(anonymous namespace)::name_of");
  EXPECT_EQ(symbols.counts().named, 4u);
  EXPECT_EQ(symbols.counts().files_read, 2u);
  EXPECT_EQ(symbols.counts().files_failed, 0u);
  EXPECT_THAT(symbols.complaints(), IsEmpty());
}

TEST(Symbols, NameTheVdso) {
  Symbols symbols(::getpid());
  const std::uint64_t start = ::getauxval(AT_SYSINFO_EHDR);
  ASSERT_NE(start, 0u);
  // Some function of it is named; which one lies where is the kernel's business.
  bool any = false;
  for (std::uint64_t offset = 0x400; offset < 0x2000; offset += 8)
    any |= symbols.user("[vdso]", offset).starts_with("__vdso") || symbols.user("[vdso]", offset).starts_with("clock_");
  EXPECT_TRUE(any);
  EXPECT_EQ(symbols.user("[vdso]", 0xfffffff), "[vdso+0xfffffff]");
}

TEST(Symbols, UnknownStaysVisible) {
  const std::string root = (fs::path(FANLIGHT_SOURCE_DIR) / "tests/data/process_root").string();
  Symbols symbols(0, root);
  EXPECT_EQ(symbols.user("/opt/none/libnone.so.1", 0x12ab), "[libnone.so.1+0x12ab]");
  EXPECT_EQ(symbols.user("/opt/none/libnone.so.1", 0x10), "[libnone.so.1+0x10]");
  EXPECT_EQ(symbols.user("/proc/4242/stat", 0x10), "[stat+0x10]");
  EXPECT_EQ(symbols.user("[anon]", 0x10), "[anon+0x10]");
  EXPECT_EQ(symbols.user("", 0), "[unknown+0x0]");
  EXPECT_EQ(symbols.user("/memfd:a\nb", 1), "[memfd:a?b+0x1]");
  EXPECT_EQ(symbols.kernel(0xffffffff81000000), "[kernel+0xffffffff81000000]");
  EXPECT_EQ(symbols.counts().unknown, 7u);
  EXPECT_EQ(symbols.counts().files_failed, 4u) << "each file is tried once";
  EXPECT_THAT(symbols.complaints(),
              ElementsAre(HasSubstr("libnone.so.1: /opt/none/libnone.so.1: No such file"),
                          HasSubstr("stat: not an ELF file"), HasSubstr("memfd:a?b: "), HasSubstr("kallsyms: ")));
}

TEST(Symbols, KernelNamesComeFromBelowTheRoot) {
  std::string name = (fs::temp_directory_path() / "fanlight-kernel-XXXXXX").string();
  ASSERT_NE(::mkdtemp(name.data()), nullptr);
  fs::create_directories(fs::path(name) / "proc");
  std::ofstream(fs::path(name) / "proc/kallsyms") << "ffffffff81000000 T tcp_sendmsg\nffffffff81000100 t do_it.cold\n";
  Symbols symbols(0, name);
  EXPECT_EQ(symbols.kernel(0xffffffff81000010), "tcp_sendmsg");
  EXPECT_EQ(symbols.kernel(0xffffffff81000110), "do_it");
  EXPECT_EQ(symbols.kernel(0x10), "[kernel+0x10]");
  fs::remove_all(name);
}

TEST(Symbols, StrippedFilesUseTheirDebugFile) {
  std::string name = (fs::temp_directory_path() / "fanlight-debug-XXXXXX").string();
  ASSERT_NE(::mkdtemp(name.data()), nullptr);
  const fs::path root = name;
  fs::copy_file(SAMPLE_STRIPPED, root / "sample.so");

  void* library = ::dlopen(SAMPLE, RTLD_NOW);
  ASSERT_NE(library, nullptr) << ::dlerror();
  // The local function lies next to the exported one, so one of the two sides of it is found only with full symbols.
  const auto mappings = process::Mappings::read(::getpid());
  ASSERT_TRUE(mappings);
  const process::Mapping* code =
      mappings->find(reinterpret_cast<std::uint64_t>(::dlsym(library, "_ZN6sample5shownEi")));
  ASSERT_NE(code, nullptr);
  const auto mentions_local = [&](Symbols& symbols) {
    for (std::uint64_t offset = code->offset; offset < code->offset + (code->end - code->start); ++offset)
      if (symbols.user("/sample.so", offset) == "sample::(anonymous namespace)::hidden") return true;
    return false;
  };
  Symbols without(0, root);
  EXPECT_FALSE(mentions_local(without));

  // The build-id as the file states it: 20 bytes behind the note's name.
  std::ifstream file(SAMPLE_STRIPPED, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), {}};
  const std::size_t note = bytes.find(std::string("\x04\0\0\0\x14\0\0\0\x03\0\0\0GNU\0", 16));
  ASSERT_NE(note, std::string::npos);
  std::string id;
  for (const char c : bytes.substr(note + 16, 20)) {
    constexpr const char* kDigits = "0123456789abcdef";
    id += kDigits[static_cast<unsigned char>(c) >> 4];
    id += kDigits[static_cast<unsigned char>(c) & 15];
  }
  const fs::path directory = root / "usr/lib/debug/.build-id" / id.substr(0, 2);
  fs::create_directories(directory);
  fs::copy_file(SAMPLE_DEBUG, directory / (id.substr(2) + ".debug"));
  Symbols with(0, root);
  EXPECT_TRUE(mentions_local(with));

  // A file of another build at that path is not believed.
  fs::remove(directory / (id.substr(2) + ".debug"));
  fs::copy_file(SLEEPER, directory / (id.substr(2) + ".debug"));
  Symbols other(0, root);
  EXPECT_FALSE(mentions_local(other));
  const auto shown = reinterpret_cast<std::uint64_t>(::dlsym(library, "_ZN6sample5shownEi"));
  EXPECT_EQ(other.user("/sample.so", shown - code->start + code->offset), "sample::shown");
  fs::remove_all(root);
}

TEST(Symbols, AnotherProcessIsNamedAlsoAfterItExited) {
  testing::Child child({SLEEPER});
  const std::string address = child.await("0x");
  ASSERT_FALSE(address.empty());
  const std::uint64_t rest = std::strtoull(address.c_str(), nullptr, 16);
  const auto mappings = process::Mappings::read(child.pid());
  ASSERT_TRUE(mappings);
  const process::Mapping* mapping = mappings->find(rest);
  ASSERT_NE(mapping, nullptr);
  Symbols symbols(child.pid());
  child.signal(SIGKILL);
  child.wait();
  EXPECT_EQ(symbols.user(mapping->path, rest - mapping->start + mapping->offset), "sleeper::rest");
}

}  // namespace
}  // namespace fanlight::symbols
