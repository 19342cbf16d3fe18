#include "collector/unwind/cfi_section.hpp"

#include <elfutils/libdw.h>

#include <algorithm>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "collector/unwind/cfi_entry.hpp"

namespace fanlight::unwind {
namespace {

constexpr std::size_t kMaxEntries = 4'000'000;

std::span<const std::uint8_t> between(const std::uint8_t* from, const std::uint8_t* to) {
  return from != nullptr && to >= from ? std::span(from, to) : std::span<const std::uint8_t>{};
}

std::optional<Cie> read_cie(const Dwarf_CIE& raw, CfiKind kind) {
  Cie cie{.code_alignment = raw.code_alignment_factor,
          .data_alignment = raw.data_alignment_factor,
          .return_register = raw.return_address_register,
          .instructions = between(raw.initial_instructions, raw.initial_instructions_end)};
  if (kind == CfiKind::debug_frame) cie.encoding = {0x00};
  const std::string_view letters = raw.augmentation != nullptr ? raw.augmentation : "";
  const std::span bytes(reinterpret_cast<const std::uint8_t*>(letters.data()), letters.size());
  if (!read_augmentation(bytes, std::span(raw.augmentation_data, raw.augmentation_data_size), cie)) return std::nullopt;
  return cie;
}

std::optional<Fde> read_fde(const Dwarf_FDE& raw, const Cie& cie, std::span<const std::uint8_t> section,
                            std::uint64_t address) {
  if (raw.start < section.data() || raw.end > section.data() + section.size() || raw.start > raw.end)
    return std::nullopt;
  const std::uint64_t here = address + static_cast<std::uint64_t>(raw.start - section.data());
  const auto function = unwind::read_fde(between(raw.start, raw.end), here, cie);
  if (!function) return std::nullopt;
  return Fde{.range = function->range, .instructions = function->instructions};
}

}  // namespace

Cfi read_cfi(std::span<const std::uint8_t> section, std::uint64_t address, CfiKind kind,
             std::span<const std::uint8_t> identity) {
  Cfi cfi;
  if (identity.size() < EI_NIDENT) return cfi;
  // libdw takes a mutable pointer and does not write through it.
  Elf_Data data{.d_buf = const_cast<std::uint8_t*>(section.data()),
                .d_type = ELF_T_BYTE,
                .d_version = EV_CURRENT,
                .d_size = section.size(),
                .d_off = 0,
                .d_align = 8};
  std::unordered_map<Dwarf_Off, std::optional<std::uint32_t>> known;
  const auto cie_at = [&](Dwarf_Off offset) -> std::optional<std::uint32_t> {
    const auto [place, added] = known.try_emplace(offset);
    if (!added) return place->second;
    Dwarf_Off next = 0;
    Dwarf_CFI_Entry entry;
    if (offset >= section.size() ||
        ::dwarf_next_cfi(identity.data(), &data, kind == CfiKind::eh_frame, offset, &next, &entry) != 0 ||
        !dwarf_cfi_cie_p(&entry))
      return std::nullopt;
    if (const auto cie = read_cie(entry.cie, kind)) {
      place->second = static_cast<std::uint32_t>(cfi.cies.size());
      cfi.cies.push_back(*cie);
    } else {
      ++cfi.malformed;
    }
    return place->second;
  };

  Dwarf_Off offset = 0;
  for (std::size_t entries = 0; entries < kMaxEntries; ++entries) {
    Dwarf_Off next = 0;
    Dwarf_CFI_Entry entry;
    const int result = ::dwarf_next_cfi(identity.data(), &data, kind == CfiKind::eh_frame, offset, &next, &entry);
    if (result > 0) break;
    if (result < 0) {
      ++cfi.malformed;
      if (next <= offset || next >= section.size()) break;
      offset = next;
      continue;
    }
    offset = next;
    if (dwarf_cfi_cie_p(&entry)) continue;
    const auto cie = cie_at(entry.fde.CIE_pointer);
    auto fde = cie ? read_fde(entry.fde, cfi.cies[*cie], section, address) : std::nullopt;
    if (!fde) {
      ++cfi.malformed;
      continue;
    }
    fde->cie = *cie;
    cfi.fdes.push_back(*fde);
  }
  std::ranges::stable_sort(cfi.fdes, {}, [](const Fde& fde) { return fde.range.start; });
  return cfi;
}

}  // namespace fanlight::unwind
