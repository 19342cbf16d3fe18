#include "collector/symbols/elf_functions.hpp"

#include <gelf.h>
#include <libelf.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>
#include <memory>
#include <string_view>

#include "collector/symbols/unpack.hpp"

namespace fanlight::symbols {
namespace {

struct EndElf {
  void operator()(Elf* elf) const noexcept { ::elf_end(elf); }
};
using ElfPtr = std::unique_ptr<Elf, EndElf>;

// A browser's .symtab is 30 MB with a million symbols. The bounds are for files that claim more than they are worth.
constexpr std::uint64_t kMaxTableBytes = std::uint64_t{512} << 20;
constexpr std::size_t kMaxSymbols = 4'000'000;
constexpr std::size_t kMaxSegments = 4096;
constexpr std::size_t kMaxBuildIdBytes = 64;
constexpr std::size_t kMaxLinkBytes = 4096;

std::unexpected<Error> elf_error(std::string_view step) {
  const char* text = ::elf_errmsg(-1);
  return fail(0, std::string(step) + ": " + (text != nullptr ? text : "malformed"));
}

struct Section {
  bool executable = false;
  std::uint64_t end = 0;  // virtual address
};

std::vector<Segment> read_segments(Elf* elf) {
  std::size_t count = 0;
  std::vector<Segment> segments;
  if (::elf_getphdrnum(elf, &count) != 0) return segments;
  for (std::size_t i = 0; i < std::min(count, kMaxSegments); ++i) {
    GElf_Phdr header;
    if (::gelf_getphdr(elf, static_cast<int>(i), &header) == nullptr) break;
    if (header.p_type == PT_LOAD && header.p_filesz > 0)
      segments.push_back({header.p_offset, header.p_filesz, header.p_vaddr, (header.p_flags & PF_X) != 0});
  }
  return segments;
}

/// The data of a section that holds bytes of the file, within bounds; null otherwise.
Elf_Data* bounded_data(Elf_Scn* section, const GElf_Shdr& header) {
  if (section == nullptr || header.sh_type == SHT_NOBITS || (header.sh_flags & SHF_COMPRESSED) != 0) return nullptr;
  if (header.sh_size > kMaxTableBytes) return nullptr;
  Elf_Data* data = ::elf_getdata(section, nullptr);
  return data != nullptr && data->d_buf != nullptr ? data : nullptr;
}

std::string read_build_id(Elf_Scn* section, const GElf_Shdr& header) {
  Elf_Data* data = bounded_data(section, header);
  if (data == nullptr) return {};
  std::size_t at = 0, name = 0, description = 0;
  GElf_Nhdr note;
  while ((at = ::gelf_getnote(data, at, &note, &name, &description)) > 0) {
    const auto* bytes = static_cast<const unsigned char*>(data->d_buf);
    if (note.n_type != NT_GNU_BUILD_ID || note.n_namesz != 4 || std::memcmp(bytes + name, "GNU", 4) != 0) continue;
    if (note.n_descsz < 2 || note.n_descsz > kMaxBuildIdBytes) return {};
    std::string text;
    for (std::size_t i = 0; i < note.n_descsz; ++i) {
      constexpr std::string_view kDigits = "0123456789abcdef";
      text += kDigits[bytes[description + i] >> 4];
      text += kDigits[bytes[description + i] & 15];
    }
    return text;
  }
  return {};
}

std::uint8_t rank_of_binding(unsigned binding) { return binding == STB_GLOBAL ? 0 : binding == STB_WEAK ? 1 : 2; }

/// Assemblers leave labels behind that are no functions: ".L4", "$x".
bool names_a_function(std::string_view first_byte) { return first_byte != "." && first_byte != "$"; }

/// Symbols as a table lists them; names are offsets into `text`.
struct Listed {
  std::vector<Function> functions;
  std::string text;

  void add(const Listed& more) {
    for (Function function : more.functions) {
      function.name += static_cast<std::uint32_t>(text.size());
      functions.push_back(function);
    }
    text += more.text;
  }
};

Result<Listed> read_functions(Elf* elf, Elf_Scn* table, const GElf_Shdr& header, const std::vector<Section>& sections) {
  Elf_Data* symbols = bounded_data(table, header);
  Elf_Scn* strings_section = ::elf_getscn(elf, header.sh_link);
  GElf_Shdr strings_header;
  if (symbols == nullptr || strings_section == nullptr || ::gelf_getshdr(strings_section, &strings_header) == nullptr ||
      strings_header.sh_type != SHT_STRTAB)
    return fail(0, "a malformed symbol table");
  const Elf_Data* strings = bounded_data(strings_section, strings_header);
  if (strings == nullptr) return fail(0, "a symbol table without names");
  std::string text(static_cast<const char*>(strings->d_buf), strings->d_size);

  std::vector<Function> functions;
  GElf_Sym symbol;
  for (std::size_t i = 1; i < kMaxSymbols && ::gelf_getsym(symbols, static_cast<int>(i), &symbol) != nullptr; ++i) {
    const unsigned type = GELF_ST_TYPE(symbol.st_info);
    if (type != STT_FUNC && type != STT_GNU_IFUNC && type != STT_NOTYPE) continue;
    if (symbol.st_shndx == SHN_UNDEF || symbol.st_shndx >= sections.size() || symbol.st_name >= text.size()) continue;
    const Section& section = sections[symbol.st_shndx];
    if (!section.executable || symbol.st_value == 0) continue;
    if (!names_a_function(std::string_view(text).substr(symbol.st_name, 1))) continue;
    functions.push_back({.start = symbol.st_value,
                         .size = symbol.st_size,
                         .limit = section.end,
                         .name = symbol.st_name,
                         .typed = type != STT_NOTYPE,
                         .binding_rank = rank_of_binding(GELF_ST_BIND(symbol.st_info))});
  }
  return Listed{std::move(functions), std::move(text)};
}

struct Found {
  ElfFunctions result;
  Listed listed;
};

// Within the packed symbols nothing else is packed.
Result<Found> read_elf(const ElfPtr& elf, bool packed = false) {
  if (!elf) return elf_error("not an ELF file");
  GElf_Ehdr file_header;
  if (::elf_kind(elf.get()) != ELF_K_ELF || ::gelf_getehdr(elf.get(), &file_header) == nullptr)
    return fail(0, "not an ELF file");
  if (file_header.e_type != ET_EXEC && file_header.e_type != ET_DYN)
    return fail(0, "neither an executable nor a shared object");

  Found found;
  ElfFunctions& result = found.result;
  result.segments = read_segments(elf.get());
  std::vector<Section> sections(1);  // section 0 is reserved
  struct Table {
    Elf_Scn* section = nullptr;
    GElf_Shdr header{};
  } full, dynamic, mini;
  std::size_t names = 0;
  const bool named = ::elf_getshdrstrndx(elf.get(), &names) == 0;
  Elf_Scn* section = nullptr;
  while ((section = ::elf_nextscn(elf.get(), section)) != nullptr) {
    GElf_Shdr header;
    if (::gelf_getshdr(section, &header) == nullptr) return elf_error("section headers");
    const std::uint64_t room = std::numeric_limits<std::uint64_t>::max() - header.sh_addr;
    sections.push_back({(header.sh_flags & SHF_EXECINSTR) != 0, header.sh_addr + std::min(header.sh_size, room)});
    if (header.sh_type == SHT_SYMTAB && full.section == nullptr) full = {section, header};
    if (header.sh_type == SHT_DYNSYM && dynamic.section == nullptr) dynamic = {section, header};
    const char* const name = named ? ::elf_strptr(elf.get(), names, header.sh_name) : nullptr;
    if (name != nullptr && std::string_view(name) == ".gnu_debugdata") mini = {section, header};
    if (header.sh_type == SHT_NOTE && result.build_id.empty()) result.build_id = read_build_id(section, header);
  }
  // A damaged .symtab is no reason to do without .dynsym.
  Error first_error;
  for (const Table* table : {&full, &dynamic}) {
    if (table->section == nullptr) continue;
    auto functions = read_functions(elf.get(), table->section, table->header, sections);
    if (!functions) {
      if (first_error.what.empty()) first_error = std::move(functions.error());
      continue;
    }
    if (functions->functions.empty()) continue;
    found.listed = std::move(*functions);
    result.complete = table == &full;
    break;
  }
  if (!result.complete && mini.section != nullptr && !packed) {
    const Elf_Data* data = bounded_data(mini.section, mini.header);
    const std::string image = data != nullptr ? unpack_xz({static_cast<const char*>(data->d_buf), data->d_size}) : "";
    if (!image.empty()) {
      const auto more = read_elf(ElfPtr{::elf_memory(const_cast<char*>(image.data()), image.size())}, true);
      if (more && !more->listed.functions.empty()) {
        found.listed.add(more->listed);
        result.complete = true;
      }
    }
  }
  if (found.listed.functions.empty() && !first_error.what.empty()) return std::unexpected(std::move(first_error));
  return found;
}

Result<ElfFunctions> table_of(Result<Found> found) {
  if (!found) return std::unexpected(std::move(found.error()));
  found->result.functions = FunctionTable(std::move(found->listed.functions), std::move(found->listed.text));
  return std::move(found->result);
}

void read_link(const Elf_Data& data, DebugHints& hints) {
  const std::string_view bytes(static_cast<const char*>(data.d_buf), data.d_size);
  const std::size_t end = bytes.find('\0');
  if (end == std::string_view::npos || bytes.size() < end / 4 * 4 + 8) return;
  std::memcpy(&hints.link_crc, bytes.data() + end / 4 * 4 + 4, sizeof hints.link_crc);
  // It names a file beside others; a path would lead elsewhere.
  if (bytes.substr(0, end).find('/') == std::string_view::npos) hints.link = bytes.substr(0, end);
}

}  // namespace

Result<ElfFunctions> read_elf(int fd) {
  if (::elf_version(EV_CURRENT) == EV_NONE) return elf_error("libelf");
  return table_of(read_elf(ElfPtr{::elf_begin(fd, ELF_C_READ, nullptr)}));
}

Result<ElfFunctions> read_elf(std::span<const std::byte> image) {
  if (::elf_version(EV_CURRENT) == EV_NONE) return elf_error("libelf");
  if (image.empty()) return fail(0, "not an ELF file");
  // elf_memory() takes a mutable pointer; opened for reading, it converts into buffers of its own.
  auto* bytes = const_cast<char*>(reinterpret_cast<const char*>(image.data()));
  return table_of(read_elf(ElfPtr{::elf_memory(bytes, image.size())}));
}

Result<DebugHints> read_debug_hints(int fd) {
  if (::elf_version(EV_CURRENT) == EV_NONE) return elf_error("libelf");
  const ElfPtr elf{::elf_begin(fd, ELF_C_READ, nullptr)};
  std::size_t names = 0;
  if (!elf || ::elf_kind(elf.get()) != ELF_K_ELF) return fail(0, "not an ELF file");
  DebugHints hints;
  if (::elf_getshdrstrndx(elf.get(), &names) != 0) return hints;
  Elf_Scn* section = nullptr;
  while ((section = ::elf_nextscn(elf.get(), section)) != nullptr) {
    GElf_Shdr header;
    if (::gelf_getshdr(section, &header) == nullptr) return elf_error("section headers");
    if (header.sh_type == SHT_NOTE && hints.build_id.empty()) hints.build_id = read_build_id(section, header);
    const char* const raw = ::elf_strptr(elf.get(), names, header.sh_name);
    const std::string_view name = raw != nullptr ? raw : "";
    if (name == ".debug_info" && header.sh_type != SHT_NOBITS) hints.dwarf = true;
    if (name != ".gnu_debuglink" || header.sh_size > kMaxLinkBytes) continue;
    if (const Elf_Data* data = bounded_data(section, header)) read_link(*data, hints);
  }
  return hints;
}

std::optional<std::uint64_t> address_of(const std::vector<Segment>& segments, std::uint64_t offset) {
  std::optional<std::uint64_t> address;
  for (const Segment& segment : segments) {
    if (offset < segment.offset || offset - segment.offset >= segment.file_size) continue;
    address = segment.address + (offset - segment.offset);
    if (segment.executable) break;  // linkers let segments share a page, and code is what is asked for
  }
  return address;
}

}  // namespace fanlight::symbols
