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
    : cache_(std::move(cache)), root_(std::move(root)) {
  if (pid != 0) processes_.push_back({.pid = pid, .slot = 0, .mappings = {}});
}
TargetTables::TargetTables(TargetTables&&) noexcept = default;
TargetTables::~TargetTables() = default;

Result<> TargetTables::prepare() {
  for (Process& process : processes_) {
    auto mappings = process::Mappings::read(process.pid, root_);
    if (!mappings) return std::unexpected(mappings.error());
    process.mappings = std::move(*mappings);
    make_missing(process);
  }
  return {};
}

void TargetTables::make_missing(const Process& process) {
  struct Job {
    const FileKey* key;
    File* file;
    Fd descriptor;
  };
  std::vector<Job> jobs;
  std::optional<symbols::ModuleFiles> opener;
  for (const process::Mapping& mapping : process.mappings.all()) {
    const bool vdso = mapping.path == "[vdso]";
    if ((!vdso && !mapping.path.starts_with('/')) || files_.size() >= kMaxFiles) continue;
    const auto [place, added] = files_.try_emplace({mapping.path, mapping.inode, mapping.deleted});
    if (!added) continue;
    Job job{&place->first, &place->second, {}};
    if (!vdso) {
      // Anew each time: the target may have started another program since.
      if (!opener) opener.emplace(process.pid, root_);
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
  for (const Process& process : processes_) place_and_map(process);
}

void TargetTables::place_and_map(const Process& process) {
  for (auto& [key, file] : files_) {
    if (!std::exchange(file.waits, false)) continue;
    file.placed = published_->place(file.table);
    file.table.rows = {};
    file.table.pages = {};
  }
  std::vector<MappedTable> mapped;
  for (const process::Mapping& mapping : process.mappings.all()) {
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
  published_->map(mapped, process.slot);
}

bool TargetTables::reread(Process& process) {
  auto mappings = process::Mappings::read(process.pid, root_);
  if (!mappings || mappings->all().empty() || same(mappings->all(), process.mappings.all())) return false;
  process.mappings = std::move(*mappings);
  make_missing(process);
  if (published_) place_and_map(process);
  return true;
}

bool TargetTables::refresh() {
  bool changed = false;
  for (Process& process : processes_) changed = reread(process) || changed;
  refreshes_ += changed;
  return changed;
}

bool TargetTables::add(pid_t pid) {
  if (std::ranges::find(processes_, pid, &Process::pid) != processes_.end()) return false;
  std::uint32_t slot = 0;
  while (std::ranges::find(processes_, slot, &Process::slot) != processes_.end()) ++slot;
  if (slot >= published_->slots()) return false;
  Process process{.pid = pid, .slot = slot, .mappings = {}};
  if (!reread(process)) return false;
  processes_.push_back(std::move(process));
  return true;
}

void TargetTables::remove(pid_t pid) {
  std::erase_if(processes_, [&](const Process& process) { return process.pid == pid; });
}

std::uint32_t TargetTables::list() const { return published_ ? published_->list() : 0; }

std::vector<TargetTables::Slot> TargetTables::slots() const {
  std::vector<Slot> slots;
  for (const Process& process : processes_)
    slots.push_back({process.pid, process.slot, published_->list(process.slot)});
  return slots;
}

Counts TargetTables::counts() const {
  Counts counts{.refreshes = refreshes_};
  for (const Process& process : processes_) counts.mappings += process.mappings.all().size();
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
