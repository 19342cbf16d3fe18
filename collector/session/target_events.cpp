#include "collector/session/target_events.hpp"

#include <array>
#include <string_view>
#include <utility>

#include "collector/profile/growth.hpp"

namespace fanlight::session {
namespace {

// Names are the target's to choose, and may be without number.
constexpr std::size_t kMostNames = 1000;

const inprocess::EventWord* word(const inprocess::TargetEvent& event, std::string_view field) {
  for (const inprocess::EventWord& one : event.words)
    if (one.field == field) return &one;
  return nullptr;
}

std::string operation_name(std::uint64_t operation) {
  constexpr std::array<const char*, 4> kNames{"insert", "remove", "lookup", "iterate"};
  return operation < kNames.size() ? kNames[operation] : "operation " + std::to_string(operation);
}

}  // namespace

void TargetEvents::take(const inprocess::TargetEvent& event) {
  if (event.is_span) {
    if (spans_.size() < kMostNames || spans_.contains(event.name)) spans_[event.name].add(event.duration_ns);
    return;
  }
  if (events_.size() < kMostNames || events_.contains(event.name)) ++events_[event.name];
  if (event.name != "map_op") return;
  const inprocess::EventWord* const registry = word(event, "registry");
  const inprocess::EventWord* const shard = word(event, "shard");
  const inprocess::EventWord* const operation = word(event, "operation");
  const inprocess::EventWord* const op = operation != nullptr ? operation : word(event, "op");
  const inprocess::EventWord* const wait = word(event, "wait_ns");
  const inprocess::EventWord* const hold = word(event, "hold_ns");
  if (registry == nullptr || shard == nullptr || op == nullptr || wait == nullptr || hold == nullptr) return;
  const RegistryKey key{registry->text, static_cast<std::uint32_t>(shard->value), op->value};
  if (registries_.size() >= kMostNames && !registries_.contains(key)) return;
  kernel::RegistryReading& row = registries_[key];
  row.registry = registry->text;
  row.shard = static_cast<std::uint32_t>(shard->value);
  row.operation = operation_name(op->value);
  ++row.count;
  row.wait_ns += wait->value;
  row.hold_ns += hold->value;
  row.wait.add(wait->value);
}

void TargetEvents::drain() {
  if (!reader_) return;
  const auto done = reader_->drain([this](inprocess::TargetEvent&& event) { take(event); });
  // The target is gone, or has made other rings: looked for again with the next slice.
  if (!done) reader_.reset();
}

void TargetEvents::close_slice(profile::Slice& slice, bool registries) {
  drain();
  for (auto& [name, histogram] : std::exchange(spans_, {}))
    slice.metrics.push_back(
        {.name = "span " + name, .kind = profile::Metric::Kind::histogram, .histogram = std::move(histogram)});
  for (const auto& [name, count] : std::exchange(events_, {}))
    slice.metrics.push_back({.name = "event " + name, .value = static_cast<double>(count)});
  for (auto& [key, row] : std::exchange(registries_, {}))
    if (registries) slice.registries.push_back(std::move(row));
  if (reader_) {
    LedgerEntry now = reader_->ledger();
    slice.ledger.push_back(profile::growth(last_ledger_, now));
    last_ledger_ = std::move(now);
    return;
  }
  last_ledger_ = {};
  if (auto reader = inprocess::EventReader::open(pid_)) reader_.emplace(std::move(*reader));
}

}  // namespace fanlight::session
