// Brackets in demangled C++, where '<' may also be an operator. In: demangled text. Out: where groups end.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace fanlight::symbols {

inline constexpr std::string_view kAnonymous = "(anonymous namespace)";

/// Length of the word "operator" and the punctuation that belongs to it when they start at `at`: 10 for "operator()".
/// 8 when a word follows (new, a conversion's type, a literal's quotes); 0 when no operator's name starts there.
std::size_t operator_length(std::string_view text, std::size_t at);

/// One past the bracket that closes the one at `open` ('(', '[', '{' or '<'); npos when it is never closed.
std::size_t group_end(std::string_view text, std::size_t open);

/// The parts between commas that are in no group, without surrounding spaces. Nothing: no parts.
std::vector<std::string_view> split_list(std::string_view text);

/// True when the '<' at `at` opens template arguments rather than compares.
bool opens_arguments(std::string_view text, std::size_t at);

}  // namespace fanlight::symbols
