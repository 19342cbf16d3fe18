#include "collector/profile/redact.hpp"

#include <re2/re2.h>

#include <utility>

namespace fanlight::profile {

struct Redaction::State {
  explicit State(const std::string& text) : pattern(text, options()) {}
  static RE2::Options options() {
    RE2::Options quiet(RE2::Quiet);
    quiet.set_encoding(RE2::Options::EncodingLatin1);  // names are bytes, which need not be UTF-8
    return quiet;
  }
  RE2 pattern;
};

Redaction::Redaction(std::unique_ptr<State> state) : state_(std::move(state)) {}
Redaction::Redaction(Redaction&&) noexcept = default;
Redaction& Redaction::operator=(Redaction&&) noexcept = default;
Redaction::~Redaction() = default;

Result<Redaction> Redaction::make(const std::string& pattern) {
  auto state = std::make_unique<State>(pattern);
  if (!state->pattern.ok()) {
    return fail(0, "'" + pattern + "' is not a pattern: " + state->pattern.error(),
                "quote it for the shell, and write a backslash before . * + ? ( ) [ where they stand for themselves");
  }
  return Redaction(std::move(state));
}

std::string Redaction::operator()(const std::string& text) const {
  std::string out = text;
  RE2::GlobalReplace(&out, state_->pattern, "[redacted]");
  return out;
}

void Redaction::apply(Profile& profile) const {
  const auto hide = [this](std::string& text) { RE2::GlobalReplace(&text, state_->pattern, "[redacted]"); };
  for (std::string* text : {&profile.target.name, &profile.target.executable, &profile.target.host}) hide(*text);
  for (kernel::Form& form : profile.target.forms) hide(form.why);
  for (Thread& thread : profile.threads) hide(thread.name);
  for (Frame& frame : profile.frames) {
    for (std::string* text : {&frame.name, &frame.module, &frame.file}) hide(*text);
    for (Inlined& call : frame.inlined) {
      hide(call.name);
      hide(call.file);
    }
  }
  for (Labels& labels : profile.labels) {
    for (auto& [key, value] : labels) hide(value);
  }
  for (Module& module : profile.modules) hide(module.path);
  for (Lock& lock : profile.locks) {
    hide(lock.name);
    hide(lock.holder);
  }
  for (kernel::MapReading& map : profile.maps) hide(map.map_name);
  for (kernel::MapState& map : profile.map_states) hide(map.name);
  for (kernel::ConnectionReading& connection : profile.connections) {
    hide(connection.local);
    hide(connection.peer);
  }
  for (kernel::RegistryReading& row : profile.registries) hide(row.registry);
  for (Metric& metric : profile.metrics) hide(metric.name);
  for (Event& event : profile.events) hide(event.text);
  for (SecondPoint& second : profile.seconds) {
    for (Metric& metric : second.metrics) hide(metric.name);
  }
}

}  // namespace fanlight::profile
