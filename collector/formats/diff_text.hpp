// A difference in words. In: `Diff`. Out: text for people, Markdown for a pull request, JSON for programs.
#pragma once

#include <string>

#include "collector/profile/diff.hpp"

namespace fanlight::formats {

/// The whole, then functions whose change is certain, then how many were within the noise. Lines stay below 120
/// letters.
std::string diff_text(const profile::Diff& diff);
/// The same as two tables; function names are code.
std::string diff_markdown(const profile::Diff& diff);
/// {"schema":1,"unit","per","amount_before","amount_after","method","whole":{},"functions":[{"name","before","after",
/// "self_before","self_after","change","low","high","noise"}],"stacks":[],"gone":[],...}. Weights are per second or per
/// unit of work.
std::string diff_json(const profile::Diff& diff);
/// The second run's flame graph, red where it grew, blue where it shrank, grey within the noise; what only the first
/// had is listed above it.
std::string diff_svg(const profile::Diff& diff);

}  // namespace fanlight::formats
