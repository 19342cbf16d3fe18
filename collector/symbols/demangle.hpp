// Linker names become the names that people wrote. In: a hostile symbol name. Out: C++ or Rust as source spells it.
#pragma once

#include <string>
#include <string_view>

namespace fanlight::symbols {

/// "_ZN1a1fEi" -> "a::f(int)"; names that are not mangled come back as they are. Output is cut at 64 KiB, since
/// substitutions let a name of 200 bytes stand for one of gigabytes. Names above 4 KiB stay mangled: the stack that
/// demangling needs grows with the length (256 bytes per byte, measured).
/// Threads: any. Cost: microseconds. Source: Itanium C++ ABI, 5.1; Rust RFC 2603.
std::string demangle(std::string_view name);

/// The name under which a function is shown: demangled; without parameters, return type, default template arguments,
/// inline namespaces, symbol version and the compiler's suffixes for parts of a function (".cold", ".isra.0"), so that
/// parts and overloads add up. Printable, at most 512 bytes, never empty unless `name` is.
std::string display_name(std::string_view name);

}  // namespace fanlight::symbols
