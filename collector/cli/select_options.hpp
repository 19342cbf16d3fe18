// Options about what of a profile to show, shared by export, report and diff. In: text of the command line. Out: a
// checked selection.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>

#include "collector/profile/redact.hpp"
#include "collector/profile/select.hpp"
#include "collector/profile/window.hpp"
#include "core/error.hpp"

namespace fanlight::cli {

/// --thread --label --focus --ignore --from --to --redact, and --spans --invert --group-by --min-percent where
/// `shapes`.
class SelectOptions {
 public:
  void add_to(CLI::App& command, bool shapes);
  /// Throws CLI::ValidationError for what is no pattern. For the subcommand's callback.
  void check() const;

  /// Errors: nothing was recorded at the time that was asked for.
  Result<> find_in(const profile::Window& window) const;
  /// After `check`.
  profile::Selector selector() const;
  /// The part of the recording's time that was asked for, redacted; slices are never cut.
  profile::Profile query(const profile::Window& window) const;
  /// The same, one profile for each slice.
  std::vector<profile::Profile> slices(const profile::Window& window) const;

 private:
  struct Range {
    std::uint64_t from_ns = 0;
    std::uint64_t to_ns = ~std::uint64_t{0};
  };
  Range range(const profile::Window& window) const;

  profile::Selection selection_;
  std::string redact_;
  double min_percent_ = 0;
  std::optional<std::chrono::nanoseconds> from_;
  std::optional<std::chrono::nanoseconds> to_;
};

}  // namespace fanlight::cli
