#include "collector/kernel/unwinding.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

namespace fanlight::kernel {
namespace {

// 256 KiB each.
constexpr std::size_t kSpareChunks = 8;
constexpr std::size_t kSparePages = 4096;
constexpr std::size_t kSpareRules = 4096;
// A program that was just started may be any, so there is more room for it: 4 MiB.
constexpr std::size_t kSpareChunksOfSeveral = 16;
constexpr auto kTick = std::chrono::milliseconds(100);
// Between looks at a target that is changing: a program that starts maps its libraries within a few of these.
constexpr auto kQuickTick = std::chrono::milliseconds(5);
constexpr unsigned kTicksPerLook = 10;
// A library is mapped in several steps, and only the first is told of: look again a little later.
constexpr unsigned kQuickLooksAfterChange = 4;
constexpr unsigned kLooksAfterChange = 4;

}  // namespace

Unwinding::Mapped::~Mapped() {
  if (memory != nullptr) ::munmap(memory, bytes);
}

Unwinding::Unwinding(pid_t pid, bool several, unwind::Cache cache)
    : several_(several), tables_(pid, std::move(cache)) {}

Unwinding::~Unwinding() {
  thread_.request_stop();
  wake_.notify_all();
}

Result<std::unique_ptr<Unwinding>> Unwinding::prepare(pid_t pid, bool several) {
  std::unique_ptr<Unwinding> unwinding(new Unwinding(pid, several, unwind::Cache(symbols::DiskCache::of_user())));
  if (Result<> prepared = unwinding->tables_.prepare(); !prepared) return std::unexpected(prepared.error());
  return unwinding;
}

unwind::Capacity Unwinding::capacity() const {
  const unwind::Capacity now = tables_.capacity();
  return {.chunks = now.chunks + now.chunks / 2 + (several_ ? kSpareChunksOfSeveral : kSpareChunks),
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
  tell_kernel();
  return {};
}

void Unwinding::tell_kernel() {
  std::vector<unwind::TargetTables::Slot> slots = tables_.slots();
  const bpf_map* numbers = skeleton_->maps.unwind_slots;
  // First those that are gone: their slots may have gone to others.
  for (const auto& old : told_) {
    const auto kept = std::ranges::find(slots, old.pid, &unwind::TargetTables::Slot::pid);
    if (several_ && kept == slots.end()) bpf_map__delete_elem(numbers, &old.pid, sizeof old.pid, 0);
  }
  for (const auto& now : slots) {
    __atomic_store_n(&skeleton_->bss->unwind_lists[now.slot], now.list, __ATOMIC_RELEASE);
    if (several_) bpf_map__update_elem(numbers, &now.pid, sizeof now.pid, &now.slot, sizeof now.slot, BPF_ANY);
  }
  told_ = std::move(slots);
}

void Unwinding::look_at(pid_t pid) {
  const std::lock_guard held(news_lock_);
  news_.push_back({.pid = pid, .gone = false});
  wake_.notify_all();
}

void Unwinding::forget(pid_t pid) {
  const std::lock_guard held(news_lock_);
  news_.push_back({.pid = pid, .gone = true});
}

bool Unwinding::take_news() {
  std::vector<News> news;
  {
    const std::lock_guard held(news_lock_);
    news = std::exchange(news_, {});
  }
  for (const News& one : news) {
    if (one.gone)
      tables_.remove(one.pid);
    else
      tables_.add(one.pid);
  }
  return !news.empty();
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
  unsigned quick = 0, looks = 0, calm = 0;
  while (!stop.stop_requested()) {
    const std::uint64_t reasons = reasons_to_look();
    {
      const std::lock_guard held(lock_);
      const bool news = take_news();
      if (news || reasons != seen) {
        quick = kQuickLooksAfterChange;
        looks = kLooksAfterChange;
      }
      seen = reasons;
      bool changed = news;
      if (quick > 0 || looks > 0 || ++calm >= kTicksPerLook) {
        if (quick > 0)
          --quick;
        else
          looks -= looks > 0;
        calm = 0;
        // Two changes are at least a tick apart, so a walk that began on the list now rewritten has long ended.
        changed = tables_.refresh() || changed;
      }
      if (changed) tell_kernel();
    }
    std::unique_lock held(news_lock_);
    wake_.wait_for(held, stop, quick > 0 ? kQuickTick : kTick, [this] { return !news_.empty(); });
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
