#include "core/units.hpp"

#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <cstdio>

namespace fanlight {
namespace {

struct Number {
  double value = 0;
  std::string_view unit;
};

Result<Number> split(std::string_view text, const char* example) {
  Number number;
  const auto [end, ec] =
      std::from_chars(text.data(), text.data() + text.size(), number.value, std::chars_format::fixed);
  if (ec != std::errc{} || !(number.value >= 0)) {
    return fail(0, "'" + std::string(text) + "' is not a number with a unit", std::string("write it like ") + example);
  }
  number.unit = text.substr(static_cast<std::size_t>(end - text.data()));
  while (!number.unit.empty() && number.unit.front() == ' ') number.unit.remove_prefix(1);
  return number;
}

std::string three_digits(double value, const char* unit) {
  const double size = std::fabs(value);
  const int decimals = size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2;
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.*f%s", decimals, value, unit);
  return text.data();
}

}  // namespace

Result<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  constexpr const char* kExample = "250ms, 10s or 2m";
  const auto number = split(text, kExample);
  if (!number) return std::unexpected(number.error());
  struct Unit {
    std::string_view name;
    double ns;
  };
  for (const Unit& unit : {Unit{"", 1e9}, Unit{"ns", 1}, Unit{"us", 1e3}, Unit{"ms", 1e6}, Unit{"s", 1e9},
                           Unit{"m", 60e9}, Unit{"h", 3600e9}}) {
    if (unit.name != number->unit) continue;
    const double ns = number->value * unit.ns;
    if (ns > 1000.0 * 24 * 3600e9) return fail(0, "'" + std::string(text) + "' is longer than 1000 days");
    return std::chrono::nanoseconds(std::llround(ns));
  }
  return fail(0, "unknown unit of time in '" + std::string(text) + "'", std::string("write it like ") + kExample);
}

Result<std::uint64_t> parse_bytes(std::string_view text) {
  constexpr const char* kExample = "4096, 64K or 16M";
  const auto number = split(text, kExample);
  if (!number) return std::unexpected(number.error());
  std::string unit;
  for (const char c : number->unit) unit += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  struct Unit {
    std::string_view letter;
    double bytes;
  };
  for (const Unit& u : {Unit{"K", 1024.0}, Unit{"M", 1048576.0}, Unit{"G", 1073741824.0}}) {
    const std::string letter(u.letter);
    if (unit != letter && unit != letter + "B" && unit != letter + "IB") continue;
    const double bytes = number->value * u.bytes;
    if (bytes > 9007199254740992.0) return fail(0, "'" + std::string(text) + "' is more than 8 PiB");
    return static_cast<std::uint64_t>(std::llround(bytes));
  }
  if (!unit.empty() && unit != "B") {
    return fail(0, "unknown unit of size in '" + std::string(text) + "'", std::string("write it like ") + kExample);
  }
  if (number->value > 9007199254740992.0) return fail(0, "'" + std::string(text) + "' is more than 8 PiB");
  return static_cast<std::uint64_t>(std::llround(number->value));
}

std::string format_ns(double ns) {
  const double size = std::fabs(ns);
  if (size < 999.5) return three_digits(ns, " ns");
  if (size < 999.5e3) return three_digits(ns / 1e3, " us");
  if (size < 999.5e6) return three_digits(ns / 1e6, " ms");
  return three_digits(ns / 1e9, " s");
}

std::string format_bytes(double bytes) {
  const double size = std::fabs(bytes);
  if (size < 1023.5) return three_digits(bytes, " B");
  if (size < 1023.5 * 1024) return three_digits(bytes / 1024, " KiB");
  if (size < 1023.5 * 1048576) return three_digits(bytes / 1048576, " MiB");
  return three_digits(bytes / 1073741824, " GiB");
}

std::string format_count(double count) {
  const double size = std::fabs(count);
  if (size < 1000 && count == std::floor(count)) return std::to_string(static_cast<long long>(count));
  if (size < 999.5) return three_digits(count, "");
  if (size < 999.5e3) return three_digits(count / 1e3, "k");
  if (size < 999.5e6) return three_digits(count / 1e6, "M");
  return three_digits(count / 1e9, "G");
}

std::string format_share(double part, double whole) {
  if (!(whole > 0)) return "-";
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f %%", 100 * part / whole);
  return text.data();
}

}  // namespace fanlight
