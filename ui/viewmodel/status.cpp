#include "ui/viewmodel/status.hpp"

#include <cctype>
#include <cstdio>

namespace fanlight::ui {
namespace {

std::string seconds_text(std::uint64_t ns) {
  char text[32];
  std::snprintf(text, sizeof text, "%.0f s", static_cast<double>(ns) / 1e9);
  return text;
}

std::string next_try(const Status& status, std::uint64_t now_ns) {
  if (status.phase == Phase::connecting || status.retry_at_ns <= now_ns) return "connecting now";
  const std::uint64_t wait = status.retry_at_ns - now_ns;
  return wait < 1'000'000'000 ? "next try in a moment" : "next try in " + seconds_text(wait);
}

}  // namespace

StatusLine status_line(const Status& status, bool frozen, std::uint64_t now_ns) {
  const std::string held = frozen ? " \u00b7 frozen, data keep coming" : "";
  constexpr std::uint64_t kQuiet = 3'000'000'000;
  switch (status.phase) {
    case Phase::recording:
      if (!status.trouble.empty()) return {StatusLine::Tone::bad, status.place + ": " + status.trouble};
      return {StatusLine::Tone::good, "recording " + status.place};
    case Phase::live: {
      std::string text = "live from " + status.place + held;
      if (!status.trouble.empty()) return {StatusLine::Tone::bad, text + " \u00b7 " + status.trouble};
      if (status.data_at_ns != 0 && now_ns > status.data_at_ns + kQuiet)
        return {StatusLine::Tone::busy, text + " \u00b7 nothing new for " + seconds_text(now_ns - status.data_at_ns)};
      return {frozen ? StatusLine::Tone::busy : StatusLine::Tone::good, text};
    }
    case Phase::connecting:
    case Phase::waiting: break;
  }
  if (status.attempts == 0) return {StatusLine::Tone::busy, "connecting to " + status.place};
  return {StatusLine::Tone::bad, std::string(status.ever_connected ? "lost " : "waiting for ") + status.place + ": " +
                                     status.trouble + " \u00b7 " + next_try(status, now_ns) + " (" +
                                     std::to_string(status.attempts) +
                                     (status.attempts == 1 ? " try failed)" : " tries failed)")};
}

EmptyState empty_state(const Status& status, std::uint64_t now_ns) {
  if (status.phase == Phase::live) return {"Connected to " + status.place, "The first second is on its way.", ""};
  if (status.phase == Phase::recording) return {"Reading " + status.place, "A long recording takes a moment.", ""};
  if (status.attempts == 0) return {"Connecting to " + status.place, "", ""};
  std::string trouble = status.trouble.empty() ? "No answer" : status.trouble;
  trouble[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(trouble[0])));
  return {"Waiting for a collector at " + status.place,
          trouble + " (" + next_try(status, now_ns) + "). Start one; this window finds it by itself:",
          "sudo fanlight attach --pid PID"};
}

}  // namespace fanlight::ui
