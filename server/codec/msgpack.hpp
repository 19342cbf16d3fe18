// MessagePack, the part that envelopes and commands need. In: values, or bytes from outside. Out: bytes, or values.
// Debian's libmsgpack-cxx-dev depends on another Boost than ours and cannot be installed beside it.
// Source: github.com/msgpack/msgpack/blob/master/spec.md
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace fanlight::server::codec::msgpack {

void append_map(std::string& out, std::uint32_t fields);
void append_array(std::string& out, std::uint32_t items);
void append_string(std::string& out, std::string_view text);
void append_binary(std::string& out, std::string_view bytes);
void append_number(std::string& out, std::uint64_t number);

/// Reads one value after the other. Each returns nothing, and consumes nothing, when the next value is of another kind
/// or cut short. Bounds: sizes are checked against what is left, so nothing is believed that the bytes cannot hold.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}

  std::optional<std::uint32_t> map();
  std::optional<std::uint32_t> array();
  /// Strings and binaries alike.
  std::optional<std::string_view> text();
  std::optional<std::uint64_t> number();
  /// Passes over one value of any kind, up to 32 levels deep. False: cut short or too deep.
  bool skip(int depth = 0);
  bool at_end() const { return rest_.empty(); }

 private:
  std::optional<std::uint64_t> big_endian(std::size_t from, std::size_t bytes) const;
  std::optional<std::uint32_t> container(unsigned fix, unsigned fix_mask, unsigned short_code);

  std::string_view rest_;
};

}  // namespace fanlight::server::codec::msgpack
