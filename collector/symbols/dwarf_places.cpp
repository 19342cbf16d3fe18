#include "collector/symbols/dwarf_places.hpp"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwelf.h>
#include <gelf.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <thread>
#include <unordered_map>

#include "collector/process/proc_text.hpp"
#include "collector/symbols/demangle.hpp"

namespace fanlight::symbols {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMaxDebugBytes = std::uint64_t{4} << 30;
// Deeper nesting than any compiler's inlining; the bound keeps hostile trees off the end of our stack.
constexpr unsigned kMaxDepth = 200;
constexpr std::size_t kMaxPathBytes = 4096;

struct EndElf {
  void operator()(Elf* elf) const noexcept { ::elf_end(elf); }
};
struct EndDwarf {
  void operator()(Dwarf* dwarf) const noexcept { ::dwarf_end(dwarf); }
};
using ElfPtr = std::unique_ptr<Elf, EndElf>;
using DwarfPtr = std::unique_ptr<Dwarf, EndDwarf>;

/// One address on its way through the tree of scopes.
struct Query {
  std::uint64_t address = 0;
  Place* place = nullptr;
};

const char* text_of(Dwarf_Die* die, unsigned kind) {
  Dwarf_Attribute attribute;
  Dwarf_Attribute* const found = ::dwarf_attr(die, kind, &attribute);
  return found != nullptr ? ::dwarf_formstring(found) : nullptr;
}

/// libdw opens files that the target's file names, by itself: this is for those that it tries. Opening a pipe waits for
/// whoever writes to it, and opening a device has effects.
bool opens_harmlessly(const fs::path& path) {
  std::error_code none;
  const fs::file_status status = fs::status(path, none);
  return status.type() == fs::file_type::not_found || fs::is_regular_file(status);
}

/// May libdw look for the file that the unit's tree was split off into? DWARF 4 names it by GNU's attribute.
/// `beside`: the directory of the file with the unit. Source: libdw/libdw_find_split_unit.c, elfutils 0.188.
bool split_file_opens_harmlessly(Dwarf_Die* unit, const fs::path& beside) {
  const char* name = text_of(unit, DW_AT_dwo_name);
  if (name == nullptr) name = text_of(unit, DW_AT_GNU_dwo_name);
  if (name == nullptr) return false;
  const char* const directory = text_of(unit, DW_AT_comp_dir);
  return opens_harmlessly(beside / name) && opens_harmlessly(beside / (directory != nullptr ? directory : "") / name);
}

/// The same of the file that dwz has moved common parts into, which is looked for by its build-id, too, where only root
/// can put something. Source: libdw/dwarf_getalt.c, elfutils 0.188.
bool common_file_opens_harmlessly(Dwarf* dwarf, const fs::path& beside) {
  const char* name = nullptr;
  const void* build_id = nullptr;
  if (::dwelf_dwarf_gnu_debugaltlink(dwarf, &name, &build_id) <= 0) return true;
  return opens_harmlessly(beside / name);
}

/// Walks one compilation unit for all addresses in it.
class Unit {
 public:
  /// `unit` may be what is left of one whose tree lies in another file (.dwo); lines are told by what is left.
  Unit(Dwarf_Die* unit, const fs::path& beside) : unit_(unit), tree_(*unit) {
    Dwarf_Die split{};
    std::uint8_t kind = 0;
    if (::dwarf_cu_info(unit->cu, nullptr, &kind, nullptr, nullptr, nullptr, nullptr, nullptr) == 0 &&
        kind == DW_UT_skeleton && split_file_opens_harmlessly(unit, beside) &&
        ::dwarf_cu_info(unit->cu, nullptr, nullptr, nullptr, &split, nullptr, nullptr, nullptr) == 0 &&
        split.addr != nullptr)
      tree_ = split;
    ::dwarf_getsrcfiles(&tree_, &files_, &file_count_);
  }

  void resolve(std::vector<Query> queries) {
    descend(&tree_, queries, 0);
    for (const Query& query : queries) add_line(query);
  }

 private:
  using Queries = std::vector<Query>;

  /// Those of `queries` that the ranges of `die` cover; nothing is said of a scope without ranges.
  static bool covered(Dwarf_Die* die, const Queries& queries, Queries& found) {
    Dwarf_Addr base = 0, start = 0, end = 0;
    std::ptrdiff_t offset = 0;
    bool any = false;
    while ((offset = ::dwarf_ranges(die, offset, &base, &start, &end)) > 0) {
      any = true;
      auto at = std::ranges::lower_bound(queries, start, {}, &Query::address);
      for (; at != queries.end() && at->address < end; ++at) found.push_back(*at);
    }
    std::ranges::sort(found, {}, &Query::address);
    return any;
  }

  void descend(Dwarf_Die* parent, const Queries& queries, unsigned depth) {
    Dwarf_Die die;
    if (queries.empty() || depth > kMaxDepth || ::dwarf_child(parent, &die) != 0) return;
    do {
      switch (::dwarf_tag(&die)) {
        case DW_TAG_namespace:
        case DW_TAG_module: descend(&die, queries, depth + 1); break;
        case DW_TAG_subprogram: {
          Queries inside;
          if (!covered(&die, queries, inside) || inside.empty()) break;
          const std::string& name = name_of(&die);
          for (const Query& query : inside) *query.place = {.name = name};
          descend(&die, inside, depth + 1);
          break;
        }
        case DW_TAG_inlined_subroutine: {
          Queries inside;
          if (!covered(&die, queries, inside) || inside.empty()) break;
          const std::string& name = name_of(&die);
          const std::string file = call_file(&die);
          const std::uint32_t line = number(&die, DW_AT_call_line);
          for (const Query& query : inside) {
            stand(*query.place, file, line);
            query.place->inlined.push_back({.name = name});
          }
          descend(&die, inside, depth + 1);
          break;
        }
        case DW_TAG_lexical_block:
        case DW_TAG_try_block:
        case DW_TAG_catch_block: {
          Queries inside;
          descend(&die, covered(&die, queries, inside) ? inside : queries, depth + 1);
          break;
        }
        default: break;
      }
    } while (::dwarf_siblingof(&die, &die) == 0);
  }

  /// Where the innermost function known so far stands.
  static void stand(Place& place, const std::string& file, std::uint32_t line) {
    if (place.inlined.empty()) {
      place.file = file;
      place.line = line;
    } else {
      place.inlined.back().file = file;
      place.inlined.back().line = line;
    }
  }

  void add_line(const Query& query) {
    Dwarf_Line* const line = ::dwarf_getsrc_die(unit_, query.address);
    if (line == nullptr) return;
    int number = 0;
    const char* const file = ::dwarf_linesrc(line, nullptr, nullptr);
    if (file == nullptr || ::dwarf_lineno(line, &number) != 0 || number < 0) return;
    stand(*query.place, path(file), static_cast<std::uint32_t>(number));
  }

  const std::string& name_of(Dwarf_Die* die) {
    // All copies of an inlined function name one origin.
    Dwarf_Attribute attribute;
    Dwarf_Die origin = *die;
    for (unsigned hops = 0; hops < 8; ++hops) {
      Dwarf_Die next;
      Dwarf_Attribute* const link = ::dwarf_attr(&origin, DW_AT_abstract_origin, &attribute);
      if (link == nullptr || ::dwarf_formref_die(link, &next) == nullptr) break;
      origin = next;
    }
    const auto [place, added] = names_.try_emplace(::dwarf_dieoffset(&origin));
    if (!added) return place->second;
    for (const unsigned kind : {DW_AT_linkage_name, DW_AT_MIPS_linkage_name, DW_AT_name}) {
      Dwarf_Attribute* const name = ::dwarf_attr_integrate(&origin, kind, &attribute);
      const char* const text = name != nullptr ? ::dwarf_formstring(name) : nullptr;
      if (text == nullptr || *text == '\0') continue;
      place->second = display_name(text);
      break;
    }
    return place->second;
  }

  static std::uint32_t number(Dwarf_Die* die, unsigned kind) {
    Dwarf_Attribute attribute;
    Dwarf_Word value = 0;
    if (::dwarf_formudata(::dwarf_attr(die, kind, &attribute), &value) != 0 || value > 0xffffffff) return 0;
    return static_cast<std::uint32_t>(value);
  }

  std::string call_file(Dwarf_Die* die) {
    const std::uint32_t index = number(die, DW_AT_call_file);
    if (files_ == nullptr || index >= file_count_) return {};
    const char* const file = ::dwarf_filesrc(files_, index, nullptr, nullptr);
    return file != nullptr ? path(file) : std::string();
  }

  static std::string path(std::string_view text) { return process::printable(text, kMaxPathBytes); }

  Dwarf_Die* unit_;
  Dwarf_Die tree_;
  Dwarf_Files* files_ = nullptr;
  std::size_t file_count_ = 0;
  std::unordered_map<Dwarf_Off, std::string> names_;
};

std::uint64_t debug_bytes(Elf* elf) {
  std::size_t names = 0;
  std::uint64_t bytes = 0;
  if (::elf_getshdrstrndx(elf, &names) != 0) return 0;
  Elf_Scn* section = nullptr;
  while ((section = ::elf_nextscn(elf, section)) != nullptr) {
    GElf_Shdr header;
    if (::gelf_getshdr(section, &header) == nullptr || header.sh_type == SHT_NOBITS) continue;
    const char* const name = ::elf_strptr(elf, names, header.sh_name);
    if (name == nullptr || !std::string_view(name).starts_with(".debug_")) continue;
    std::uint64_t size = header.sh_size;
    GElf_Chdr packed;
    if ((header.sh_flags & SHF_COMPRESSED) != 0 && ::gelf_getchdr(section, &packed) != nullptr) size = packed.ch_size;
    bytes += std::min(size, kMaxDebugBytes);
  }
  return bytes;
}

}  // namespace

struct DwarfPlaces::State {
  Fd file;
  ElfPtr elf;
  fs::path beside;  // its directory
  // libdw keeps what it has parsed in the handle, without locks: one for each thread. They share the sections.
  std::vector<DwarfPtr> handles;
  std::uint64_t bytes = 0;
};

DwarfPlaces::DwarfPlaces(std::unique_ptr<State> state) : state_(std::move(state)) {}
DwarfPlaces::DwarfPlaces(DwarfPlaces&&) noexcept = default;
DwarfPlaces& DwarfPlaces::operator=(DwarfPlaces&&) noexcept = default;
DwarfPlaces::~DwarfPlaces() = default;

std::uint64_t DwarfPlaces::bytes() const { return state_->bytes; }

Result<DwarfPlaces> DwarfPlaces::open(Fd file) {
  ::elf_version(EV_CURRENT);
  auto state = std::make_unique<State>();
  state->file = std::move(file);
  state->elf.reset(::elf_begin(state->file.get(), ELF_C_READ, nullptr));
  if (!state->elf || ::elf_kind(state->elf.get()) != ELF_K_ELF) return fail(0, "not an ELF file");
  state->bytes = debug_bytes(state->elf.get());
  if (state->bytes == 0) return fail(0, "no debug information");
  if (state->bytes >= kMaxDebugBytes) return fail(0, "more than 4 GiB of debug information");
  std::error_code unreadable;
  state->beside = fs::read_symlink("/proc/self/fd/" + std::to_string(state->file.get()), unreadable).parent_path();
  const unsigned threads = std::max(1u, std::thread::hardware_concurrency());
  for (unsigned i = 0; i < threads; ++i) {
    DwarfPtr dwarf{::dwarf_begin_elf(state->elf.get(), DWARF_C_READ, nullptr)};
    if (!dwarf) break;
    state->handles.push_back(std::move(dwarf));
  }
  if (state->handles.empty()) return fail(0, "debug information that cannot be read");
  if (!common_file_opens_harmlessly(state->handles.front().get(), state->beside))
    return fail(0, "debug information that refers to no regular file");
  return DwarfPlaces(std::move(state));
}

std::vector<Place> DwarfPlaces::find(std::span<const std::uint64_t> addresses) const {
  std::vector<Place> places(addresses.size());
  struct Job {
    Dwarf_Off unit = 0;
    std::vector<Query> queries;
  };
  std::vector<Job> jobs;
  std::vector<bool> taken(addresses.size());
  Dwarf* const first = state_->handles.front().get();
  Dwarf_CU* unit = nullptr;
  Dwarf_Die die;
  while (::dwarf_get_units(first, unit, &unit, nullptr, nullptr, &die, nullptr) == 0) {
    const int tag = ::dwarf_tag(&die);
    if (tag != DW_TAG_compile_unit && tag != DW_TAG_skeleton_unit) continue;
    Job job{.unit = ::dwarf_dieoffset(&die)};
    Dwarf_Addr base = 0, start = 0, end = 0;
    std::ptrdiff_t offset = 0;
    while ((offset = ::dwarf_ranges(&die, offset, &base, &start, &end)) > 0) {
      auto at = static_cast<std::size_t>(std::ranges::lower_bound(addresses, start) - addresses.begin());
      for (; at < addresses.size() && addresses[at] < end; ++at) {
        // Units that overlap are a defect of the file; the first one owns the address, so that no two threads do.
        if (taken[at]) continue;
        taken[at] = true;
        job.queries.push_back({addresses[at], &places[at]});
      }
    }
    std::ranges::sort(job.queries, {}, &Query::address);
    if (!job.queries.empty()) jobs.push_back(std::move(job));
  }
  std::atomic<std::size_t> next = 0;
  const auto work = [&](Dwarf* dwarf) {
    for (std::size_t i = next++; i < jobs.size(); i = next++) {
      Dwarf_Die root;
      if (::dwarf_offdie(dwarf, jobs[i].unit, &root) != nullptr)
        Unit(&root, state_->beside).resolve(std::move(jobs[i].queries));
    }
  };
  std::vector<std::jthread> helpers;
  for (std::size_t i = 1; i < std::min(state_->handles.size(), jobs.size()); ++i)
    helpers.emplace_back(work, state_->handles[i].get());
  work(first);
  helpers.clear();
  return places;
}

}  // namespace fanlight::symbols
