#include "collector/symbols/jit_dump.hpp"

#include <algorithm>
#include <cstring>
#include <map>
#include <unordered_map>
#include <utility>

#include "collector/process/proc_text.hpp"

namespace fanlight::symbols {
namespace {

constexpr std::uint32_t kMagic = 0x4A695444;
constexpr std::size_t kHeaderBytes = 40;
constexpr std::size_t kRecordBytes = 16;
constexpr std::size_t kMaxNameBytes = 4096;
constexpr std::size_t kMaxLines = 4'000'000;

enum RecordKind : std::uint32_t { kLoad = 0, kMove = 1, kDebugInfo = 2 };

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  template <class T>
  T number() {
    T value{};
    if (bytes_.size() < sizeof value) {
      fail();
      return value;
    }
    std::memcpy(&value, bytes_.data(), sizeof value);
    bytes_.remove_prefix(sizeof value);
    return value;
  }
  std::string_view take(std::size_t size) {
    if (bytes_.size() < size) {
      fail();
      return {};
    }
    const std::string_view taken = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return taken;
  }
  /// Up to the NUL, which is consumed.
  std::string_view text() {
    const std::size_t end = bytes_.find('\0');
    if (end == std::string_view::npos) {
      fail();
      return {};
    }
    const std::string_view taken = bytes_.substr(0, end);
    bytes_.remove_prefix(end + 1);
    return taken.substr(0, kMaxNameBytes);
  }
  bool ok() const { return ok_; }
  std::size_t left() const { return bytes_.size(); }

 private:
  void fail() {
    ok_ = false;
    bytes_ = {};
  }
  std::string_view bytes_;
  bool ok_ = true;
};

struct Code {
  std::uint64_t size = 0;
  std::string_view name;
};
struct Entry {
  std::uint64_t address = 0;
  std::uint32_t line = 0;
  std::string_view file;
};

/// What the records say, in their order.
struct Told {
  std::map<std::uint64_t, Code> code;                        // by address
  std::unordered_map<std::uint64_t, std::vector<Entry>> of;  // lines, by the address of their code
  std::size_t lines = 0;

  void load(Reader& record) {
    record.take(16);  // pid, tid, and the address within the dump's own mapping
    const auto start = record.number<std::uint64_t>();
    const auto size = record.number<std::uint64_t>();
    record.number<std::uint64_t>();
    const std::string_view name = record.text();
    if (record.ok() && size > 0 && size <= ~std::uint64_t{0} - start) code[start] = {size, name};
  }
  void move(Reader& record) {
    record.take(16);
    const auto from = record.number<std::uint64_t>();
    const auto to = record.number<std::uint64_t>();
    const auto found = code.find(from);
    if (!record.ok() || found == code.end() || from == to) return;
    code[to] = found->second;
    code.erase(found);
    const auto known = of.find(from);
    if (known == of.end()) return;
    std::vector<Entry> moved = std::move(known->second);
    of.erase(known);
    for (Entry& entry : moved) entry.address += to - from;
    of[to] = std::move(moved);
  }
  void debug_info(Reader& record) {
    constexpr std::size_t kLeastEntry = 17;
    constexpr std::string_view kSameFile = "\xff";
    const auto start = record.number<std::uint64_t>();
    const auto count = record.number<std::uint64_t>();
    if (!record.ok() || count > record.left() / kLeastEntry || lines + count > kMaxLines) return;
    std::vector<Entry> entries;
    std::string_view file;
    for (std::uint64_t i = 0; i < count && record.ok(); ++i) {
      Entry entry{.address = record.number<std::uint64_t>(), .line = record.number<std::uint32_t>()};
      record.number<std::uint32_t>();
      const std::string_view name = record.text();
      if (name != kSameFile) file = name;
      entry.file = file;
      if (record.ok()) entries.push_back(entry);
    }
    lines += entries.size();
    of[start] = std::move(entries);
  }
};

}  // namespace

JitDump parse_jit_dump(std::string_view bytes) {
  JitDump dump;
  Reader reader(bytes);
  const auto magic = reader.number<std::uint32_t>();
  const auto version = reader.number<std::uint32_t>();
  const auto header = reader.number<std::uint32_t>();
  if (magic != kMagic || version != 1 || header < kHeaderBytes || header > bytes.size()) return dump;
  Told told;
  for (Reader rest(bytes.substr(header)); rest.left() >= kRecordBytes;) {
    const auto kind = rest.number<std::uint32_t>();
    const auto size = rest.number<std::uint32_t>();
    rest.number<std::uint64_t>();
    if (size < kRecordBytes) break;
    Reader record(rest.take(size - kRecordBytes));
    if (!rest.ok()) break;  // the target is still writing it
    switch (kind) {
      case kLoad: told.load(record); break;
      case kMove: told.move(record); break;
      case kDebugInfo: told.debug_info(record); break;
      default: break;
    }
  }
  std::vector<Function> functions;
  std::string names;
  std::unordered_map<std::string_view, std::uint32_t> files;
  for (const auto& [start, code] : told.code) {
    functions.push_back({.start = start, .size = code.size, .name = static_cast<std::uint32_t>(names.size())});
    names.append(code.name).push_back('\0');
    const auto lines = told.of.find(start);
    if (lines == told.of.end()) continue;
    for (const Entry& entry : lines->second) {
      if (entry.address < start || entry.address - start >= code.size) continue;
      const auto [file, added] = files.try_emplace(entry.file, static_cast<std::uint32_t>(dump.files_.size()));
      if (added) dump.files_.push_back(process::printable(entry.file, kMaxNameBytes));
      dump.lines_.push_back({entry.address, file->second, entry.line});
    }
  }
  std::ranges::stable_sort(dump.lines_, {}, &JitDump::Line::address);
  dump.functions_ = FunctionTable(std::move(functions), std::move(names));
  return dump;
}

Place JitDump::find(std::uint64_t address) const {
  Place place{.name = process::printable(functions_.find(address), 512)};
  if (place.name.empty()) return place;
  const auto after = std::ranges::upper_bound(lines_, address, {}, &Line::address);
  if (after == lines_.begin()) return place;
  const Line& line = *std::prev(after);
  // The line must be of the same function.
  if (functions_.find(line.address).data() != functions_.find(address).data()) return place;
  place.file = files_[line.file];
  place.line = line.line;
  return place;
}

}  // namespace fanlight::symbols
