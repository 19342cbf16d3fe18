// A bounded reader over hostile bytes. In: a span. Out: numbers as DWARF writes them; after the end zeros, and `ok()`
// is false.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <type_traits>

namespace fanlight::unwind {

/// Never reads outside its span. Threads: one.
class Bytes {
 public:
  explicit Bytes(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  bool ok() const { return ok_; }
  bool empty() const { return at_ >= bytes_.size(); }
  std::size_t position() const { return at_; }

  /// A little-endian integer of T's size.
  template <class T>
  T number() {
    T value{};
    if (bytes_.size() - at_ < sizeof value) return fail_with(value);
    std::memcpy(&value, bytes_.data() + at_, sizeof value);
    at_ += sizeof value;
    return value;
  }
  std::uint8_t byte() { return number<std::uint8_t>(); }

  /// Bits above the 64th are dropped. Source: DWARF 5, 7.6.
  std::uint64_t uleb() {
    std::uint64_t value = 0;
    for (unsigned shift = 0;; shift += 7) {
      const std::uint8_t next = byte();
      if (!ok_) return 0;
      if (shift < 64) value |= static_cast<std::uint64_t>(next & 0x7f) << shift;
      if ((next & 0x80) == 0) return value;
    }
  }
  std::int64_t sleb() {
    std::uint64_t value = 0;
    for (unsigned shift = 0;;) {
      const std::uint8_t next = byte();
      if (!ok_) return 0;
      if (shift < 64) value |= static_cast<std::uint64_t>(next & 0x7f) << shift;
      shift += 7;
      if ((next & 0x80) != 0) continue;
      if (shift < 64 && (next & 0x40) != 0) value |= ~std::uint64_t{0} << shift;
      return static_cast<std::int64_t>(value);
    }
  }
  /// The next `size` bytes; empty when there are fewer.
  std::span<const std::uint8_t> take(std::uint64_t size) {
    if (size > bytes_.size() - at_) {
      ok_ = false;
      at_ = bytes_.size();
      return {};
    }
    const auto taken = bytes_.subspan(at_, static_cast<std::size_t>(size));
    at_ += static_cast<std::size_t>(size);
    return taken;
  }

 private:
  template <class T>
  T fail_with(T value) {
    ok_ = false;
    at_ = bytes_.size();
    return value;
  }

  std::span<const std::uint8_t> bytes_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

/// How pointers in .eh_frame are written. Source: Linux Standard Base Core 5.0, 10.5.1 (DW_EH_PE_*).
struct Encoding {
  std::uint8_t value = 0;
  bool skipped() const { return value == 0xff; }
};

/// A pointer that is found at virtual address `here`. Empty: an encoding that no linker writes for code, or the end.
std::optional<std::uint64_t> read_pointer(Bytes& bytes, Encoding encoding, std::uint64_t here);

/// The same number without what it counts from: a length.
std::optional<std::uint64_t> read_length(Bytes& bytes, Encoding encoding);

}  // namespace fanlight::unwind
