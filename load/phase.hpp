// One stretch of a schedule. In: options or a scenario file. Out: plain values, and their text form.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "core/error.hpp"

namespace fanlight::load {

enum class Shape : std::uint8_t { steady, ramp, burst };

struct Phase {
  std::string name = "steady";
  std::chrono::nanoseconds duration{std::chrono::seconds(10)};
  Shape shape = Shape::steady;
  double rate = 100;                                        // messages per second; ramp: at its beginning
  double to_rate = 100;                                     // ramp: at its end
  std::uint64_t burst = 1;                                  // burst: messages that fall due at once
  std::chrono::nanoseconds every{std::chrono::seconds(1)};  // burst: from one to the next

  bool operator==(const Phase&) const = default;
};

/// Messages per second that a schedule takes at most.
inline constexpr double kMaxRate = 1e6;
inline constexpr std::uint64_t kMaxBurst = 1'000'000;

/// "100", "100..1000" (a ramp), "50/1s" (bursts of 50): the shape, its name and rates; the duration is left alone.
/// Errors: anything else; a rate of 0 or above kMaxRate.
Result<Phase> parse_shape(std::string_view text);

/// What `parse_shape` reads.
std::string shape_text(const Phase& phase);

/// Errors: a rate, burst or duration out of bounds.
Result<> check(const Phase& phase);

}  // namespace fanlight::load
