// Time and size as people write and read them: "10s", "1.5 ms", "64 KiB".
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/error.hpp"

namespace fanlight {

/// "250ms", "10s", "2m", "1h"; a bare number is seconds. Errors: anything else, negative, or above 1000 days.
Result<std::chrono::nanoseconds> parse_duration(std::string_view text);

/// "4096", "64K", "64KiB", "16M", "1G" (powers of 1024). Errors: anything else, or more than 2^53 bytes.
Result<std::uint64_t> parse_bytes(std::string_view text);

/// Three significant digits and a unit: "812 ns", "1.25 ms", "10.0 s".
std::string format_ns(double ns);

/// Three significant digits and a unit: "128 B", "1.50 MiB".
std::string format_bytes(double bytes);

/// Three significant digits, thousands as k, M, G: "84.2k".
std::string format_count(double count);

/// One decimal and a percent sign: "31.4 %". `whole` 0 gives "-".
std::string format_share(double part, double whole);

}  // namespace fanlight
