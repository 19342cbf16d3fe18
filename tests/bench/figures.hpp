// What a benchmark that is not Google's found, for programs. In: a figure. Out: a row for `scripts/bench NAME --json
// FILE`.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

namespace fanlight::bench {

/// Adds a row to the file that FANLIGHT_FIGURES names; nothing without it. Errors: ends the program, as a file that
/// lacks figures would be taken for whole. Threads: one.
inline void figure(const std::string& name, double value, const std::string& unit) {
  const char* path = std::getenv("FANLIGHT_FIGURES");
  if (path == nullptr) return;
  std::ofstream file(path, std::ios::app);
  file.precision(12);
  file << name << '\t' << value << '\t' << unit << std::endl;
  if (file) return;
  std::fprintf(stderr, "%s: the figures cannot be written\n", path);
  std::exit(1);
}

}  // namespace fanlight::bench
