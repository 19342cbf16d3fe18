#include "collector/symbols/demangle.hpp"

// libiberty declares basename() unless told that the C library does, and its declaration contradicts glibc's.
#define HAVE_DECL_BASENAME 1
#include <libiberty/demangle.h>

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstddef>

#include "collector/process/proc_text.hpp"
#include "collector/symbols/short_name.hpp"

namespace fanlight::symbols {
namespace {

constexpr std::size_t kMaxMangledBytes = 4096;
constexpr std::size_t kMaxDemangledBytes = 64 * 1024;
constexpr std::size_t kMaxDisplayBytes = 512;

struct Output {
  std::jmp_buf full;
  std::array<char, kMaxDemangledBytes> text;
  std::size_t size = 0;
};

extern "C" void take_text(const char* text, std::size_t size, void* opaque) noexcept {
  auto* output = static_cast<Output*>(opaque);
  const std::size_t taken = std::min(size, output->text.size() - output->size);
  std::copy_n(text, taken, output->text.data() + output->size);
  output->size += taken;
  // The demangler knows no other way to be stopped. The frames left behind are libiberty's C, which holds no heap
  // memory while it prints.
  if (taken < size) std::longjmp(output->full, 1);
}

using Demangler = int (*)(const char*, int, demangle_callbackref, void*);

/// True when `output` holds the demangled name, or as much of it as fits. Nothing here changes between setjmp and
/// longjmp but what `output` refers to.
bool run(Demangler demangler, const char* mangled, Output& output) {
  output.size = 0;
  constexpr int kOptions = DMGL_PARAMS | DMGL_ANSI | DMGL_TYPES | DMGL_NO_RECURSE_LIMIT;
  if (setjmp(output.full) != 0) return true;
  return demangler(mangled, kOptions, take_text, &output) != 0;
}

/// "foo.isra.0.cold" -> "foo". A dot alone proves nothing: Go names have them.
std::string_view without_clone_suffixes(std::string_view name) {
  static constexpr std::array<std::string_view, 9> kSuffixes{".isra", ".part",       ".constprop", ".cold", ".lto_priv",
                                                             ".llvm", ".localalias", ".extracted", ".warm"};
  std::size_t cut = name.size();
  for (const std::string_view suffix : kSuffixes) {
    for (std::size_t at = name.find(suffix, 1); at != std::string_view::npos; at = name.find(suffix, at + 1)) {
      const std::size_t after = at + suffix.size();
      if (after == name.size() || name[after] == '.') cut = std::min(cut, at);
    }
  }
  return name.substr(0, cut);
}

bool is_rust(std::string_view name) {
  if (name.starts_with("_R")) return true;
  return name.starts_with("_ZN") && name.ends_with("E") && name.size() > 24 &&
         name.substr(name.size() - 20, 3) == "17h";
}

}  // namespace

std::string demangle(std::string_view name) {
  if (!name.starts_with("_Z") && !name.starts_with("_R") && !name.starts_with("_GLOBAL_")) return std::string(name);
  if (name.size() > kMaxMangledBytes) return std::string(name);
  const std::string mangled(name);
  static thread_local Output output;
  for (const Demangler demangler : {is_rust(name) ? rust_demangle_callback : nullptr, cplus_demangle_v3_callback})
    if (demangler != nullptr && run(demangler, mangled.c_str(), output) && output.size > 0)
      return std::string(output.text.data(), output.size);
  return mangled;
}

std::string display_name(std::string_view name) {
  const std::string_view plain = without_clone_suffixes(name.substr(0, name.find('@', 1)));
  const std::string demangled = demangle(plain);
  const std::string shown = is_rust(plain) || demangled == plain ? demangled : short_name(demangled);
  return process::printable(shown, kMaxDisplayBytes);
}

}  // namespace fanlight::symbols
