#include "collector/unwind/target_tables.hpp"

#include <sys/auxv.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <optional>
#include <thread>

#include "collector/symbols/module_file.hpp"

namespace fanlight::unwind {
namespace {

constexpr std::size_t kMaxFiles = 10'000;
constexpr std::uint64_t kPageMask = 0xfff;

/// The kernel maps the same vDSO into every 64-bit process, so ours describes the target's.
Result<Table> build_vdso() {
  const auto start = static_cast<std::uint64_t>(::getauxval(AT_SYSINFO_EHDR));
  const auto mappings = process::Mappings::read(static_cast<pid_t>(::getpid()));
  const process::Mapping* mapping = mappings ? mappings->find(start) : nullptr;
  if (mapping == nullptr || mapping->start != start) return fail(0, "no vDSO");
  return build_table(std::span(reinterpret_cast<const std::byte*>(start), mapping->end - mapping->start));
}

/// What an address of the file is moved by in this mapping. Empty: the mapping holds none of its code.
std::optional<std::uint64_t> bias_of(const process::Mapping& mapping, const Table& table) {
  for (const CodeSegment& segment : table.segments) {
    // The kernel maps whole pages, so a mapping may begin before its segment does.
    const std::uint64_t from = segment.offset & ~kPageMask;
    if (mapping.offset < from || mapping.offset - from >= segment.size + (segment.offset - from)) continue;
    return mapping.start - (segment.address - segment.offset + mapping.offset);
  }
  return std::nullopt;
}

bool same(const std::vector<process::Mapping>& a, const std::vector<process::Mapping>& b) {
  return std::ranges::equal(a, b, [](const process::Mapping& one, const process::Mapping& other) {
    return one.start == other.start && one.end == other.end && one.offset == other.offset && one.inode == other.inode &&
           one.deleted == other.deleted && one.path == other.path;
  });
}

std::string base_name(const std::string& path) { return path.substr(path.rfind('/') + 1); }

}  // namespace

TargetTables::TargetTables(pid_t pid, Cache cache, std::filesystem::path root)
    : pid_(pid), cache_(std::move(cache)), root_(std::move(root)) {}
TargetTables::TargetTables(TargetTables&&) noexcept = default;
TargetTables::~TargetTables() = default;

Result<> TargetTables::prepare() {
  auto mappings = process::Mappings::read(pid_, root_);
  if (!mappings) return std::unexpected(mappings.error());
  mappings_ = std::move(*mappings);
  make_missing();
  return {};
}

void TargetTables::make_missing() {
  struct Job {
    const FileKey* key;
    File* file;
    Fd descriptor;
  };
  std::vector<Job> jobs;
  std::optional<symbols::ModuleFiles> opener;
  for (const process::Mapping& mapping : mappings_.all()) {
    const bool vdso = mapping.path == "[vdso]";
    if ((!vdso && !mapping.path.starts_with('/')) || files_.size() >= kMaxFiles) continue;
    const auto [place, added] = files_.try_emplace({mapping.path, mapping.inode, mapping.deleted});
    if (!added) continue;
    Job job{&place->first, &place->second, {}};
    if (!vdso) {
      // Anew each time: the target may have started another program since.
      if (!opener) opener.emplace(pid_, root_);
      auto file = opener->open(mapping.path);
      if (!file) {
        job.file->why = file.error().what;
        continue;
      }
      job.descriptor = std::move(*file);
    }
    jobs.push_back(std::move(job));
  }
  std::atomic<std::size_t> next = 0;
  const auto work = [&] {
    for (std::size_t i = next++; i < jobs.size(); i = next++) {
      Job& job = jobs[i];
      if (job.descriptor) {
        if (const auto identity = read_identity(job.descriptor.get()); identity && !identity->build_id.empty()) {
          if (auto known = cache_.load(identity->build_id); known && known->segments == identity->segments) {
            job.file->table = std::move(*known);
            job.file->cached = true;
            continue;
          }
        }
      }
      auto table = job.descriptor ? build_table(job.descriptor.get()) : build_vdso();
      if (!table) {
        job.file->why = table.error().what;
        continue;
      }
      if (table->rows.empty()) job.file->why = "no .eh_frame";
      if (job.descriptor) cache_.store(*table);
      job.file->table = std::move(*table);
    }
  };
  std::vector<std::jthread> helpers;
  const std::size_t wanted = std::min<std::size_t>(jobs.size(), std::max(1u, std::thread::hardware_concurrency()));
  for (std::size_t i = 1; i < wanted; ++i) helpers.emplace_back(work);
  work();
  helpers.clear();
  for (const Job& job : jobs)
    if (!job.file->why.empty()) complaints_.push_back(base_name(job.key->path) + ": " + job.file->why);
}

Capacity TargetTables::capacity() const {
  std::vector<const Table*> tables;
  for (const auto& [key, file] : files_) tables.push_back(&file.table);
  return capacity_for(tables);
}

void TargetTables::publish(Arrays arrays) {
  published_ = std::make_unique<Published>(arrays);
  place_and_map();
}

void TargetTables::place_and_map() {
  for (auto& [key, file] : files_) {
    if (!std::exchange(file.waits, false)) continue;
    file.placed = published_->place(file.table);
    file.table.rows = {};
    file.table.pages = {};
  }
  std::vector<MappedTable> mapped;
  for (const process::Mapping& mapping : mappings_.all()) {
    MappedTable one{.start = mapping.start, .end = mapping.end};
    const auto file = files_.find({mapping.path, mapping.inode, mapping.deleted});
    if (file != files_.end()) {
      if (const auto bias = bias_of(mapping, file->second.table)) {
        one.bias = *bias;
        one.table = &file->second.placed;
      }
      // The vDSO is no file: it is mapped from its first byte.
      if (mapping.path == "[vdso]") one.bias = mapping.start;
    }
    // A run-time compiler's code comes in many pieces that say nothing each.
    const bool bare = one.table == nullptr || one.table->pages == 0;
    if (bare && !mapped.empty() && mapped.back().end == one.start &&
        (mapped.back().table == nullptr || mapped.back().table->pages == 0))
      mapped.back().end = one.end;
    else
      mapped.push_back(one);
  }
  published_->map(mapped);
}

bool TargetTables::refresh() {
  auto mappings = process::Mappings::read(pid_, root_);
  // A target that is gone keeps what was read while it lived.
  if (!mappings || mappings->all().empty() || same(mappings->all(), mappings_.all())) return false;
  mappings_ = std::move(*mappings);
  make_missing();
  if (published_) place_and_map();
  ++refreshes_;
  return true;
}

std::uint32_t TargetTables::list() const { return published_ ? published_->list() : 0; }

Counts TargetTables::counts() const {
  Counts counts{.mappings = mappings_.all().size(), .refreshes = refreshes_};
  for (const auto& [key, file] : files_) {
    if (file.placed.pages == 0) {
      ++counts.without;
      continue;
    }
    ++counts.files;
    counts.from_cache += file.cached;
    counts.malformed += file.table.malformed;
  }
  if (published_) {
    counts.rows = published_->rows();
    counts.rules = published_->rules();
    counts.refused = published_->refused_tables() + published_->refused_mappings();
    counts.bytes = counts.rows * sizeof(std::uint32_t) + published_->pages() * sizeof(fanlight_unwind_page) +
                   counts.rules * sizeof(fanlight_unwind_rule);
  }
  return counts;
}

}  // namespace fanlight::unwind
