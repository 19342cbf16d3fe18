#include "collector/symbols/elf_functions.hpp"

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "core/fd.hpp"

namespace fanlight::symbols {
namespace {

std::vector<std::byte> bytes_of(const char* path) {
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto* first = reinterpret_cast<const std::byte*>(text.data());
  return {first, first + text.size()};
}

Result<ElfFunctions> read_path(const char* path) {
  const Fd fd{::open(path, O_RDONLY | O_CLOEXEC)};
  return read_elf(fd.get());
}

/// Address of a symbol of the sample, as the dynamic linker finds it, less where the sample is loaded.
std::uint64_t address_in_sample(const char* symbol) {
  void* library = ::dlopen(SAMPLE, RTLD_NOW);
  EXPECT_NE(library, nullptr) << ::dlerror();
  void* found = ::dlsym(library, symbol);
  EXPECT_NE(found, nullptr) << symbol;
  Dl_info info{};
  EXPECT_NE(::dladdr(found, &info), 0);
  return reinterpret_cast<std::uint64_t>(found) - reinterpret_cast<std::uint64_t>(info.dli_fbase);
}

TEST(ElfFunctions, NamesWhatTheDynamicLinkerFinds) {
  const auto elf = read_path(SAMPLE);
  ASSERT_TRUE(elf) << elf.error().what;
  EXPECT_TRUE(elf->complete);
  EXPECT_EQ(elf->build_id.size(), 40u);
  struct Case {
    const char* symbol;
    std::uint64_t offset;
    const char* name;
  };
  for (const Case& c :
       {Case{"_ZN6sample5shownEi", 0, "_ZN6sample5shownEi"}, Case{"_ZN6sample5shownEi", 3, "_ZN6sample5shownEi"},
        Case{"__sample_alias", 0, "sample_plain"}, Case{"sample_untyped", 1, "sample_untyped"},
        Case{"sample_outer", 0, "sample_outer"}, Case{"sample_outer", 2, "sample_outer"}}) {
    SCOPED_TRACE(c.symbol);
    EXPECT_EQ(elf->functions.find(address_in_sample(c.symbol) + c.offset), c.name);
  }
}

TEST(ElfFunctions, StrippedFilesHaveOnlyWhatTheyExport) {
  const auto whole = read_path(SAMPLE);
  const auto stripped = read_path(SAMPLE_STRIPPED);
  const auto debug = read_path(SAMPLE_DEBUG);
  ASSERT_TRUE(whole && stripped && debug);
  EXPECT_FALSE(stripped->complete);
  EXPECT_EQ(stripped->build_id, whole->build_id);
  EXPECT_EQ(debug->build_id, whole->build_id);
  const std::uint64_t shown = address_in_sample("_ZN6sample5shownEi");
  EXPECT_EQ(stripped->functions.find(shown), "_ZN6sample5shownEi");
  EXPECT_EQ(debug->functions.find(shown), "_ZN6sample5shownEi");
  EXPECT_LT(stripped->functions.size(), whole->functions.size());
  EXPECT_EQ(debug->functions.size(), whole->functions.size());
}

TEST(ElfFunctions, OffsetsBecomeAddresses) {
  const std::vector<Segment> segments{{.offset = 0, .file_size = 0x1100, .address = 0x400000},
                                      {.offset = 0x1000, .file_size = 0x500, .address = 0x402000, .executable = true},
                                      {.offset = ~0ull - 4, .file_size = 100, .address = 0}};
  struct Case {
    std::uint64_t offset;
    std::optional<std::uint64_t> address;
  };
  for (const Case& c : {Case{0, 0x400000}, Case{0xfff, 0x400fff}, Case{0x1010, 0x402010}, Case{0x14ff, 0x4024ff},
                        Case{0x1500, std::nullopt}, Case{~0ull, 4}}) {
    SCOPED_TRACE(c.offset);
    EXPECT_EQ(address_of(segments, c.offset), c.address);
  }
}

TEST(ElfFunctions, OtherFilesAreErrors) {
  struct Case {
    const char* name;
    std::string bytes;
  };
  for (const Case& c : {Case{"empty", ""}, Case{"text", "#!/bin/sh\nexit 0\n"},
                        Case{"magic alone",
                             "\x7f"
                             "ELF"},
                        Case{"archive", "!<arch>\n"}, Case{"zeros", std::string(4096, '\0')}}) {
    SCOPED_TRACE(c.name);
    EXPECT_FALSE(read_elf(std::as_bytes(std::span(c.bytes))));
  }
  EXPECT_FALSE(read_path("/"));
  EXPECT_FALSE(read_elf(-1));
  auto object = bytes_of(SAMPLE);
  object[offsetof(Elf64_Ehdr, e_type)] = std::byte{ET_REL};
  const auto relocatable = read_elf(object);
  ASSERT_FALSE(relocatable);
  EXPECT_EQ(relocatable.error().what, "neither an executable nor a shared object");
}

/// What the collector does with any file: read it, then look addresses up.
void use(const Result<ElfFunctions>& elf) {
  if (!elf) {
    EXPECT_FALSE(elf.error().what.empty());
    return;
  }
  for (std::uint64_t offset = 0; offset < 0x5000; offset += 0x101)
    if (const auto address = address_of(elf->segments, offset)) (void)elf->functions.find(*address);
  EXPECT_LE(elf->build_id.size(), 128u);
}

TEST(ElfFunctions, TruncatedFilesAreSurvived) {
  const auto whole = bytes_of(SAMPLE);
  ASSERT_GT(whole.size(), 4096u);
  for (std::size_t size = 0; size < whole.size(); size += size < 1024 ? 1 : 37) {
    // A copy of exactly this size, so that a sanitizer sees a read past its end.
    const std::vector<std::byte> part(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
    use(read_elf(part));
  }
}

TEST(ElfFunctions, MutatedFilesAreSurvived) {
  const auto whole = bytes_of(SAMPLE);
  Elf64_Ehdr header;
  std::memcpy(&header, whole.data(), sizeof header);
  std::mt19937_64 random(5);
  const Fd file{::memfd_create("mutated", MFD_CLOEXEC)};
  ASSERT_TRUE(file);
  constexpr std::uint64_t kEvil[] = {0, 1, 0x7f, 0xff, 0xffff, 0x7fffffff, 0xffffffff, ~0ull, 1ull << 63, 0x1000};
  for (int round = 0; round < 6000; ++round) {
    std::vector<std::byte> mutant = whole;
    for (unsigned changes = 1 + random() % 8; changes > 0; --changes) {
      // Half of the changes hit the file header and the section headers, where they do most harm.
      std::size_t at = random() % mutant.size();
      if (random() % 2 == 0) at = random() % sizeof header;
      if (random() % 3 == 0) at = header.e_shoff + random() % (header.e_shnum * sizeof(Elf64_Shdr));
      const std::uint64_t value = random() % 2 == 0 ? random() : kEvil[random() % std::size(kEvil)];
      const std::size_t width = std::min<std::size_t>(std::size_t{1} << (random() % 4), mutant.size() - at);
      std::memcpy(mutant.data() + at, &value, width);
    }
    if (random() % 4 == 0) mutant.resize(random() % mutant.size());
    // Either way in: the bytes themselves, and a file that the library reads piece by piece.
    if (round % 2 == 0) {
      use(read_elf(mutant));
    } else {
      ASSERT_EQ(::ftruncate(file.get(), 0), 0);
      ASSERT_EQ(::pwrite(file.get(), mutant.data(), mutant.size(), 0), static_cast<ssize_t>(mutant.size()));
      use(read_elf(file.get()));
    }
  }
}

}  // namespace
}  // namespace fanlight::symbols
