#include "collector/formats/foreign.hpp"

#include <utility>

namespace fanlight::formats {

std::optional<Reason> reason_of_state(std::string_view text) {
  for (std::size_t i = 0; i < kReasons; ++i) {
    const auto reason = static_cast<Reason>(i);
    const std::string state(name_of(state_of(reason)));
    if (text == (reason == Reason::running ? state : state + ": " + std::string(name_of(reason)))) return reason;
  }
  return std::nullopt;
}

std::string cut(std::string_view text) { return std::string(text.substr(0, kMostLetters)); }

profile::Frame named_frame(std::string_view name) {
  constexpr std::string_view kKernel = "_[k]";
  if (name.size() > kKernel.size() && name.ends_with(kKernel)) {
    name.remove_suffix(kKernel.size());
    return {.origin = profile::FrameOrigin::kernel, .name = cut(name)};
  }
  // "[libfoo.so+0x12]" is a place without a name; a marker has no address.
  const bool marker =
      name.size() > 2 && name.front() == '[' && name.back() == ']' && name.find("+0x") == std::string_view::npos;
  return {.origin = marker ? profile::FrameOrigin::marker : profile::FrameOrigin::user, .name = cut(name)};
}

profile::Window foreign_window(std::string name, std::string unit) {
  profile::Target target{.name = std::move(name), .weight_unit = std::move(unit)};
  return profile::Window(std::move(target), 0, 2 * kMostTableBytes);
}

}  // namespace fanlight::formats
