#include "collector/unwind/table.hpp"

#include <gelf.h>
#include <libelf.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "collector/unwind/cfi_section.hpp"
#include "collector/unwind/linkage.hpp"

namespace fanlight::unwind {
namespace {

struct EndElf {
  void operator()(Elf* elf) const noexcept { ::elf_end(elf); }
};
using ElfPtr = std::unique_ptr<Elf, EndElf>;

// A browser's .eh_frame is 25 MB, its code 200 MB. The bounds are for files that claim more than they are worth.
constexpr std::uint64_t kMaxSectionBytes = std::uint64_t{512} << 20;
constexpr std::uint64_t kMaxCodeBytes = std::uint64_t{2} << 30;
constexpr std::size_t kMaxRows = std::size_t{64} << 20;
constexpr std::size_t kMaxSegments = 4096;
constexpr std::size_t kMaxBuildIdBytes = 64;
constexpr std::uint64_t kPage = std::uint64_t{1} << FANLIGHT_UNWIND_PAGE_BITS;

std::string hexadecimal(std::span<const std::uint8_t> bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

std::span<const std::uint8_t> bytes_of(Elf_Scn* section, const GElf_Shdr& header) {
  if (header.sh_type == SHT_NOBITS || header.sh_size > kMaxSectionBytes) return {};
  if ((header.sh_flags & SHF_COMPRESSED) != 0 && ::elf_compress(section, 0, 0) < 0) return {};
  const Elf_Data* data = ::elf_rawdata(section, nullptr);
  if (data == nullptr || data->d_buf == nullptr || data->d_size > kMaxSectionBytes) return {};
  return {static_cast<const std::uint8_t*>(data->d_buf), data->d_size};
}

std::string build_id_in(Elf_Scn* section, const GElf_Shdr& header) {
  if (header.sh_size > 1u << 20) return {};
  Elf_Data* data = ::elf_getdata(section, nullptr);
  if (data == nullptr || data->d_buf == nullptr) return {};
  std::size_t at = 0, name = 0, description = 0;
  GElf_Nhdr note;
  while ((at = ::gelf_getnote(data, at, &note, &name, &description)) > 0) {
    const auto* bytes = static_cast<const std::uint8_t*>(data->d_buf);
    if (note.n_type != NT_GNU_BUILD_ID || note.n_namesz != 4 || std::memcmp(bytes + name, "GNU", 4) != 0) continue;
    if (note.n_descsz < 2 || note.n_descsz > kMaxBuildIdBytes) return {};
    return hexadecimal({bytes + description, note.n_descsz});
  }
  return {};
}

struct Sections {
  struct One {
    std::uint64_t address = 0;
    std::span<const std::uint8_t> bytes;
  };
  std::optional<One> eh_frame, debug_frame;
  std::vector<One> linkage;  // procedure linkage tables
};

Result<Table> identify(Elf* elf, Sections* sections, Machine machine = Machine::x86_64) {
  GElf_Ehdr header;
  if (elf == nullptr || ::elf_kind(elf) != ELF_K_ELF || ::gelf_getehdr(elf, &header) == nullptr)
    return fail(0, "not an ELF file");
  const bool arm64 = machine == Machine::arm64;
  if (header.e_machine != (arm64 ? EM_AARCH64 : EM_X86_64) || header.e_ident[EI_CLASS] != ELFCLASS64)
    return fail(0, std::string("not an ELF file for ") + (arm64 ? "arm64" : "x86-64"));
  Table table;
  std::size_t count = 0;
  if (::elf_getphdrnum(elf, &count) == 0) {
    for (std::size_t i = 0; i < std::min(count, kMaxSegments); ++i) {
      GElf_Phdr segment;
      if (::gelf_getphdr(elf, static_cast<int>(i), &segment) == nullptr) break;
      if (segment.p_type != PT_LOAD || (segment.p_flags & PF_X) == 0 || segment.p_filesz == 0) continue;
      if (segment.p_filesz > kMaxCodeBytes || segment.p_vaddr > std::numeric_limits<std::uint64_t>::max() / 2 ||
          segment.p_offset > std::numeric_limits<std::uint64_t>::max() / 2)
        continue;
      table.segments.push_back({segment.p_offset, segment.p_filesz, segment.p_vaddr});
    }
  }
  std::size_t names = 0;
  if (::elf_getshdrstrndx(elf, &names) != 0) return table;
  Elf_Scn* section = nullptr;
  while ((section = ::elf_nextscn(elf, section)) != nullptr) {
    GElf_Shdr one;
    if (::gelf_getshdr(section, &one) == nullptr) break;
    if (one.sh_type == SHT_NOTE && table.build_id.empty()) table.build_id = build_id_in(section, one);
    if (sections == nullptr) continue;
    const char* const raw_name = ::elf_strptr(elf, names, one.sh_name);
    const std::string_view name = raw_name != nullptr ? raw_name : "";
    if (name == ".eh_frame") sections->eh_frame = {one.sh_addr, bytes_of(section, one)};
    if (name == ".debug_frame") sections->debug_frame = {one.sh_addr, bytes_of(section, one)};
    if (name == ".plt" || name == ".plt.got" || name == ".plt.sec")
      sections->linkage.push_back({one.sh_addr, bytes_of(section, one)});
  }
  return table;
}

/// Makes rows out of rules that come in ascending order of address.
class Builder {
 public:
  Builder(Table& table, Machine machine) : table_(table), machine_(machine) { numbers_.emplace(Rule{}, 0); }

  void add(const Cfi& cfi) {
    for (const Fde& fde : cfi.fdes) {
      if (!is_code(fde.range)) {
        ++table_.malformed;
        continue;
      }
      functions_.push_back({.range = fde.range, .cie = &cfi.cies[fde.cie], .instructions = fde.instructions});
    }
    table_.malformed += cfi.malformed;
  }

  void add_linkage(const Sections::One& section) {
    const std::uint64_t end = section.address + section.bytes.size();
    if (end < section.address || !is_code({section.address, end})) return;
    const auto add = [&](std::uint64_t from, std::uint64_t to, const Rule& rule) {
      const bool goes_on = !functions_.empty() && functions_.back().cie == nullptr &&
                           functions_.back().range.end == from && functions_.back().fixed == rule;
      if (goes_on)
        functions_.back().range.end = to;
      else
        functions_.push_back({.range = {from, to}, .fixed = rule});
    };
    std::uint64_t at = 0;
    if (const auto head = linkage_head(section.bytes)) {
      for (std::size_t i = 0; i < head->count; ++i) {
        const std::uint64_t next = i + 1 < head->count ? head->steps[i + 1].at : head->bytes;
        add(section.address + head->steps[i].at, std::min(section.address + next, end), head->steps[i].rule);
      }
      at = head->bytes;
    }
    for (; at < section.bytes.size() && section.bytes.size() - at >= kLinkageEntry; at += kLinkageEntry)
      if (const auto rule = linkage_rule(section.bytes.subspan(at).first<kLinkageEntry>()))
        add(section.address + at, section.address + at + kLinkageEntry, *rule);
  }

  void finish() {
    // What .eh_frame describes was added first, and a stable sort leaves it in front.
    std::ranges::stable_sort(functions_, {}, [](const Function& f) { return f.range.start; });
    std::uint64_t described_to = 0;
    for (const Function& function : functions_) {
      if (function.range.start < described_to) continue;
      if (function.range.start > described_to && !points_.empty()) put(described_to, Rule{});
      if (points_.size() >= kMaxRows) break;
      described_to = function.range.end;
      if (function.cie == nullptr) {
        put(function.range.start, function.fixed);
        continue;
      }
      ++table_.functions;
      if (!interpret(
              *function.cie, function.instructions, function.range,
              [this](std::uint64_t address, const Rule& rule) { put(address, rule); }, machine_))
        ++table_.malformed;
    }
    if (points_.empty()) return;
    put(described_to, Rule{});
    paginate();
  }

 private:
  struct Function {
    Range range;
    const Cie* cie = nullptr;  // null: one rule holds for all of it
    std::span<const std::uint8_t> instructions{};
    Rule fixed{};
  };
  struct Point {
    std::uint64_t address = 0;
    std::uint16_t rule = 0;
  };

  /// Functions outside of the code that gets mapped describe nothing that can run.
  bool is_code(Range range) const {
    return std::ranges::any_of(table_.segments, [&](const CodeSegment& segment) {
      return range.start >= segment.address && range.end - segment.address <= segment.size;
    });
  }

  std::uint16_t number_of(const Rule& rule) {
    const auto known = numbers_.find(rule);
    if (known != numbers_.end()) return known->second;
    if (table_.rules.size() >= FANLIGHT_UNWIND_RULES) {
      ++table_.malformed;
      return 0;
    }
    const auto number = static_cast<std::uint16_t>(table_.rules.size());
    table_.rules.push_back(rule);
    numbers_.emplace(rule, number);
    return number;
  }

  void put(std::uint64_t address, const Rule& rule) {
    if (rule.kind == FANLIGHT_UNWIND_UNSUPPORTED) ++table_.unsupported;
    const std::uint16_t number = number_of(rule);
    if (!points_.empty() && points_.back().address == address) points_.pop_back();
    if (!points_.empty() && points_.back().rule == number) return;
    points_.push_back({address, number});
  }

  void paginate() {
    table_.base = points_.front().address & ~(kPage - 1);
    const std::uint64_t pages = (points_.back().address - table_.base) / kPage + 1;
    if (pages > kMaxCodeBytes / kPage) return;
    table_.pages.resize(pages);
    table_.rows.reserve(points_.size() + pages);
    std::size_t next = 0;
    std::uint16_t rule = 0;
    for (std::uint64_t i = 0; i < pages; ++i) {
      const std::uint64_t start = table_.base + i * kPage;
      Page& page = table_.pages[i];
      page.first = static_cast<std::uint32_t>(table_.rows.size());
      if (next >= points_.size() || points_[next].address != start) table_.rows.push_back(rule);
      for (; next < points_.size() && points_[next].address - start < kPage; ++next) {
        rule = points_[next].rule;
        table_.rows.push_back(static_cast<std::uint32_t>(points_[next].address - start) << 16 | rule);
      }
      page.count = static_cast<std::uint32_t>(table_.rows.size()) - page.first;
    }
  }

  Table& table_;
  Machine machine_;
  std::vector<Function> functions_;
  std::vector<Point> points_;
  std::unordered_map<Rule, std::uint16_t, RuleHash> numbers_;
};

Result<Table> build(Elf* elf, Machine machine) {
  Sections sections;
  auto table = identify(elf, &sections, machine);
  if (!table) return table;
  std::array<std::uint8_t, EI_NIDENT> identity{};
  std::size_t size = 0;
  const char* const raw = ::elf_getident(elf, &size);
  if (raw == nullptr || size < identity.size()) return fail(0, "not an ELF file");
  std::memcpy(identity.data(), raw, identity.size());
  Builder builder(*table, machine);
  Cfi eh_frame, debug_frame;  // the builder refers to them
  if (sections.eh_frame) {
    eh_frame = read_cfi(sections.eh_frame->bytes, sections.eh_frame->address, CfiKind::eh_frame, identity);
    builder.add(eh_frame);
  }
  if (sections.debug_frame) {
    debug_frame = read_cfi(sections.debug_frame->bytes, sections.debug_frame->address, CfiKind::debug_frame, identity);
    builder.add(debug_frame);
  }
  // On arm64 an entry of the linkage table leaves the stack and x30 alone, and linkers describe none: the walker of
  // recorded stacks does without.
  if (machine == Machine::x86_64)
    for (const Sections::One& section : sections.linkage) builder.add_linkage(section);
  builder.finish();
  return table;
}

}  // namespace

const Rule& Table::rule_at(std::uint64_t address) const {
  const std::uint64_t index = (address - base) / kPage;
  if (address < base || index >= pages.size() || pages[index].count == 0) return rules[0];
  const auto page = std::span(rows).subspan(pages[index].first, pages[index].count);
  const auto key = static_cast<std::uint32_t>(((address - base) % kPage) << 16 | 0xffff);
  const auto after = std::ranges::upper_bound(page, key);
  return after == page.begin() ? rules[0] : rules[*std::prev(after) & 0xffff];
}

Result<Table> read_identity(int fd) {
  ::elf_version(EV_CURRENT);
  const ElfPtr elf{::elf_begin(fd, ELF_C_READ, nullptr)};
  return identify(elf.get(), nullptr);
}

Result<Table> build_table(int fd) {
  ::elf_version(EV_CURRENT);
  const ElfPtr elf{::elf_begin(fd, ELF_C_READ, nullptr)};
  return build(elf.get(), Machine::x86_64);
}

Result<Table> build_table(std::span<const std::byte> image, Machine machine) {
  ::elf_version(EV_CURRENT);
  if (image.empty()) return fail(0, "not an ELF file");
  // elf_memory() takes a mutable pointer; opened for reading, it converts into buffers of its own.
  const ElfPtr elf{::elf_memory(const_cast<char*>(reinterpret_cast<const char*>(image.data())), image.size())};
  return build(elf.get(), machine);
}

}  // namespace fanlight::unwind
