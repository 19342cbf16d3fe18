#include "collector/inprocess/thread_variable.hpp"

#include <gelf.h>

#include <cerrno>
#include <memory>
#include <optional>
#include <set>

#include "collector/inprocess/target_memory.hpp"
#include "collector/process/mappings.hpp"
#include "collector/process/process.hpp"
#include "collector/symbols/module_file.hpp"

namespace fanlight::inprocess {
namespace {

struct EndElf {
  void operator()(Elf* elf) const noexcept { ::elf_end(elf); }
};
using ElfPtr = std::unique_ptr<Elf, EndElf>;

struct Variable {
  std::uint64_t value = 0;  // within the file's block
  std::size_t index = 0;    // of the symbol
};

std::optional<Variable> find_symbol(Elf* elf, const std::string& name) {
  for (Elf_Scn* section = nullptr; (section = ::elf_nextscn(elf, section)) != nullptr;) {
    GElf_Shdr header;
    if (::gelf_getshdr(section, &header) == nullptr || header.sh_type != SHT_DYNSYM || header.sh_entsize == 0) continue;
    Elf_Data* const data = ::elf_getdata(section, nullptr);
    if (data == nullptr) continue;
    const std::size_t count = header.sh_size / header.sh_entsize;
    for (std::size_t i = 0; i < count; ++i) {
      GElf_Sym symbol;
      if (::gelf_getsym(data, static_cast<int>(i), &symbol) == nullptr) break;
      if (GELF_ST_TYPE(symbol.st_info) != STT_TLS || symbol.st_shndx == SHN_UNDEF) continue;
      const char* const text = ::elf_strptr(elf, header.sh_link, symbol.st_name);
      if (text != nullptr && name == text) return Variable{symbol.st_value, i};
    }
  }
  return std::nullopt;
}

template <class Visit>
void each_segment(Elf* elf, Visit visit) {
  std::size_t count = 0;
  if (::elf_getphdrnum(elf, &count) != 0) return;
  for (std::size_t i = 0; i < count; ++i) {
    GElf_Phdr header;
    if (::gelf_getphdr(elf, static_cast<int>(i), &header) != nullptr) visit(header);
  }
}

/// The executable's block ends at the thread pointer.
std::optional<std::int64_t> static_offset(Elf* elf, const Variable& variable) {
  std::optional<std::int64_t> offset;
  each_segment(elf, [&](const GElf_Phdr& header) {
    if (header.p_type != PT_TLS) return;
    const std::uint64_t align = header.p_align == 0 ? 1 : header.p_align;
    const std::uint64_t first = (0 - header.p_vaddr) & (align - 1);
    const std::uint64_t size = (header.p_memsz - first + align - 1) / align * align + first;
    offset = static_cast<std::int64_t>(variable.value) - static_cast<std::int64_t>(size);
  });
  return offset;
}

/// What is added to the file's addresses where it is mapped; `mapping` is one of code.
std::optional<std::uint64_t> load_bias(Elf* elf, const process::Mapping& mapping) {
  std::optional<std::uint64_t> bias;
  each_segment(elf, [&](const GElf_Phdr& header) {
    if (header.p_type != PT_LOAD || (header.p_flags & PF_X) == 0 || bias) return;
    if (mapping.offset + 4096 <= header.p_offset || mapping.offset >= header.p_offset + header.p_filesz) return;
    bias = mapping.start - (header.p_vaddr + mapping.offset - header.p_offset);
  });
  return bias;
}

struct Slots {
  std::uint64_t initial_exec = 0;  // holds the offset from the thread pointer
  std::uint64_t module = 0;        // holds the module's number; its offset follows
  std::uint64_t descriptor = 0;    // holds a function and its argument
};

/// Where the dynamic linker has put what code needs to find the variable. References without a symbol are to the file's
/// own block, the addend being the place within.
Slots find_slots(Elf* elf, const Variable& variable) {
  Slots slots;
  for (Elf_Scn* section = nullptr; (section = ::elf_nextscn(elf, section)) != nullptr;) {
    GElf_Shdr header;
    if (::gelf_getshdr(section, &header) == nullptr || header.sh_type != SHT_RELA || header.sh_entsize == 0) continue;
    Elf_Data* const data = ::elf_getdata(section, nullptr);
    if (data == nullptr) continue;
    for (std::size_t i = 0; i < header.sh_size / header.sh_entsize; ++i) {
      GElf_Rela entry;
      if (::gelf_getrela(data, static_cast<int>(i), &entry) == nullptr) break;
      const std::size_t symbol = GELF_R_SYM(entry.r_info);
      const bool own = symbol == 0 && static_cast<std::uint64_t>(entry.r_addend) == variable.value;
      if (symbol != variable.index && !own) continue;
      switch (GELF_R_TYPE(entry.r_info)) {
        case R_X86_64_TPOFF64: slots.initial_exec = entry.r_offset; break;
        case R_X86_64_DTPMOD64:
          if (symbol != 0) slots.module = entry.r_offset;
          break;
        case R_X86_64_TLSDESC: slots.descriptor = entry.r_offset; break;
        default: break;
      }
    }
  }
  return slots;
}

/// Asks the target's own memory, where the dynamic linker left its answers.
std::optional<ThreadVariable> resolve(pid_t pid, const Slots& slots, std::uint64_t bias) {
  std::int64_t words[2];
  if (slots.initial_exec != 0) {
    if (!copy_from(pid, bias + slots.initial_exec, words, sizeof words[0])) return std::nullopt;
    return ThreadVariable{.offset = words[0], .where = {}};
  }
  if (slots.module != 0) {
    if (!copy_from(pid, bias + slots.module, words, sizeof words)) return std::nullopt;
    return ThreadVariable{.offset = words[1], .module = static_cast<std::uint64_t>(words[0]), .where = {}};
  }
  if (slots.descriptor == 0 || !copy_from(pid, bias + slots.descriptor, words, sizeof words)) return std::nullopt;
  // A fixed place lies below the thread pointer; everything else is the address of what tls_get_addr takes.
  if (words[1] < 0) return ThreadVariable{.offset = words[1], .where = {}};
  if (!copy_from(pid, static_cast<std::uint64_t>(words[1]), words, sizeof words)) return std::nullopt;
  return ThreadVariable{.offset = words[1], .module = static_cast<std::uint64_t>(words[0]), .where = {}};
}

}  // namespace

Result<ThreadVariable> find_thread_variable(pid_t pid, const std::string& name, const std::filesystem::path& root) {
  ::elf_version(EV_CURRENT);
  const auto described = process::describe(pid, root);
  if (!described) return std::unexpected(described.error());
  const auto mappings = process::Mappings::read(pid, root);
  if (!mappings) return std::unexpected(mappings.error());
  const symbols::ModuleFiles files(pid, root);
  std::set<std::string> seen;
  std::string unclear;
  for (const process::Mapping& mapping : mappings->all()) {
    if (mapping.path.empty() || mapping.path.front() != '/' || !seen.insert(mapping.path).second) continue;
    const auto file = files.open(mapping.path);
    if (!file) continue;
    const ElfPtr elf(::elf_begin(file->get(), ELF_C_READ_MMAP, nullptr));
    if (!elf || ::elf_kind(elf.get()) != ELF_K_ELF) continue;
    const auto variable = find_symbol(elf.get(), name);
    if (!variable) continue;
    std::optional<ThreadVariable> found;
    if (mapping.path == described->executable) {
      if (const auto offset = static_offset(elf.get(), *variable))
        found = ThreadVariable{.offset = *offset, .where = {}};
    } else if (const auto bias = load_bias(elf.get(), mapping)) {
      found = resolve(pid, find_slots(elf.get(), *variable), *bias);
    }
    if (found) {
      found->where = mapping.path;
      return std::move(*found);
    }
    unclear = mapping.path;
  }
  if (!unclear.empty()) return fail(0, "how " + unclear + " reaches its " + name + " cannot be told");
  return fail(ENOENT, "process " + std::to_string(pid) + " has no " + name,
              "link fanlight::inprocess into the target, which exports it");
}

std::uint64_t address_of(pid_t pid, const ThreadVariable& variable, std::uint64_t thread_pointer) {
  if (variable.module == 0) return thread_pointer + static_cast<std::uint64_t>(variable.offset);
  // The second word of the thread's control block points to its vector: 16 bytes for each module.
  std::uint64_t vector = 0;
  std::uint64_t block = 0;
  if (!copy_from(pid, thread_pointer + 8, &vector, sizeof vector)) return 0;
  if (!copy_from(pid, vector + 16 * variable.module, &block, sizeof block)) return 0;
  return block == 0 || block == ~std::uint64_t{0} ? 0 : block + static_cast<std::uint64_t>(variable.offset);
}

}  // namespace fanlight::inprocess
