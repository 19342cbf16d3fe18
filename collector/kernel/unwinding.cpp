#include "collector/kernel/unwinding.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

namespace fanlight::kernel {
namespace {

// 256 KiB each.
constexpr std::size_t kSpareChunks = 8;
constexpr std::size_t kSparePages = 4096;
constexpr std::size_t kSpareRules = 4096;
constexpr auto kTick = std::chrono::milliseconds(100);
constexpr unsigned kTicksPerLook = 10;
// A library is mapped in several steps, and only the first is told of: look again a little later.
constexpr unsigned kLooksAfterChange = 4;

}  // namespace

Unwinding::Mapped::~Mapped() {
  if (memory != nullptr) ::munmap(memory, bytes);
}

Unwinding::Unwinding(pid_t pid, unwind::Cache cache) : tables_(pid, std::move(cache)) {}

Unwinding::~Unwinding() {
  thread_.request_stop();
  wake_.notify_all();
}

Result<std::unique_ptr<Unwinding>> Unwinding::prepare(pid_t pid) {
  std::unique_ptr<Unwinding> unwinding(new Unwinding(pid, unwind::Cache(symbols::DiskCache::of_user())));
  if (Result<> prepared = unwinding->tables_.prepare(); !prepared) return std::unexpected(prepared.error());
  return unwinding;
}

unwind::Capacity Unwinding::capacity() const {
  const unwind::Capacity now = tables_.capacity();
  return {.chunks = now.chunks + now.chunks / 2 + kSpareChunks,
          .pages = now.pages + now.pages / 2 + kSparePages,
          .rules = std::min<std::size_t>(now.rules + now.rules / 2 + kSpareRules, FANLIGHT_UNWIND_RULES)};
}

template <class T>
Result<std::span<T>> Unwinding::map_array(const bpf_map* map, Mapped& into) {
  const std::size_t count = bpf_map__max_entries(map);
  const std::size_t page = 4096;
  into.bytes = (count * sizeof(T) + page - 1) / page * page;
  void* const memory = ::mmap(nullptr, into.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, bpf_map__fd(map), 0);
  if (memory == MAP_FAILED) return fail(errno, std::string("map ") + bpf_map__name(map));
  into.memory = memory;
  return std::span(static_cast<T*>(memory), count);
}

Result<> Unwinding::publish(fanlight_bpf& skeleton) {
  const auto chunks = map_array<fanlight_unwind_chunk>(skeleton.maps.unwind_chunks, chunks_);
  if (!chunks) return std::unexpected(chunks.error());
  const auto pages = map_array<fanlight_unwind_page>(skeleton.maps.unwind_pages, pages_);
  if (!pages) return std::unexpected(pages.error());
  const auto rules = map_array<fanlight_unwind_rule>(skeleton.maps.unwind_rules, rules_);
  if (!rules) return std::unexpected(rules.error());
  const auto lists = map_array<fanlight_unwind_mappings>(skeleton.maps.unwind_mappings, lists_);
  if (!lists) return std::unexpected(lists.error());
  tables_.publish({.chunks = *chunks, .pages = *pages, .rules = *rules, .mappings = *lists});
  skeleton_ = &skeleton;
  __atomic_store_n(&skeleton.bss->unwind_list, tables_.list(), __ATOMIC_RELEASE);
  return {};
}

std::uint64_t Unwinding::reasons_to_look() const {
  std::uint64_t reasons = __atomic_load_n(&skeleton_->bss->mapping_changes, __ATOMIC_RELAXED);
  for (const auto& source : skeleton_->bss->unwind_stops)
    reasons += __atomic_load_n(&source[FANLIGHT_STOP_NO_MAPPING], __ATOMIC_RELAXED);
  return reasons;
}

void Unwinding::follow() {
  if (thread_.joinable() || skeleton_ == nullptr) return;
  thread_ = std::jthread([this](const std::stop_token& stop) { watch(stop); });
}

void Unwinding::watch(const std::stop_token& stop) {
  std::uint64_t seen = 0;
  unsigned looks = 0;
  std::mutex sleeping;
  for (unsigned tick = 0; !stop.stop_requested(); ++tick) {
    const std::uint64_t reasons = reasons_to_look();
    if (reasons != seen) looks = kLooksAfterChange;
    seen = reasons;
    if (looks > 0 || tick % kTicksPerLook == 0) {
      looks -= looks > 0;
      const std::lock_guard held(lock_);
      // Two changes are at least a tick apart, so a walk that began on the list now rewritten has long ended.
      if (tables_.refresh()) __atomic_store_n(&skeleton_->bss->unwind_list, tables_.list(), __ATOMIC_RELEASE);
    }
    std::unique_lock held(sleeping);
    wake_.wait_for(held, stop, kTick, [] { return false; });
  }
}

unwind::Counts Unwinding::counts() const {
  const std::lock_guard held(lock_);
  return tables_.counts();
}

std::vector<std::string> Unwinding::complaints() const {
  const std::lock_guard held(lock_);
  return tables_.complaints();
}

}  // namespace fanlight::kernel
