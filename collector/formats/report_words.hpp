// Numbers and names as the report writes them. In: values. Out: text for people. For this room only.
#pragma once

#include <cmath>
#include <cstdint>
#include <string>

#include "collector/formats/table.hpp"
#include "collector/formats/text.hpp"
#include "core/histogram.hpp"
#include "core/units.hpp"

namespace fanlight::formats {

inline constexpr std::size_t kNameLetters = 40;

inline std::string ns(std::uint64_t value) { return format_ns(static_cast<double>(value)); }
inline std::string counted(std::uint64_t value) { return format_count(static_cast<double>(value)); }
inline std::string counted_or_none(std::uint64_t value) { return value == 0 ? "-" : counted(value); }
inline std::string share(std::uint64_t part, std::uint64_t whole) {
  return format_share(static_cast<double>(part), static_cast<double>(whole));
}
inline std::string per_second(double amount, std::uint64_t over_ns) {
  return over_ns == 0 ? "-" : format_count(std::round(amount * 1e9 / static_cast<double>(over_ns) * 100) / 100) + "/s";
}
inline std::string plural(std::uint64_t count, const char* one, const char* more = nullptr) {
  return counted(count) + " " + (count == 1 ? one : more != nullptr ? more : std::string(one) + "s");
}
inline std::string percentile(const KernelHistogram& histogram, double fraction) {
  return histogram.count() == 0 ? "-" : ns(histogram.percentile(fraction));
}
inline std::string name(const std::string& raw) { return raw.empty() ? "-" : shortened(clean(raw), kNameLetters); }

inline std::string section(const std::string& heading, const std::string& body) {
  return body.empty() ? "" : "\n" + heading + "\n" + body;
}

}  // namespace fanlight::formats
