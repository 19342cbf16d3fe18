// Makes a golden stack of what golden/program prints. Usage: pack WHAT <PRINTED >GOLDEN. Takes the call-frame
// information of the functions on the stack out of the files that were mapped, which must be as they were.
#include <fcntl.h>
#include <gelf.h>
#include <libelf.h>

#include <algorithm>
#include <cstdio>
#include <iostream>
#include <iterator>
#include <map>
#include <sstream>

#include "collector/symbols/demangle.hpp"
#include "collector/symbols/elf_functions.hpp"
#include "collector/unwind/cfi_section.hpp"
#include "core/fd.hpp"
#include "core/sample.hpp"
#include "tests/collector/unwind/golden/replay.hpp"

namespace {

using namespace fanlight;
using namespace fanlight::unwind;
using namespace fanlight::unwind::testing;

struct Names {
  symbols::ElfFunctions elf;
  std::string file;
};

std::string text_of(std::span<const std::uint8_t> bytes) { return {bytes.begin(), bytes.end()}; }

/// All that the file describes.
void add_functions(int fd, GoldenModule& module) {
  ::elf_version(EV_CURRENT);
  Elf* const elf = ::elf_begin(fd, ELF_C_READ, nullptr);
  std::size_t names = 0, identity_bytes = 0;
  const auto* const identity = reinterpret_cast<const std::uint8_t*>(::elf_getident(elf, &identity_bytes));
  ::elf_getshdrstrndx(elf, &names);
  Elf_Scn* section = nullptr;
  while ((section = ::elf_nextscn(elf, section)) != nullptr) {
    GElf_Shdr header;
    ::gelf_getshdr(section, &header);
    if (std::string_view(::elf_strptr(elf, names, header.sh_name)) != ".eh_frame") continue;
    const Elf_Data* const data = ::elf_rawdata(section, nullptr);
    const std::span bytes(static_cast<const std::uint8_t*>(data->d_buf), data->d_size);
    const Cfi cfi = read_cfi(bytes, header.sh_addr, CfiKind::eh_frame, {identity, identity_bytes});
    for (const Cie& cie : cfi.cies)
      module.cies.push_back(
          {cie.code_alignment, cie.data_alignment, cie.return_register, cie.signal, text_of(cie.instructions)});
    for (const Fde& fde : cfi.fdes)
      module.fdes.push_back({fde.cie, fde.range.start, fde.range.end - fde.range.start, text_of(fde.instructions)});
  }
  ::elf_end(elf);
}

/// Only what the frames need.
void keep_used(GoldenStack& stack, const Walked& walked) {
  for (GoldenModule& module : stack.modules) {
    std::vector<GoldenFde> kept;
    for (const GoldenFde& fde : module.fdes) {
      const bool used = std::ranges::any_of(walked.frames, [&](const WalkedFrame& frame) {
        const bool call = frame.found != FANLIGHT_FOUND_REGISTERS;
        const std::uint64_t at = frame.address - call - module.bias;
        return at >= fde.start && at - fde.start < fde.length;
      });
      if (used) kept.push_back(fde);
    }
    std::vector<GoldenCie> cies;
    std::map<std::size_t, std::size_t> renumbered;
    for (GoldenFde& fde : kept) {
      const auto [place, added] = renumbered.try_emplace(fde.cie, cies.size());
      if (added) cies.push_back(module.cies[fde.cie]);
      fde.cie = place->second;
    }
    module.fdes = std::move(kept);
    module.cies = std::move(cies);
  }
  std::erase_if(stack.modules, [](const GoldenModule& module) { return module.fdes.empty(); });
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  GoldenStack stack;
  std::map<std::string, Names> names;
  std::string printed;  // without the mappings it is a golden stack without frames
  for (std::string line; std::getline(std::cin, line);) {
    if (!line.starts_with("map ")) {
      printed += line + "\n";
      continue;
    }
    std::istringstream words(line.substr(4));
    std::string start, end, offset, path;
    words >> start >> end >> offset >> path;
    const Fd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    auto elf = symbols::read_elf(file.get());
    if (!elf) continue;
    GoldenModule module{.name = path.substr(path.rfind('/') + 1)};
    module.start = std::stoull(start, nullptr, 16);
    module.end = std::stoull(end, nullptr, 16);
    const std::uint64_t at = std::stoull(offset, nullptr, 16);
    for (const symbols::Segment& segment : elf->segments) {
      if (!segment.executable || at < (segment.offset & ~0xfffull) || at >= segment.offset + segment.file_size)
        continue;
      module.offset = segment.offset;
      module.size = segment.file_size;
      module.address = segment.address;
      module.bias = module.start - (segment.address - segment.offset + at);
    }
    add_functions(file.get(), module);
    names[module.name] = {std::move(*elf), module.name};
    stack.modules.push_back(std::move(module));
  }
  auto known = golden_from(printed + "frame 0x0 - -\n");
  if (!known) return 1;
  known->modules = std::move(stack.modules);
  known->frames.clear();
  known->what = argv[1];
  Walked walked = walk_golden(*known);
  keep_used(*known, walked);
  walked = walk_golden(*known);
  if (walked.frames.empty()) return 1;
  for (const WalkedFrame& frame : walked.frames) {
    GoldenFrame one{.address = frame.address, .found = std::string(name_of(static_cast<FrameFound>(frame.found)))};
    const std::uint64_t at = frame.address - (frame.found != FANLIGHT_FOUND_REGISTERS);
    for (const GoldenModule& module : known->modules) {
      if (at < module.start || at >= module.end) continue;
      char offset[32];
      std::snprintf(offset, sizeof offset, "+0x%llx ", static_cast<unsigned long long>(at - module.bias));
      one.place = module.name + offset + symbols::display_name(names[module.name].elf.functions.find(at - module.bias));
    }
    known->frames.push_back(one);
  }
  known->stop = name_of(static_cast<StackEnd>(walked.stop));
  std::cout << to_text(*known);
}
