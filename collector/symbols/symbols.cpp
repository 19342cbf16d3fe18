#include "collector/symbols/symbols.hpp"

#include <sys/auxv.h>
#include <unistd.h>

#include <charconv>
#include <optional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "collector/process/mappings.hpp"
#include "collector/process/proc_text.hpp"
#include "collector/symbols/demangle.hpp"
#include "collector/symbols/elf_functions.hpp"
#include "collector/symbols/kernel_symbols.hpp"
#include "collector/symbols/module_file.hpp"

namespace fanlight::symbols {
namespace {

constexpr std::size_t kMaxComplaints = 1000;
constexpr std::size_t kMaxModuleBytes = 4096;
// A target that maps more files than this makes the collector read no further ones.
constexpr std::size_t kMaxFiles = 10'000;

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

struct Symbols::State {
  State(pid_t pid, std::filesystem::path world) : root(std::move(world)), files(pid, root) {}

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

  std::filesystem::path root;
  ModuleFiles files;
  std::unordered_map<std::string, ElfFunctions> modules;
  std::optional<FunctionTable> kernel_functions;
  Counts counts;
  std::vector<std::string> complaints;
};

Symbols::Symbols(pid_t pid, std::filesystem::path root) : state_(std::make_unique<State>(pid, std::move(root))) {}
Symbols::Symbols(Symbols&&) noexcept = default;
Symbols& Symbols::operator=(Symbols&&) noexcept = default;
Symbols::~Symbols() = default;

std::string Symbols::user(const std::string& module, std::uint64_t offset) {
  const ElfFunctions& file = state_->file(module);
  const auto address = address_of(file.segments, offset);
  return state_->named(address ? file.functions.find(*address) : std::string_view{}, module_name(module), offset);
}

std::string Symbols::kernel(std::uint64_t address) {
  return state_->named(state_->kernel().find(address), "kernel", address);
}

Symbols::Counts Symbols::counts() const { return state_->counts; }
std::vector<std::string> Symbols::complaints() const { return state_->complaints; }

}  // namespace fanlight::symbols
