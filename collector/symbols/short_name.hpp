// The part of a demangled name that people read. In: demangled C++, hostile. Out: the same function in fewer words.
#pragma once

#include <string>
#include <string_view>

namespace fanlight::symbols {

/// "void std::vector<int, std::allocator<int> >::push_back(int const&)" -> "std::vector<int>::push_back". What goes:
/// parameters, return types, trailing qualifiers, [abi:...] and [clone ...] tags, default template arguments of the
/// standard library, its inline namespaces. What stays: every namespace and class, "(anonymous namespace)",
/// "{lambda#1}", operators and conversions. Template arguments longer than 64 bytes lose their inner ones:
/// "<Map<...>>". Text that does not parse comes back as it is. Threads: any. Cost: O(n), at most 64 levels deep.
std::string short_name(std::string_view demangled);

}  // namespace fanlight::symbols
