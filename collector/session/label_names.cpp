#include "collector/session/label_names.hpp"

#include <algorithm>
#include <utility>

namespace fanlight::session {
namespace {

constexpr const char* kBeyondKey = "labels";
constexpr const char* kBeyondValue = "[too many to tell apart]";

std::string hexadecimal(const std::array<std::uint8_t, 16>& id) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : id) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

bool is_set(const std::array<std::uint8_t, 16>& id) {
  return std::any_of(id.begin(), id.end(), [](std::uint8_t byte) { return byte != 0; });
}

}  // namespace

LabelNames::LabelNames(ReadContext read_context, std::size_t most)
    : read_context_(std::move(read_context)), most_(most) {}

bool LabelNames::refresh() {
  may_read_ = true;
  auto context = read_context_();
  if (!context) return !context_.keys.empty();
  if (context->published_at_ns != context_.published_at_ns) {
    // Keys are only ever added, so what was decoded with fewer may lack some.
    if (context->keys.size() != context_.keys.size()) sets_.clear();
    context_ = std::move(*context);
  }
  return !context_.keys.empty();
}

profile::Labels LabelNames::decode(std::span<const std::byte> attributes) {
  if (may_read_ && inprocess::has_unknown_key(attributes, context_.keys.size())) {
    refresh();
    may_read_ = false;
  }
  return inprocess::decode_attributes(attributes, context_.keys);
}

profile::LabelsId LabelNames::place(profile::Labels labels, profile::Tables& tables) {
  if (labels.empty()) return 0;
  const std::size_t before = tables.labels().size();
  if (before < most_) return tables.labels(std::move(labels));
  if (const auto known = tables.known_labels(labels)) return *known;
  ++beyond_;
  return tables.labels({{kBeyondKey, kBeyondValue}});
}

profile::LabelsId LabelNames::of_set(std::uint32_t set, KernelHalf& kernel, profile::Tables& tables) {
  if (set == 0) return 0;
  if (const auto known = sets_.find(set); known != sets_.end()) return known->second;
  const profile::LabelsId id = set == kernel::kLabelsBeyond ? place({{kBeyondKey, kBeyondValue}}, tables)
                                                            : place(decode(kernel.label_attributes(set)), tables);
  sets_[set] = id;
  return id;
}

profile::LabelsId LabelNames::of(const RawSample& sample, KernelHalf* kernel, profile::Tables& tables) {
  profile::LabelsId id = 0;
  if (sample.label_set != 0 && kernel != nullptr) id = of_set(sample.label_set, *kernel, tables);
  if (!sample.attributes.empty()) id = place(decode(sample.attributes), tables);
  if (!is_set(sample.trace_id)) return id;
  profile::Labels labels = tables.labels()[id];
  labels.emplace_back(profile::kTraceKey, hexadecimal(sample.trace_id));
  std::sort(labels.begin(), labels.end());
  return place(std::move(labels), tables);
}

}  // namespace fanlight::session
