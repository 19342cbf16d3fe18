// Targets that are not as one would like them: in a mount namespace of their own, with files deleted, replaced, or
// damaged. Stacks are whole and named where that is possible; where it is not, that is counted, and nothing breaks.
#include <elf.h>
#include <gtest/gtest.h>
#include <sys/mount.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <set>
#include <string>
#include <thread>

#include "collector/process/mappings.hpp"
#include "collector/symbols/symbols.hpp"
#include "tests/collector/kernel/recorded.hpp"

namespace fanlight::kernel {
namespace {

namespace fs = std::filesystem;

class StrangeTargets : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "fanlight-strange-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    directory_ = name;
  }
  void TearDown() override { fs::remove_all(directory_); }

  struct Seen {
    std::uint64_t samples = 0, whole = 0;
    std::map<std::string, std::uint64_t> names;  // samples by each function on their stacks
  };
  /// Samples whose stack has a frame in `file` (all when empty), named while the target lives.
  Seen watch(testing::Child& program, const std::string& file) {
    Seen seen;
    EXPECT_FALSE(program.await("ready").empty()) << program.err();
    auto probes = Probes::attach({.pid = program.pid(), .sample_hz = 499});
    if (!probes) {
      ADD_FAILURE() << probes.error().what;
      return seen;
    }
    symbols::Symbols symbols(program.pid());
    process::Mappings mappings;
    program.send("go");
    Reading last;
    while (program.running()) {
      const auto polled = probes->poll(std::chrono::milliseconds(50), [&](RawSample&& sample) {
        if (sample.sampler != Sampler::kernel_cpu || sample.user_stack.empty()) return;
        std::set<std::string> names;
        bool within = file.empty();
        for (const std::uint64_t address : sample.user_stack) {
          const process::Mapping* mapping = mappings.find(address - 1);
          if (mapping == nullptr) {
            if (auto now = process::Mappings::read(program.pid()); now && !now->all().empty()) mappings = *now;
            mapping = mappings.find(address - 1);
          }
          if (mapping == nullptr) continue;
          within = within || mapping->path.ends_with(file);  // in a chroot, from outside of it
          const bool compiled = mapping->path.starts_with("[anon");
          const std::uint64_t at = compiled ? address - 1 : address - 1 - mapping->start + mapping->offset;
          // What has no file is named by its address.
          names.insert(compiled ? symbols.places(mapping->path, std::vector<std::uint64_t>{at})[0].name
                                : symbols.user(mapping->path, at));
        }
        if (!within) return;
        ++seen.samples;
        seen.whole += sample.end == StackEnd::entry;
        for (const std::string& name : names) ++seen.names[name];
      });
      if (!polled) break;
      if (auto read = probes->read()) last = std::move(*read);
    }
    for (const LedgerEntry& entry : last.ledger) EXPECT_EQ(entry.balance(), 0) << entry.source;
    return seen;
  }

  std::string copy(const char* from, const char* name) const {
    const fs::path to = directory_ / name;
    fs::copy_file(from, to);
    return to.string();
  }

  static std::string bytes_of(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  static void write(const std::string& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  }
  static void each_section(std::string& bytes, auto use) {
    Elf64_Ehdr header;
    std::memcpy(&header, bytes.data(), sizeof header);
    Elf64_Shdr names;
    const auto at = [&](unsigned index) { return header.e_shoff + index * sizeof(Elf64_Shdr); };
    std::memcpy(&names, bytes.data() + at(header.e_shstrndx), sizeof names);
    for (unsigned i = 0; i < header.e_shnum; ++i) {
      Elf64_Shdr section;
      std::memcpy(&section, bytes.data() + at(i), sizeof section);
      use(std::string(bytes.c_str() + names.sh_offset + section.sh_name), section);
      std::memcpy(bytes.data() + at(i), &section, sizeof section);
    }
  }

  fs::path directory_;
};

TEST_F(StrangeTargets, InAMountNamespaceOfTheirOwn) {
  // The program lies on a file system that nobody else sees.
  // Where a mount is already: a chroot's root is none that could be made private.
  const std::string place = "/dev/shm";
  testing::Child program({"unshare", "-m", "--propagation", "unchanged", "sh", "-c",
                          "mount --make-rprivate " + place + " && mount -t tmpfs none " + place + " && cp " +
                              UNWIND_TARGET + " " + place + "/program && exec " + place + "/program 2"});
  const Seen seen = watch(program, place + "/program");
  EXPECT_GT(seen.samples, 100u);
  EXPECT_GE(seen.whole, seen.samples * 99 / 100);
  EXPECT_GT(seen.names.count("fanlight::unwind::testing::mixed_work"), 0u);
  EXPECT_FALSE(fs::exists(place + "/program"));
}

TEST_F(StrangeTargets, DeletedWithALibraryThatIsReplaced) {
  const std::string program_file = copy(UNWIND_TARGET, "program");
  const std::string library = copy(UNWIND_LATE, "library.so");
  testing::Child program({program_file, "4", library});
  ASSERT_FALSE(program.await("ready").empty());
  fs::remove(program_file);
  // As package managers do it: a new file under the old name, while the old one is mapped.
  std::thread replaces([&] {
    for (int i = 0; i < 500; ++i) {
      const auto now = process::Mappings::read(program.pid());
      const auto mapped = [&](const process::Mapping& mapping) { return mapping.path == library; };
      if (now && std::ranges::any_of(now->all(), mapped)) break;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    write(library + ".new", "another version");
    fs::rename(library + ".new", library);
  });
  const Seen seen = watch(program, library);
  replaces.join();
  EXPECT_GT(seen.samples, 100u);
  EXPECT_GT(seen.names.count("late_work"), 0u);
  EXPECT_GT(seen.names.count("(anonymous namespace)::late_compare"), 0u) << "a local function: out of the file itself";
  EXPECT_GT(seen.names.count("main"), 0u) << "of the program that was deleted";
  EXPECT_GE(seen.whole, seen.samples * 9 / 10) << "its first second may have gone by without tables";
}

// Compiled JavaScript has no rules, but frame pointers: stacks go through it, down to node's own code and libc's.
TEST_F(StrangeTargets, ThatCompileTheirCodeWhileTheyRun) {
  if (std::system("node --version >/dev/null 2>&1") != 0) GTEST_SKIP() << "node is not installed: scripts/setup";
  // Few, long calls: what calls them stays cold, so that no compiler puts them into it. All that is compiled of them
  // is compiled before they are watched; what is compiled later has no name for up to a second.
  const std::string script =
      "function hot_in_javascript(n) { let s = 0; for (let i = 0; i < n; i++) s += Math.sin(i % 7); return s; }"
      "for (let i = 0; i < 10; i++) hot_in_javascript(2000000); console.log('ready now');"
      "require('fs').readSync(0, Buffer.alloc(1));"
      "const end = Date.now() + 4000; while (Date.now() < end) hot_in_javascript(2000000);";
  testing::Child program({"node", "--perf-basic-prof", "-e", script});
  const Seen seen = watch(program, "");
  fs::remove("/tmp/perf-" + std::to_string(program.pid()) + ".map");
  EXPECT_GT(seen.samples, 200u);
  EXPECT_GE(seen.whole, seen.samples * 95 / 100);
  std::uint64_t hot = 0;  // by each of its compilations
  for (const auto& [name, samples] : seen.names)
    if (name.find("hot_in_javascript") != std::string::npos) hot += samples;
  EXPECT_GT(hot, seen.samples / 2);
}

TEST_F(StrangeTargets, WithNoiseForAnEhFrame) {
  const std::string library = copy(UNWIND_LATE, "noise.so");
  std::string bytes = bytes_of(library);
  std::minstd_rand random(11);
  each_section(bytes, [&](const std::string& name, const Elf64_Shdr& section) {
    if (name != ".eh_frame") return;
    for (std::uint64_t i = 4; i + 4 < section.sh_size; ++i)
      bytes[section.sh_offset + i] = static_cast<char>(random() % 64);
  });
  write(library, bytes);
  testing::Child program({UNWIND_TARGET, "3", library});
  const Seen seen = watch(program, library);
  EXPECT_EQ(program.wait(), 0);
  EXPECT_GT(seen.samples, 100u);
  EXPECT_LT(seen.whole, seen.samples) << "nothing can be known of it";
}

TEST_F(StrangeTargets, WithSectionsThatLie) {
  const std::string library = copy(UNWIND_LATE, "lies.so");
  std::string bytes = bytes_of(library);
  each_section(bytes, [&](const std::string& name, Elf64_Shdr& section) {
    if (name == ".symtab" || name == ".eh_frame") section.sh_size = std::uint64_t{1} << 60;
    if (name == ".strtab") section.sh_offset = ~std::uint64_t{0} - 100;
    if (name == ".note.gnu.build-id") section.sh_size = 3;
  });
  write(library, bytes);
  testing::Child program({UNWIND_TARGET, "3", library});
  const Seen seen = watch(program, library);
  EXPECT_EQ(program.wait(), 0);
  EXPECT_GT(seen.samples, 100u);
  EXPECT_GT(seen.names.count("late_work"), 0u) << "the dynamic symbols are left";
}

}  // namespace
}  // namespace fanlight::kernel
