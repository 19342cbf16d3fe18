// Times how long the tables of a process take. Usage: bench_unwind_attach PID CACHE-DIRECTORY.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "collector/unwind/target_tables.hpp"

namespace {

using namespace fanlight;

void measure(pid_t pid, const char* directory, const char* name) {
  const auto start = std::chrono::steady_clock::now();
  unwind::TargetTables tables(pid, unwind::Cache(symbols::DiskCache(directory)));
  if (!tables.prepare()) std::exit(1);
  const unwind::Capacity need = tables.capacity();
  std::vector<fanlight_unwind_chunk> chunks(need.chunks);
  std::vector<fanlight_unwind_page> pages(need.pages);
  std::vector<fanlight_unwind_rule> rules(need.rules);
  std::vector<fanlight_unwind_mappings> lists(2);
  tables.publish({chunks, pages, rules, lists});
  const std::chrono::duration<double, std::milli> passed = std::chrono::steady_clock::now() - start;
  const unwind::Counts counts = tables.counts();
  std::printf("%s: %.1f ms; %lu files, %lu rows, %lu rules, %.2f MB; %lu without rules\n", name, passed.count(),
              counts.files, counts.rows, counts.rules, static_cast<double>(counts.bytes) / 1e6, counts.without);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const auto pid = static_cast<pid_t>(std::atoi(argv[1]));
  std::filesystem::remove_all(argv[2]);
  measure(pid, argv[2], "cold");
  measure(pid, argv[2], "from the cache");
}
