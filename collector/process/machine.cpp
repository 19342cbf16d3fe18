#include "collector/process/machine.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "collector/process/proc_text.hpp"

namespace fanlight::process {

Result<Machine> machine(const std::filesystem::path& root) {
  constexpr std::size_t kMaxStatBytes = std::size_t{8} << 20;  // a line for each interrupt of a large machine
  const auto text = read_text(root / "proc/stat", kMaxStatBytes);
  if (!text) return std::unexpected(text.error());
  std::string_view line = std::string_view(*text).substr(0, text->find('\n'));
  if (!line.starts_with("cpu ")) return fail(0, "/proc/stat begins with no CPU");
  line.remove_prefix(4);
  std::array<std::uint64_t, 8> ticks{};
  for (std::uint64_t& field : ticks) {
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    const std::size_t end = std::min(line.find(' '), line.size());
    const auto number = parse_number<std::uint64_t>(line.substr(0, end));
    if (!number) return fail(0, "/proc/stat: a field that is no number");
    field = *number;
    line.remove_prefix(end);
  }
  const auto ns_per_tick = 1'000'000'000u / static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  return Machine{ticks[5] * ns_per_tick, ticks[6] * ns_per_tick, ticks[7] * ns_per_tick};
}

}  // namespace fanlight::process
