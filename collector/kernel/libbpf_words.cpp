#include "collector/kernel/libbpf_words.hpp"

#include <bpf/libbpf.h>

#include <cstdarg>
#include <cstdio>
#include <mutex>
#include <string_view>
#include <utility>

namespace fanlight::kernel {
namespace {

thread_local std::string last_words;

int remember(libbpf_print_level level, const char* format, va_list arguments) noexcept {
  if (level != LIBBPF_WARN) return 0;
  char line[512];
  const int length = std::vsnprintf(line, sizeof line, format, arguments);
  std::string_view text(line);
  constexpr std::string_view kPrefix = "libbpf: ";
  if (text.starts_with(kPrefix)) text.remove_prefix(kPrefix.size());
  text = text.substr(0, text.find('\n'));
  // A verifier log comes as one huge message; its first line says less than the one before it.
  if (text.find("BEGIN PROG LOAD LOG") != std::string_view::npos || length >= static_cast<int>(sizeof line)) return 0;
  if (text.starts_with("failed to load object") || text.starts_with("failed to load BPF skeleton")) return 0;
  last_words.assign(text);
  return 0;
}

}  // namespace

void silence_libbpf() {
  static std::once_flag once;
  std::call_once(once, [] { libbpf_set_print(remember); });
}

std::string take_libbpf_words() { return std::exchange(last_words, {}); }

}  // namespace fanlight::kernel
