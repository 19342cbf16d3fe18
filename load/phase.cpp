#include "load/phase.hpp"

#include <charconv>

#include "core/units.hpp"

namespace fanlight::load {
namespace {

constexpr const char* kHint = "a rate like 100, a ramp like 100..1000, bursts like 50/1s";

bool number(std::string_view text, double& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

std::string rate_text(double rate) {
  char digits[32];
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, rate);
  return {digits, end};
}

}  // namespace

Result<> check(const Phase& phase) {
  const auto good = [](double rate) { return rate > 0 && rate <= kMaxRate; };
  if (phase.duration.count() <= 0) return fail(0, "'" + phase.name + "': a phase takes longer than 0", kHint);
  if (phase.shape == Shape::burst) {
    if (phase.burst == 0 || phase.burst > kMaxBurst) return fail(0, "a burst holds 1 to 1000000 messages", kHint);
    if (phase.every < std::chrono::milliseconds(1)) return fail(0, "bursts are 1 ms apart at least", kHint);
    if (static_cast<double>(phase.burst) / std::chrono::duration<double>(phase.every).count() > kMaxRate)
      return fail(0, "bursts make 1000000 messages per second at most", kHint);
    return {};
  }
  if (!good(phase.rate) || (phase.shape == Shape::ramp && !good(phase.to_rate)))
    return fail(0, "rates are above 0 and at most 1000000 messages per second", kHint);
  return {};
}

Result<Phase> parse_shape(std::string_view text) {
  const auto bad = [&] { return fail(0, "'" + std::string(text) + "' is no rate", kHint); };
  Phase phase;
  if (const std::size_t dots = text.find(".."); dots != std::string_view::npos) {
    phase.shape = Shape::ramp;
    phase.name = "ramp";
    if (!number(text.substr(0, dots), phase.rate) || !number(text.substr(dots + 2), phase.to_rate)) return bad();
  } else if (const std::size_t slash = text.find('/'); slash != std::string_view::npos) {
    phase.shape = Shape::burst;
    phase.name = "burst";
    const auto [end, error] = std::from_chars(text.data(), text.data() + slash, phase.burst);
    const auto every = parse_duration(text.substr(slash + 1));
    if (error != std::errc() || end != text.data() + slash || !every) return bad();
    phase.every = *every;
  } else if (!number(text, phase.rate)) {
    return bad();
  }
  if (auto checked = check(phase); !checked) return std::unexpected(std::move(checked.error()));
  return phase;
}

std::string shape_text(const Phase& phase) {
  switch (phase.shape) {
    case Shape::steady: return rate_text(phase.rate);
    case Shape::ramp: return rate_text(phase.rate) + ".." + rate_text(phase.to_rate);
    case Shape::burst: break;
  }
  // A bare number is seconds; the unit is chosen so that nothing is lost.
  return std::to_string(phase.burst) + "/" + std::to_string(phase.every.count()) + "ns";
}

}  // namespace fanlight::load
