#include "collector/unwind/cache.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <type_traits>

#include "core/fd.hpp"

namespace fanlight::unwind {
namespace {

// Raised with each change of what the numbers mean.
constexpr std::uint64_t kFormat = 0x314e55544e414600;  // "\0FANTUN1"
constexpr std::size_t kMaxBytes = std::size_t{512} << 20;

struct Head {
  std::uint64_t format = kFormat;
  std::uint64_t crc = 0;  // of what follows the head
  std::uint64_t base = 0;
  std::uint64_t functions = 0;
  std::uint64_t malformed = 0;
  std::uint64_t unsupported = 0;
  std::uint64_t build_id = 0;  // bytes
  std::uint64_t segments = 0;  // entries
  std::uint64_t pages = 0;
  std::uint64_t rows = 0;
  std::uint64_t rules = 0;
};

std::uint64_t crc_of(std::string_view bytes) {
  return ::crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size());
}

template <class T>
void append(std::string& text, const std::vector<T>& values) {
  static_assert(std::is_trivially_copyable_v<T>);
  text.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

template <class T>
bool take(std::string_view& bytes, std::uint64_t count, std::vector<T>& values) {
  if (count > bytes.size() / sizeof(T)) return false;
  values.resize(count);
  if (count > 0) std::memcpy(values.data(), bytes.data(), count * sizeof(T));
  bytes.remove_prefix(count * sizeof(T));
  return true;
}

bool consistent(const Table& table) {
  if (table.rules.empty() || table.rules.size() > FANLIGHT_UNWIND_RULES || !(table.rules[0] == Rule{})) return false;
  const bool rules =
      std::ranges::all_of(table.rows, [&](std::uint32_t row) { return (row & 0xffff) < table.rules.size(); });
  const bool pages = std::ranges::all_of(table.pages, [&](const Page& page) {
    return page.count <= FANLIGHT_UNWIND_CHUNK_ROWS && page.first <= table.rows.size() &&
           page.count <= table.rows.size() - page.first;
  });
  return rules && pages;
}

bool is_build_id(const std::string& text) {
  return text.size() >= 4 && text.size() <= 128 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

}  // namespace

std::string serialise(const Table& table) {
  std::string body = table.build_id;
  append(body, table.segments);
  append(body, table.pages);
  append(body, table.rows);
  append(body, table.rules);
  const Head head{.crc = crc_of(body),
                  .base = table.base,
                  .functions = table.functions,
                  .malformed = table.malformed,
                  .unsupported = table.unsupported,
                  .build_id = table.build_id.size(),
                  .segments = table.segments.size(),
                  .pages = table.pages.size(),
                  .rows = table.rows.size(),
                  .rules = table.rules.size()};
  return std::string(reinterpret_cast<const char*>(&head), sizeof head) + body;
}

std::optional<Table> parse(std::string_view bytes) {
  Head head;
  if (bytes.size() < sizeof head) return std::nullopt;
  std::memcpy(&head, bytes.data(), sizeof head);
  bytes.remove_prefix(sizeof head);
  if (head.format != kFormat || head.crc != crc_of(bytes) || head.build_id > bytes.size()) return std::nullopt;
  Table table{.build_id = std::string(bytes.substr(0, head.build_id)),
              .base = head.base,
              .functions = head.functions,
              .malformed = head.malformed,
              .unsupported = head.unsupported};
  bytes.remove_prefix(head.build_id);
  if (!take(bytes, head.segments, table.segments) || !take(bytes, head.pages, table.pages) ||
      !take(bytes, head.rows, table.rows) || !take(bytes, head.rules, table.rules) || !bytes.empty() ||
      !consistent(table))
    return std::nullopt;
  return table;
}

std::filesystem::path Cache::file_of(const std::string& build_id) const {
  return directory_ / "unwind" / (build_id + ".table");
}

std::optional<Table> Cache::load(const std::string& build_id) const {
  if (directory_.empty() || !is_build_id(build_id)) return std::nullopt;
  const Fd file{::open(file_of(build_id).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW)};
  struct stat status{};
  if (!file || ::fstat(file.get(), &status) != 0 || !S_ISREG(status.st_mode) || status.st_size < 0 ||
      static_cast<std::size_t>(status.st_size) > kMaxBytes)
    return std::nullopt;
  std::string bytes(static_cast<std::size_t>(status.st_size), '\0');
  for (std::size_t at = 0; at < bytes.size();) {
    const ssize_t got = ::read(file.get(), bytes.data() + at, bytes.size() - at);
    if (got <= 0) return std::nullopt;
    at += static_cast<std::size_t>(got);
  }
  auto table = parse(bytes);
  return table && table->build_id == build_id ? std::move(table) : std::nullopt;
}

void Cache::store(const Table& table) const {
  if (directory_.empty() || !is_build_id(table.build_id)) return;
  std::error_code failed;
  const std::filesystem::path path = file_of(table.build_id);
  std::filesystem::create_directories(path.parent_path(), failed);
  if (failed) return;
  std::string temporary = path.string() + ".XXXXXX";
  const Fd file{::mkostemp(temporary.data(), O_CLOEXEC)};
  if (!file) return;
  const std::string bytes = serialise(table);
  std::size_t at = 0;
  while (at < bytes.size()) {
    const ssize_t wrote = ::write(file.get(), bytes.data() + at, bytes.size() - at);
    if (wrote <= 0) break;
    at += static_cast<std::size_t>(wrote);
  }
  if (at == bytes.size()) std::filesystem::rename(temporary, path, failed);
  if (at < bytes.size() || failed) ::unlink(temporary.c_str());
}

std::filesystem::path cache_directory() {
  for (const auto& [variable, below] : {std::pair{"XDG_CACHE_HOME", "fanlight"}, {"HOME", ".cache/fanlight"}}) {
    const char* const value = std::getenv(variable);
    if (value != nullptr && value[0] == '/') return std::filesystem::path(value) / below;
  }
  return {};
}

}  // namespace fanlight::unwind
