#include "tests/collector/unwind/golden/golden_stack.hpp"

#include <elf.h>

#include <cstdio>
#include <cstring>
#include <sstream>

namespace fanlight::unwind::testing {
namespace {

constexpr std::size_t kBytesPerLine = 32;

std::string hex(std::uint64_t value) {
  char text[32];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
  return text;
}
std::string hex_bytes(const std::string& bytes) {
  std::string text;
  char digits[3];
  for (const char byte : bytes) {
    std::snprintf(digits, sizeof digits, "%02x", static_cast<unsigned char>(byte));
    text += digits;
  }
  return text.empty() ? "-" : text;
}
std::string bytes_of(const std::string& text) {
  std::string bytes;
  for (std::size_t i = 0; text != "-" && i + 1 < text.size(); i += 2)
    bytes += static_cast<char>(std::stoi(text.substr(i, 2), nullptr, 16));
  return bytes;
}

template <class T>
void put(std::string& bytes, T value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}
void put_uleb(std::string& bytes, std::uint64_t value) {
  do {
    const auto low = static_cast<unsigned char>(value & 0x7f);
    value >>= 7;
    bytes += static_cast<char>(value != 0 ? low | 0x80 : low);
  } while (value != 0);
}
void put_sleb(std::string& bytes, std::int64_t value) {
  for (;;) {
    const auto low = static_cast<unsigned char>(value & 0x7f);
    value >>= 7;
    const bool last = (value == 0 && (low & 0x40) == 0) || (value == -1 && (low & 0x40) != 0);
    bytes += static_cast<char>(last ? low : low | 0x80);
    if (last) return;
  }
}
void put_record(std::string& section, std::string body) {
  // Padded with DW_CFA_nop.
  while (body.size() % 8 != 4) body += '\0';
  put(section, static_cast<std::uint32_t>(body.size()));
  section += body;
}

/// Addresses are written as they are (DW_EH_PE_absptr), since the functions left out leave gaps.
std::string eh_frame_of(const GoldenModule& module) {
  std::string section;
  std::vector<std::size_t> offsets;
  for (const GoldenCie& cie : module.cies) {
    offsets.push_back(section.size());
    std::string body;
    put(body, std::uint32_t{0});
    body += '\x01';
    body += cie.signal ? "zRS" : "zR";
    body += '\0';
    put_uleb(body, cie.code_alignment);
    put_sleb(body, cie.data_alignment);
    body += static_cast<char>(cie.return_register);
    put_uleb(body, 1);
    body += '\0';  // DW_EH_PE_absptr
    body += cie.instructions;
    put_record(section, body);
  }
  for (const GoldenFde& fde : module.fdes) {
    std::string body;
    put(body, static_cast<std::uint32_t>(section.size() + 4 - offsets.at(fde.cie)));
    put(body, fde.start);
    put(body, fde.length);
    put_uleb(body, 0);
    body += fde.instructions;
    put_record(section, body);
  }
  put(section, std::uint32_t{0});
  return section;
}

}  // namespace

bool GoldenStack::read(void* into, std::size_t bytes, std::uint64_t address) const {
  if (address < stack_start || address - stack_start > stack.size() || bytes > stack.size() - (address - stack_start))
    return false;
  std::memcpy(into, stack.data() + (address - stack_start), bytes);
  return true;
}

std::string to_text(const GoldenStack& stack) {
  std::ostringstream out;
  out << "what " << stack.what << "\nmachine " << stack.machine << "\nip " << hex(stack.ip) << '\n';
  for (const auto& [number, value] : stack.registers) out << "register " << number << ' ' << hex(value) << '\n';
  for (const GoldenFrame& frame : stack.frames)
    out << "frame " << hex(frame.address) << ' ' << frame.found << ' ' << frame.place << '\n';
  out << "stop " << stack.stop << '\n';
  for (const GoldenModule& module : stack.modules) {
    out << "module " << module.name << ' ' << hex(module.bias) << ' ' << hex(module.offset) << ' ' << hex(module.size)
        << ' ' << hex(module.address) << ' ' << hex(module.start) << ' ' << hex(module.end) << '\n';
    for (const GoldenCie& cie : module.cies)
      out << "cie " << cie.code_alignment << ' ' << cie.data_alignment << ' ' << cie.return_register << ' '
          << cie.signal << ' ' << hex_bytes(cie.instructions) << '\n';
    for (const GoldenFde& fde : module.fdes)
      out << "fde " << fde.cie << ' ' << hex(fde.start) << ' ' << hex(fde.length) << ' ' << hex_bytes(fde.instructions)
          << '\n';
  }
  out << "stack " << hex(stack.stack_start) << '\n';
  const std::string zeros(kBytesPerLine, '\0');
  for (std::size_t at = 0; at < stack.stack.size();) {
    std::size_t same = 0;
    while (stack.stack.compare(at + same * kBytesPerLine, kBytesPerLine, zeros) == 0) ++same;
    if (same > 0) {
      out << "zeros " << same * kBytesPerLine << '\n';
      at += same * kBytesPerLine;
      continue;
    }
    out << "bytes " << hex_bytes(stack.stack.substr(at, kBytesPerLine)) << '\n';
    at += kBytesPerLine;
  }
  return out.str();
}

std::optional<GoldenStack> golden_from(const std::string& text) {
  GoldenStack stack;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string kind;
    words >> kind;
    const auto number = [&] {
      std::string word;
      words >> word;
      return word.empty() ? 0 : std::stoull(word, nullptr, 0);
    };
    const auto word = [&] {
      std::string one;
      words >> one;
      return one;
    };
    const auto rest = [&] {
      std::string all;
      std::getline(words >> std::ws, all);
      return all;
    };
    if (kind == "what")
      stack.what = rest();
    else if (kind == "machine")
      stack.machine = word();
    else if (kind == "ip")
      stack.ip = number();
    else if (kind == "register") {
      const auto which = static_cast<unsigned>(number());
      stack.registers[which] = number();
    } else if (kind == "frame") {
      GoldenFrame frame{.address = number()};
      // "frame pointer" is two words.
      frame.found = word();
      if (frame.found == "frame") frame.found += " " + word();
      frame.place = rest();
      stack.frames.push_back(frame);
    } else if (kind == "stop")
      stack.stop = rest();
    else if (kind == "module") {
      GoldenModule module{.name = word()};
      for (std::uint64_t* field :
           {&module.bias, &module.offset, &module.size, &module.address, &module.start, &module.end})
        *field = number();
      stack.modules.push_back(module);
    } else if (kind == "cie" && !stack.modules.empty()) {
      GoldenCie cie;
      words >> cie.code_alignment >> cie.data_alignment >> cie.return_register >> cie.signal;
      cie.instructions = bytes_of(word());
      stack.modules.back().cies.push_back(cie);
    } else if (kind == "fde" && !stack.modules.empty()) {
      GoldenFde fde{.cie = static_cast<std::size_t>(number())};
      fde.start = number();
      fde.length = number();
      fde.instructions = bytes_of(word());
      if (fde.cie >= stack.modules.back().cies.size()) return std::nullopt;
      stack.modules.back().fdes.push_back(fde);
    } else if (kind == "stack")
      stack.stack_start = number();
    else if (kind == "zeros")
      stack.stack.append(number(), '\0');
    else if (kind == "bytes")
      stack.stack += bytes_of(word());
    else
      return std::nullopt;
    if (words.bad()) return std::nullopt;
  }
  if (stack.frames.empty() || stack.machine.empty()) return std::nullopt;
  return stack;
}

std::string small_elf(const GoldenModule& module, const std::string& machine) {
  const std::string section = eh_frame_of(module);
  constexpr char kNames[] = "\0.eh_frame\0.shstrtab";
  const std::string names(kNames, sizeof kNames);
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_ident[EI_VERSION] = EV_CURRENT;
  header.e_type = ET_DYN;
  header.e_machine = machine == "aarch64" ? EM_AARCH64 : EM_X86_64;
  header.e_version = EV_CURRENT;
  header.e_ehsize = sizeof header;
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = 1;
  header.e_shentsize = sizeof(Elf64_Shdr);
  header.e_shnum = 3;
  header.e_shstrndx = 2;
  header.e_phoff = sizeof header;
  const std::uint64_t section_at = sizeof header + sizeof(Elf64_Phdr);
  const std::uint64_t names_at = section_at + section.size();
  header.e_shoff = (names_at + names.size() + 7) / 8 * 8;
  Elf64_Phdr code{};
  code.p_type = PT_LOAD;
  code.p_flags = PF_R | PF_X;
  code.p_offset = module.offset;
  code.p_vaddr = code.p_paddr = module.address;
  code.p_filesz = code.p_memsz = module.size;
  code.p_align = 4096;
  Elf64_Shdr sections[3]{};
  sections[1].sh_name = 1;
  sections[1].sh_type = SHT_PROGBITS;
  sections[1].sh_flags = SHF_ALLOC;
  // Above the code: nobody looks for it there.
  sections[1].sh_addr = (module.address + module.size + 0xffff) / 0x1000 * 0x1000;
  sections[1].sh_offset = section_at;
  sections[1].sh_size = section.size();
  sections[1].sh_addralign = 8;
  sections[2].sh_name = 11;
  sections[2].sh_type = SHT_STRTAB;
  sections[2].sh_offset = names_at;
  sections[2].sh_size = names.size();
  sections[2].sh_addralign = 1;
  std::string file;
  put(file, header);
  put(file, code);
  file += section + names;
  file.resize(header.e_shoff, '\0');
  for (const Elf64_Shdr& one : sections) put(file, one);
  return file;
}

}  // namespace fanlight::unwind::testing
