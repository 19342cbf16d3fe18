// A stack as it was in some program at one moment, with the call-frame information of the functions on it: whole, so
// that it can be walked anywhere. In: a text file of tests/golden/stacks. Out: registers, memory, ELF files in small.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace fanlight::unwind::testing {

struct GoldenCie {
  std::uint64_t code_alignment = 1;
  std::int64_t data_alignment = -8;
  std::uint64_t return_register = 16;
  bool signal = false;
  std::string instructions;  // bytes
};
struct GoldenFde {
  std::size_t cie = 0;  // index into GoldenModule::cies
  std::uint64_t start = 0;
  std::uint64_t length = 0;
  std::string instructions;  // bytes
};
struct GoldenModule {
  std::string name;
  std::uint64_t bias = 0;
  std::uint64_t offset = 0, size = 0, address = 0;  // of its code: in the file, and before relocation
  std::uint64_t start = 0, end = 0;                 // where that is mapped
  std::vector<GoldenCie> cies;
  std::vector<GoldenFde> fdes;
};
struct GoldenFrame {
  std::uint64_t address = 0;
  std::string found;  // as `name_of(FrameFound)` has it
  std::string place;  // for people: "libc.so.6+0x8a1b0 start_thread"
};

struct GoldenStack {
  std::string what;
  std::string machine;  // x86_64, aarch64
  std::uint64_t ip = 0;
  std::map<unsigned, std::uint64_t> registers;  // by DWARF number
  std::uint64_t stack_start = 0;
  std::string stack;  // bytes
  std::vector<GoldenModule> modules;
  std::vector<GoldenFrame> frames;  // leaf first
  std::string stop;                 // as `name_of(StackEnd)` has it

  bool read(void* into, std::size_t bytes, std::uint64_t address) const;
};

std::string to_text(const GoldenStack& stack);
/// Empty: the file is not one of these; a test fails on it.
std::optional<GoldenStack> golden_from(const std::string& text);

/// An ELF file with the module's headers and an .eh_frame of just these functions, the addresses as they were.
std::string small_elf(const GoldenModule& module, const std::string& machine);

}  // namespace fanlight::unwind::testing
