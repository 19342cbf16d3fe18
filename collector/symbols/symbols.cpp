#include "collector/symbols/symbols.hpp"

#include <fcntl.h>
#include <sys/auxv.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "collector/process/mappings.hpp"
#include "collector/process/proc_text.hpp"
#include "collector/symbols/debuginfod.hpp"
#include "collector/symbols/demangle.hpp"
#include "collector/symbols/dwarf_places.hpp"
#include "collector/symbols/elf_functions.hpp"
#include "collector/symbols/jit_dump.hpp"
#include "collector/symbols/kernel_symbols.hpp"
#include "collector/symbols/module_file.hpp"
#include "collector/symbols/perf_map.hpp"
#include "collector/symbols/place_table.hpp"
#include "core/clock.hpp"

namespace fanlight::symbols {
namespace {

constexpr std::size_t kMaxComplaints = 1000;
constexpr std::size_t kMaxModuleBytes = 4096;
// A target that maps more files than this makes the collector read no further ones.
constexpr std::size_t kMaxFiles = 10'000;
constexpr std::size_t kMaxJitBytes = std::size_t{256} << 20;
constexpr std::uint64_t kPerfMapAgeNs = 1'000'000'000;
// More debug information than this is not kept in memory between batches.
constexpr std::uint64_t kMaxKeptDebugBytes = std::uint64_t{256} << 20;

std::string with_offset(std::string_view module, std::uint64_t offset) {
  char digits[16];
  const auto end = std::to_chars(std::begin(digits), std::end(digits), offset, 16).ptr;
  return "[" + std::string(module) + "+0x" + std::string(digits, end) + "]";
}

/// "/usr/lib/libc.so.6" -> "libc.so.6", "[vdso]" -> "vdso".
std::string module_name(std::string_view module) {
  if (module.starts_with('[') && module.ends_with(']') && module.size() > 2)
    module = module.substr(1, module.size() - 2);
  module.remove_prefix(module.rfind('/') == std::string_view::npos ? 0 : module.rfind('/') + 1);
  return module.empty() ? "unknown" : process::printable(module, 256);
}

/// The kernel maps the same vDSO into every 64-bit process, so ours names the target's.
Result<ElfFunctions> read_own_vdso() {
  const auto start = static_cast<std::uint64_t>(::getauxval(AT_SYSINFO_EHDR));
  const auto mappings = process::Mappings::read(static_cast<pid_t>(::getpid()));
  const process::Mapping* mapping = mappings ? mappings->find(start) : nullptr;
  if (mapping == nullptr || mapping->start != start) return fail(0, "no vDSO");
  return read_elf(std::span(reinterpret_cast<const std::byte*>(start), mapping->end - mapping->start));
}

}  // namespace

/// What is known of the places in one file.
struct Details {
  DebugHints hints;
  PlaceTable known;
  std::size_t stored = 0;  // of those, on disk
  Fd debug;                // the file with its DWARF, until that is opened
  bool has_dwarf = false;
  bool names_taken = false;  // from `debug`
  std::optional<DwarfPlaces> dwarf;
  std::uint64_t asked = 0;

  /// Formats and contents differ with what there was to learn from.
  std::string kind() const { return has_dwarf ? "places-1-dwarf" : "places-1-symbols"; }
};

struct Symbols::State {
  State(pid_t pid, std::filesystem::path world, DiskCache disk_cache, Fetching fetching)
      : root(std::move(world)),
        files(pid, root),
        cache(std::move(disk_cache)),
        stop_fetching(fetching == Fetching::never) {}
  ~State() {
    for (auto& [module, one] : details) store(one);
  }

  void complain(const std::string& module, std::string_view why) {
    ++counts.files_failed;
    if (complaints.size() < kMaxComplaints) complaints.push_back(module_name(module) + ": " + std::string(why));
  }

  /// What the file says, read the first time it is asked for. Without functions when it gives none.
  const ElfFunctions& file(const std::string& module) {
    if (const auto known = modules.find(module); known != modules.end()) return known->second;
    static const ElfFunctions kNone;
    if (modules.size() >= kMaxFiles || module.size() > kMaxModuleBytes) return kNone;
    return modules.emplace(module, read(module)).first->second;
  }

  ElfFunctions read(const std::string& module) {
    if (module == "[vdso]") return read_own_vdso().value_or(ElfFunctions{});
    if (!module.starts_with('/')) return {};  // code that comes from no file: nobody to complain about
    auto descriptor = files.open(module);
    if (!descriptor) {
      complain(module, descriptor.error().what);
      return {};
    }
    auto functions = read_elf(descriptor->get());
    if (!functions) {
      complain(module, functions.error().what);
      return {};
    }
    if (!functions->complete) add_debug_file(*functions);
    if (functions->functions.empty())
      complain(module, "no symbol table");
    else
      ++counts.files_read;
    return std::move(*functions);
  }

  /// The names of the separate debug file, when one is installed, at the addresses that the file itself is loaded at.
  void add_debug_file(ElfFunctions& functions) const {
    const auto descriptor = files.open_debug_file(functions.build_id);
    if (!descriptor) return;
    auto debug = read_elf(descriptor->get());
    if (debug && debug->complete && debug->build_id == functions.build_id)
      functions.functions = std::move(debug->functions);
  }

  /// DWARF knows nothing of functions that were written in assembly, such as libc's memcpy: the symbols beside it do.
  void take_names(const std::string& module, const Fd& debug) {
    const auto known = modules.find(module);
    if (known == modules.end() || known->second.complete) return;
    auto named = read_elf(debug.get());
    if (named && named->complete) known->second.functions = std::move(named->functions);
  }

  const FunctionTable& kernel() {
    if (kernel_functions) return *kernel_functions;
    auto functions = read_kernel_symbols(root);
    if (functions)
      ++counts.files_read;
    else
      complain("/proc/kallsyms", functions.error().what);
    return kernel_functions.emplace(functions ? std::move(*functions) : FunctionTable{});
  }

  std::string named(std::string_view symbol, std::string_view module, std::uint64_t offset) {
    std::string name = display_name(symbol);
    ++(name.empty() ? counts.unknown : counts.named);
    return name.empty() ? with_offset(module, offset) : name;
  }

  void store(Details& one) {
    if (one.known.size() == one.stored) return;
    cache.store(one.kind(), one.hints.build_id, serialise(one.known));
    one.stored = one.known.size();
  }

  /// The file with the DWARF for `module`, whose own is `own`.
  Fd find_dwarf(const std::string& module, Fd own, const DebugHints& hints) {
    if (hints.dwarf) return own;
    const auto inside = [](const Result<Fd>& file) {
      auto found = file ? read_debug_hints(file->get()) : Result<DebugHints>(std::unexpected(file.error()));
      return found && found->dwarf ? std::move(*found) : DebugHints{};
    };
    // What lies under a build-id, here or on a server, need not be what was built with it.
    const auto same_build = [&](const Result<Fd>& file) { return inside(file).build_id == hints.build_id; };
    if (!hints.build_id.empty())
      if (auto file = files.open_debug_file(hints.build_id); same_build(file)) return std::move(*file);
    if (!hints.link.empty())
      if (auto file = files.open_debug_link(module, hints.link, hints.link_crc); inside(file).dwarf)
        return std::move(*file);
    if (!hints.build_id.empty() && !stop_fetching)
      if (auto file = fetch_debug_file(hints.build_id, stop_fetching); same_build(file)) return std::move(*file);
    return {};
  }

  Details& details_of(const std::string& module) {
    const auto [place, added] = details.try_emplace(module);
    Details& one = place->second;
    if (!added) return one;
    auto file = module.size() <= kMaxModuleBytes ? files.open(module) : fail(0, "a name that is too long");
    auto hints = file ? read_debug_hints(file->get()) : Result<DebugHints>(std::unexpected(file.error()));
    if (!hints) return one;
    one.hints = std::move(*hints);
    one.debug = find_dwarf(module, std::move(*file), one.hints);
    one.has_dwarf = static_cast<bool>(one.debug);
    if (const auto bytes = cache.load(one.kind(), one.hints.build_id))
      if (auto known = parse_places(*bytes)) one.known = std::move(*known);
    one.stored = one.known.size();
    return one;
  }

  /// Looks up what is not known yet; `offsets` ascend.
  void learn(const std::string& module, Details& one, const std::vector<std::uint64_t>& offsets) {
    const ElfFunctions& elf = file(module);
    if (one.debug && !std::exchange(one.names_taken, true)) take_names(module, one.debug);
    struct Asked {
      std::uint64_t address, offset;
    };
    std::vector<Asked> asked;
    for (const std::uint64_t offset : offsets) {
      const auto address = address_of(elf.segments, offset);
      if (address)
        asked.push_back({*address, offset});
      else
        one.known[offset] = unplaced(module, elf, offset);
    }
    std::ranges::sort(asked, {}, &Asked::address);
    std::vector<std::uint64_t> addresses;
    for (const Asked& ask : asked) addresses.push_back(ask.address);
    std::vector<Place> found(asked.size());
    if (one.debug && !one.dwarf) {
      auto dwarf = DwarfPlaces::open(Fd{::fcntl(one.debug.get(), F_DUPFD_CLOEXEC, 0)});
      if (dwarf) {
        one.dwarf.emplace(std::move(*dwarf));
      } else {
        complain(module, dwarf.error().what);
        one.debug.reset();
      }
    }
    if (one.dwarf && !addresses.empty()) found = one.dwarf->find(addresses);
    if (one.dwarf && one.dwarf->bytes() > kMaxKeptDebugBytes) one.dwarf.reset();
    for (std::size_t i = 0; i < asked.size(); ++i) {
      // The symbol's name first, so that a place is called the same with and without debug information.
      std::string name = display_name(elf.functions.find(asked[i].address));
      if (!name.empty()) found[i].name = std::move(name);
      if (found[i].name.empty()) found[i].name = with_offset(module_name(module), asked[i].offset);
      one.known[asked[i].offset] = std::move(found[i]);
    }
    if (one.known.size() - one.stored > one.known.size() / 8) store(one);
  }

  /// Code at an offset that is no address of the file's. Run-time compilers that map their memory twice, as .NET does,
  /// have it in a file that is no ELF file; where that lies, their map may name it.
  Place unplaced(const std::string& module, const ElfFunctions& elf, std::uint64_t offset) {
    Place place;
    if (elf.segments.empty())
      if (const auto address = files.address_of(module, offset)) place = known_jit_now(*address);
    if (place.name.empty()) place.name = with_offset(module_name(module), offset);
    return place;
  }

  /// Code that was compiled at run time.
  Place jit(std::uint64_t address) {
    Place place = known_jit_now(address);
    ++(place.name.empty() ? counts.unknown : counts.named);
    if (place.name.empty()) place.name = with_offset("anon", address);
    return place;
  }

  /// By what the target has written down lately; without a name when it has not.
  Place known_jit_now(std::uint64_t address) {
    Place place = known_jit(address);
    if (!place.name.empty() || monotonic_ns() - jit_read_ns <= kPerfMapAgeNs) return place;
    jit_read_ns = monotonic_ns();
    if (const auto dump = text_of(files.open_jit_dump())) jit_dump = parse_jit_dump(*dump);
    if (const auto map = text_of(files.open_perf_map())) jit_functions = parse_perf_map(*map);
    return known_jit(address);
  }

  /// A dump first: it has lines, and says what has moved.
  Place known_jit(std::uint64_t address) const {
    Place place = jit_dump.find(address);
    if (place.name.empty()) place.name = process::printable(jit_functions.find(address), 512);
    return place;
  }

  static std::optional<std::string> text_of(const Result<Fd>& file) {
    if (!file) return std::nullopt;
    auto text = process::read_text("/proc/self/fd/" + std::to_string(file->get()), kMaxJitBytes);
    if (!text) return std::nullopt;
    return std::move(*text);
  }

  std::filesystem::path root;
  ModuleFiles files;
  DiskCache cache;
  std::atomic<bool> stop_fetching;
  std::unordered_map<std::string, Details> details;
  FunctionTable jit_functions;
  JitDump jit_dump;
  std::uint64_t jit_read_ns = 0;
  std::unordered_map<std::string, ElfFunctions> modules;
  std::optional<FunctionTable> kernel_functions;
  Counts counts;
  std::vector<std::string> complaints;
};

Symbols::Symbols(pid_t pid, std::filesystem::path root, DiskCache cache, Fetching fetching)
    : state_(std::make_unique<State>(pid, std::move(root), std::move(cache), fetching)) {}
Symbols::Symbols(Symbols&&) noexcept = default;
Symbols& Symbols::operator=(Symbols&&) noexcept = default;
Symbols::~Symbols() = default;

std::string Symbols::user(const std::string& module, std::uint64_t offset) {
  const ElfFunctions& file = state_->file(module);
  const auto address = address_of(file.segments, offset);
  return state_->named(address ? file.functions.find(*address) : std::string_view{}, module_name(module), offset);
}

std::vector<Place> Symbols::places(const std::string& module, std::span<const std::uint64_t> offsets) {
  std::vector<Place> places(offsets.size());
  if (!module.starts_with('/')) {
    for (std::size_t i = 0; i < offsets.size(); ++i)
      if (module.starts_with("[anon"))
        places[i] = state_->jit(offsets[i]);
      else
        places[i].name = user(module, offsets[i]);
    return places;
  }
  Details& one = state_->details_of(module);
  one.asked += offsets.size();
  std::vector<std::uint64_t> missing;
  for (const std::uint64_t offset : offsets)
    if (!one.known.contains(offset)) missing.push_back(offset);
  std::ranges::sort(missing);
  missing.erase(std::ranges::unique(missing).begin(), missing.end());
  if (!missing.empty()) state_->learn(module, one, missing);
  for (std::size_t i = 0; i < offsets.size(); ++i) {
    places[i] = one.known[offsets[i]];
    ++(places[i].name.starts_with('[') ? state_->counts.unknown : state_->counts.named);
  }
  return places;
}

std::string Symbols::build_id(const std::string& module) const {
  const auto found = state_->details.find(module);
  return found != state_->details.end() ? found->second.hints.build_id : std::string();
}

Symbols::Sources Symbols::sources() const {
  Sources sources;
  std::vector<std::pair<std::uint64_t, std::string>> without;
  for (const auto& [module, one] : state_->details) {
    if (one.has_dwarf)
      ++sources.with;
    else
      without.emplace_back(one.asked, module_name(module));
  }
  std::ranges::sort(without, std::ranges::greater());
  for (auto& [asked, name] : without) sources.without.push_back(std::move(name));
  return sources;
}

std::string Symbols::kernel(std::uint64_t address) {
  return state_->named(state_->kernel().find(address), "kernel", address);
}

void Symbols::stop_fetching() { state_->stop_fetching = true; }

Symbols::Counts Symbols::counts() const { return state_->counts; }
std::vector<std::string> Symbols::complaints() const { return state_->complaints; }

}  // namespace fanlight::symbols
