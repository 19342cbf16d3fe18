// The text of files under /proc, which the target has a say in. In: a path, a bound. Out: the text, words made
// printable.
#pragma once

#include <charconv>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "core/error.hpp"

namespace fanlight::process {

/// The whole text of a file of unknown size. Errors: those of open(2) and read(2); EFBIG when longer than `max_bytes`.
/// A process that exits between open and read answers ESRCH.
Result<std::string> read_text(const std::filesystem::path& file, std::size_t max_bytes);

/// `text` as valid UTF-8 without control characters, at most `max_bytes` long: each byte that is part of neither
/// becomes
/// '?'. Thread names and paths are bytes of the target's choosing; JSON, protobuf and terminals are not to choke on
/// them.
std::string printable(std::string_view text, std::size_t max_bytes);

/// The number in `base` that fills `text` exactly; empty when something else is there or it does not fit.
template <class Number>
std::optional<Number> parse_number(std::string_view text, int base = 10) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace fanlight::process
