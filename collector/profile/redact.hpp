// What must not leave the machine. In: a pattern. Out: texts and profiles without what matches it.
#pragma once

#include <memory>
#include <string>

#include "collector/profile/profile.hpp"
#include "core/error.hpp"

namespace fanlight::profile {

/// Replaces every match by "[redacted]". Threads: const, any. Cost: linear in the text, whatever the pattern.
class Redaction {
 public:
  /// Errors: not a pattern. Source of the syntax: github.com/google/re2/wiki/Syntax.
  static Result<Redaction> make(const std::string& pattern);
  Redaction(Redaction&&) noexcept;
  Redaction& operator=(Redaction&&) noexcept;
  ~Redaction();

  std::string operator()(const std::string& text) const;
  /// Names of threads, functions, files, maps and locks, label values, the target's name, path and host, and the words
  /// of events. Numbers stay.
  void apply(Profile& profile) const;

 private:
  struct State;
  explicit Redaction(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace fanlight::profile
