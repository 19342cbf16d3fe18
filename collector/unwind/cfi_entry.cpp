#include "collector/unwind/cfi_entry.hpp"

namespace fanlight::unwind {

bool read_augmentation(std::span<const std::uint8_t> letters, std::span<const std::uint8_t> data, Cie& cie) {
  if (letters.empty() || letters[0] == 0) return true;
  if (letters[0] != 'z') return false;
  cie.sized_augmentation = true;
  Bytes bytes(data);
  for (const std::uint8_t letter : letters.subspan(1)) {
    if (letter == 0) break;
    switch (letter) {
      case 'R': cie.encoding = {bytes.byte()}; break;
      case 'L': bytes.byte(); break;
      case 'P': {
        const Encoding encoding{bytes.byte()};
        if (!encoding.skipped() && !read_length(bytes, encoding)) return false;
        break;
      }
      case 'S': cie.signal = true; break;
      case 'B': break;
      default: return false;
    }
  }
  return bytes.ok();
}

std::optional<CfiRecord> read_record(std::span<const std::uint8_t> section, std::uint64_t offset) {
  if (offset >= section.size()) return std::nullopt;
  Bytes bytes(section.subspan(static_cast<std::size_t>(offset)));
  std::uint64_t length = bytes.number<std::uint32_t>();
  if (length == 0xffffffff) length = bytes.number<std::uint64_t>();
  const std::uint64_t id_at = offset + bytes.position();
  const std::span<const std::uint8_t> rest = bytes.take(length);
  if (!bytes.ok() || rest.size() < sizeof(std::uint32_t)) return std::nullopt;
  // The id is of four bytes even behind a length of eight, and an FDE's counts back from itself.
  const auto id = Bytes(rest).number<std::uint32_t>();
  if (id > id_at) return std::nullopt;
  return CfiRecord{.offset = id_at + sizeof id, .cie = id_at - id, .is_cie = id == 0, .body = rest.subspan(sizeof id)};
}

std::optional<Cie> read_cie(const CfiRecord& record) {
  if (!record.is_cie) return std::nullopt;
  Bytes bytes(record.body);
  const std::uint8_t version = bytes.byte();
  if (version != 1 && version != 3) return std::nullopt;
  const std::size_t letters_at = bytes.position();
  while (bytes.ok() && bytes.byte() != 0) {}
  const auto letters = record.body.subspan(letters_at, bytes.position() - letters_at);
  Cie cie;
  cie.code_alignment = bytes.uleb();
  cie.data_alignment = bytes.sleb();
  cie.return_register = version == 1 ? bytes.byte() : bytes.uleb();
  std::span<const std::uint8_t> data;
  if (!letters.empty() && letters[0] == 'z') data = bytes.take(bytes.uleb());
  if (!bytes.ok() || !read_augmentation(letters, data, cie)) return std::nullopt;
  cie.instructions = record.body.subspan(bytes.position());
  return cie;
}

std::optional<CfiFunction> read_fde(std::span<const std::uint8_t> body, std::uint64_t address, const Cie& cie) {
  Bytes bytes(body);
  const auto start = read_pointer(bytes, cie.encoding, address);
  if (!start) return std::nullopt;
  const auto length = read_length(bytes, cie.encoding);
  if (!length || *length == 0 || *length > ~std::uint64_t{0} - *start) return std::nullopt;
  if (cie.sized_augmentation) bytes.take(bytes.uleb());
  if (!bytes.ok()) return std::nullopt;
  return CfiFunction{.range = {*start, *start + *length}, .instructions = body.subspan(bytes.position())};
}

}  // namespace fanlight::unwind
