// The kernel's functions. In: the text of /proc/kallsyms. Out: a table by address.
#pragma once

#include <filesystem>
#include <string_view>

#include "collector/symbols/function_table.hpp"
#include "core/error.hpp"

namespace fanlight::symbols {

/// Code symbols (types t, T, w, W), modules and BPF programs included. Lines that make no sense are skipped.
/// Errors: unreadable; addresses hidden (all zero), with the capability that shows them.
/// Cost: 50 ms and 10 MB for 120,000 symbols. Source: proc(5), kallsyms; nm(1) for the types.
Result<FunctionTable> read_kernel_symbols(const std::filesystem::path& root);
Result<FunctionTable> parse_kernel_symbols(std::string_view text);

}  // namespace fanlight::symbols
