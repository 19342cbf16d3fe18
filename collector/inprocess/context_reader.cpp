#include "collector/inprocess/context_reader.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>
#include <string_view>

#include "collector/inprocess/target_memory.hpp"
#include "collector/process/proc_text.hpp"

namespace fanlight::inprocess {
namespace {

using Bytes = std::span<const std::byte>;

constexpr std::size_t kMaxPayload = 1u << 20;
constexpr std::size_t kMaxKeys = 256;
constexpr std::size_t kMaxText = 1024;
constexpr unsigned char kNoKey = 255;  // our own writer's filler

/// Fields of one protobuf message, one after the other. Source: protobuf.dev/programming-guides/encoding
class Fields {
 public:
  explicit Fields(Bytes message) : left_(message) {}

  /// False at the end, and at anything that is no field.
  bool next() {
    const std::optional<std::uint64_t> head = varint();
    if (!head) return false;
    number_ = static_cast<unsigned>(*head >> 3);
    bytes_ = {};
    value_ = 0;
    switch (*head & 7) {
      case 0: {
        const auto value = varint();
        value_ = value.value_or(0);
        return value.has_value();
      }
      case 1: return take(8);
      case 2: {
        const auto length = varint();
        return length && *length <= left_.size() && take(static_cast<std::size_t>(*length));
      }
      case 5: return take(4);
      default: return false;
    }
  }
  unsigned number() const { return number_; }
  Bytes bytes() const { return bytes_; }
  std::string text() const {
    return process::printable({reinterpret_cast<const char*>(bytes_.data()), bytes_.size()}, kMaxText);
  }

 private:
  std::optional<std::uint64_t> varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64 && !left_.empty(); shift += 7) {
      const auto digit = static_cast<std::uint8_t>(left_.front());
      left_ = left_.subspan(1);
      value |= std::uint64_t{digit & 0x7fu} << shift;
      if ((digit & 0x80) == 0) return value;
    }
    return std::nullopt;
  }
  bool take(std::size_t count) {
    if (count > left_.size()) return false;
    bytes_ = left_.first(count);
    left_ = left_.subspan(count);
    return true;
  }

  Bytes left_;
  unsigned number_ = 0;
  std::uint64_t value_ = 0;
  Bytes bytes_;
};

/// KeyValue: key = 1, value = 2.
std::pair<std::string, Bytes> key_value(Bytes message) {
  std::pair<std::string, Bytes> result;
  for (Fields fields(message); fields.next();) {
    if (fields.number() == 1) result.first = fields.text();
    if (fields.number() == 2) result.second = fields.bytes();
  }
  return result;
}

/// AnyValue.string_value = 1.
std::string text_of(Bytes value) {
  for (Fields fields(value); fields.next();)
    if (fields.number() == 1) return fields.text();
  return {};
}

/// AnyValue.array_value = 5, ArrayValue.values = 1.
std::vector<std::string> texts_of(Bytes value) {
  std::vector<std::string> texts;
  for (Fields any(value); any.next();) {
    if (any.number() != 5) continue;
    for (Fields values(any.bytes()); values.next() && texts.size() < kMaxKeys;)
      if (values.number() == 1) texts.push_back(text_of(values.bytes()));
  }
  return texts;
}

struct Header {
  char signature[8];
  std::uint32_t version;
  std::uint32_t payload_bytes;
  std::uint64_t published_at_ns;
  std::uint64_t payload;
};

bool names_it(std::string_view line) {
  for (const char* name : {"[anon_shmem:OTEL_CTX]", "[anon:OTEL_CTX]", "/memfd:OTEL_CTX"})
    if (line.find(name) != std::string_view::npos) return true;
  return false;
}

/// Empty: not there any more, or being written.
std::optional<ProcessContext> read_once(pid_t pid, std::uint64_t address, const Header& header) {
  if (header.published_at_ns == 0 || header.payload_bytes > kMaxPayload) return std::nullopt;
  std::vector<std::byte> payload(header.payload_bytes);
  if (!payload.empty() && !copy_from(pid, header.payload, payload.data(), payload.size())) return std::nullopt;
  Header again;
  if (!copy_from(pid, address, &again, sizeof again) || again.published_at_ns != header.published_at_ns)
    return std::nullopt;
  ProcessContext context = decode_process_context(payload);
  context.published_at_ns = header.published_at_ns;
  return context;
}

/// One entry of the attributes; empty at the end, which an entry that does not fit is, too.
struct Entry {
  std::uint8_t key;
  std::string_view value;
};
std::optional<Entry> next_entry(Bytes& left) {
  if (left.size() < 2) return std::nullopt;
  const auto length = static_cast<std::size_t>(left[1]);
  if (left.size() < 2 + length) return std::nullopt;
  const Entry entry{static_cast<std::uint8_t>(left[0]), {reinterpret_cast<const char*>(left.data()) + 2, length}};
  left = left.subspan(2 + length);
  return entry;
}

}  // namespace

ProcessContext decode_process_context(Bytes payload) {
  ProcessContext context;
  for (Fields fields(payload); fields.next();) {
    if (fields.number() == 1) {
      for (Fields resource(fields.bytes()); resource.next();) {
        if (resource.number() != 1) continue;
        auto [key, value] = key_value(resource.bytes());
        if (std::string text = text_of(value); !text.empty()) context.resource[std::move(key)] = std::move(text);
      }
    } else if (fields.number() == 2) {
      const auto [key, value] = key_value(fields.bytes());
      if (key == "threadlocal.schema_version") context.schema = text_of(value);
      if (key == "threadlocal.attribute_key_map") context.keys = texts_of(value);
    }
  }
  return context;
}

Result<ProcessContext> read_process_context(pid_t pid, const std::filesystem::path& root) {
  const std::string process = "process " + std::to_string(pid);
  std::ifstream maps(root / "proc" / std::to_string(pid) / "maps");
  if (!maps) return fail(errno == ENOENT ? ESRCH : errno, "mappings of " + process);
  for (std::string line; std::getline(maps, line);) {
    if (!names_it(line)) continue;
    const auto address = process::parse_number<std::uint64_t>(std::string_view(line).substr(0, line.find('-')), 16);
    if (!address) continue;
    constexpr int kAttempts = 100;
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      Header header;
      if (!copy_from(pid, *address, &header, sizeof header)) return fail(errno, "process context of " + process);
      if (std::memcmp(header.signature, "OTEL_CTX", sizeof header.signature) != 0) break;
      if (header.version != 1 && header.version != 2)
        return fail(0, "process context of " + process + " of version " + std::to_string(header.version));
      if (auto context = read_once(pid, *address, header)) return std::move(*context);
      if (attempt + 1 == kAttempts) return fail(EAGAIN, "process context of " + process);
    }
  }
  return fail(ENOENT, process + " publishes no process context");
}

LabelList decode_attributes(Bytes attributes, const std::vector<std::string>& keys) {
  LabelList labels;
  for (Bytes left = attributes; const auto entry = next_entry(left);) {
    if (entry->key >= keys.size() || keys[entry->key].empty()) continue;
    const std::string& key = keys[entry->key];
    std::string value = process::printable(entry->value, kMaxText);
    const auto place =
        std::lower_bound(labels.begin(), labels.end(), key,
                         [](const auto& label, const std::string& wanted) { return label.first < wanted; });
    if (place == labels.end() || place->first != key) {
      labels.insert(place, {key, std::move(value)});
    } else if (key == kSpanKey) {
      place->second += kSpanSeparator + value;
    } else {
      place->second = std::move(value);
    }
  }
  return labels;
}

bool has_unknown_key(Bytes attributes, std::size_t keys) {
  for (Bytes left = attributes; const auto entry = next_entry(left);)
    if (entry->key >= keys && entry->key != kNoKey) return true;
  return false;
}

}  // namespace fanlight::inprocess
