#include "collector/symbols/place_table.hpp"

#include <cstring>
#include <vector>

namespace fanlight::symbols {
namespace {

constexpr std::size_t kMaxInlined = 1000;

/// Gives each text a number, in order of appearance.
class Texts {
 public:
  std::uint32_t number_of(const std::string& text) {
    const auto [known, added] = numbers_.try_emplace(text, static_cast<std::uint32_t>(numbers_.size()));
    if (added) {
      put(bytes_, static_cast<std::uint32_t>(text.size()));
      bytes_ += text;
    }
    return known->second;
  }
  template <class T>
  static void put(std::string& bytes, T value) {
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
  }
  std::uint32_t count() const { return static_cast<std::uint32_t>(numbers_.size()); }
  const std::string& bytes() const { return bytes_; }

 private:
  std::unordered_map<std::string, std::uint32_t> numbers_;
  std::string bytes_;
};

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  template <class T>
  T number() {
    T value{};
    if (bytes_.size() < sizeof value) {
      ok_ = false;
      bytes_ = {};
      return value;
    }
    std::memcpy(&value, bytes_.data(), sizeof value);
    bytes_.remove_prefix(sizeof value);
    return value;
  }
  std::string_view text(std::size_t size) {
    if (bytes_.size() < size) {
      ok_ = false;
      return {};
    }
    const std::string_view taken = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return taken;
  }
  bool ok() const { return ok_; }
  bool empty() const { return bytes_.empty(); }
  std::size_t left() const { return bytes_.size(); }

 private:
  std::string_view bytes_;
  bool ok_ = true;
};

}  // namespace

std::string serialise(const PlaceTable& places) {
  Texts texts;
  std::string rows;
  for (const auto& [offset, place] : places) {
    Texts::put(rows, offset);
    Texts::put(rows, texts.number_of(place.name));
    Texts::put(rows, texts.number_of(place.file));
    Texts::put(rows, place.line);
    Texts::put(rows, static_cast<std::uint32_t>(place.inlined.size()));
    for (const InlinedCall& call : place.inlined) {
      Texts::put(rows, texts.number_of(call.name));
      Texts::put(rows, texts.number_of(call.file));
      Texts::put(rows, call.line);
    }
  }
  std::string bytes;
  Texts::put(bytes, texts.count());
  bytes += texts.bytes();
  Texts::put(bytes, static_cast<std::uint64_t>(places.size()));
  return bytes + rows;
}

std::optional<PlaceTable> parse_places(std::string_view bytes) {
  Reader reader(bytes);
  const auto count = reader.number<std::uint32_t>();
  std::vector<std::string_view> texts;
  for (std::uint32_t i = 0; i < count && reader.ok(); ++i) texts.push_back(reader.text(reader.number<std::uint32_t>()));
  bool known = true;
  const auto text = [&] {
    const auto number = reader.number<std::uint32_t>();
    known = known && number < texts.size();
    return known ? std::string(texts[number]) : std::string();
  };
  const auto rows = reader.number<std::uint64_t>();
  constexpr std::size_t kLeastRow = 24;
  if (!reader.ok() || rows > reader.left() / kLeastRow) return std::nullopt;
  PlaceTable places;
  places.reserve(rows);
  for (std::uint64_t i = 0; i < rows && reader.ok() && known; ++i) {
    const auto offset = reader.number<std::uint64_t>();
    Place place{.name = text(), .file = text()};
    place.line = reader.number<std::uint32_t>();
    const auto calls = reader.number<std::uint32_t>();
    if (calls > kMaxInlined) return std::nullopt;
    for (std::uint32_t call = 0; call < calls && reader.ok() && known; ++call) {
      InlinedCall one{.name = text(), .file = text()};
      one.line = reader.number<std::uint32_t>();
      place.inlined.push_back(std::move(one));
    }
    places.insert_or_assign(offset, std::move(place));
  }
  if (!reader.ok() || !known || !reader.empty()) return std::nullopt;
  return places;
}

}  // namespace fanlight::symbols
