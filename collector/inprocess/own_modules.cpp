#include "collector/inprocess/own_modules.hpp"

#include <cstring>

#include "collector/unwind/bytes.hpp"

namespace fanlight::inprocess {
namespace {

constexpr std::uint64_t kPageMask = 4095;
// In the index: counted from the index's own start, 4 signed bytes each; what GNU ld, gold, lld and mold write.
constexpr std::uint8_t kFromIndexSigned4 = 0x3b;
constexpr std::size_t kRowBytes = 8;

}  // namespace

ModuleChanges module_changes() {
  ModuleChanges changes;
  ::dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* into) {
        *static_cast<ModuleChanges*>(into) = {.loaded = info->dlpi_adds, .unloaded = info->dlpi_subs};
        return 1;
      },
      &changes);
  return changes;
}

std::optional<OwnModule> own_module(const dl_phdr_info& info) {
  OwnModule module{.bias = info.dlpi_addr};
  std::uint64_t low = ~std::uint64_t{0}, high = 0, index = 0;
  const auto pages = [&](const ElfW(Phdr) & segment) {
    ModuleCode code{.start = segment.p_vaddr & ~kPageMask,
                    .end = (segment.p_vaddr + segment.p_memsz + kPageMask) & ~kPageMask};
    if ((segment.p_flags & PF_R) != 0)
      code.bytes = {reinterpret_cast<const std::uint8_t*>(module.bias + code.start),
                    static_cast<std::size_t>(segment.p_vaddr + segment.p_filesz - code.start)};
    return code;
  };
  for (int i = 0; i < info.dlpi_phnum; ++i) {
    const ElfW(Phdr)& segment = info.dlpi_phdr[i];
    if (segment.p_type == PT_GNU_EH_FRAME) {
      index = segment.p_vaddr;
      module.header_bytes = segment.p_memsz;
    }
    if (segment.p_type != PT_LOAD) continue;
    if ((segment.p_flags & PF_X) != 0 && module.codes < kMaxModuleCode) module.code[module.codes++] = pages(segment);
  }
  if (module.header_bytes == 0 || module.codes == 0) return std::nullopt;
  // Call-frame information lies in the segment that holds its index.
  for (int i = 0; i < info.dlpi_phnum; ++i) {
    const ElfW(Phdr)& segment = info.dlpi_phdr[i];
    if (segment.p_type != PT_LOAD || (segment.p_flags & PF_R) == 0 || index < segment.p_vaddr ||
        index - segment.p_vaddr > segment.p_filesz)
      continue;
    low = segment.p_vaddr;
    high = segment.p_vaddr + segment.p_filesz;
  }
  if (low >= high || module.header_bytes > high - index) return std::nullopt;
  module.section_address = low;
  module.section = {reinterpret_cast<const std::uint8_t*>(module.bias + low), static_cast<std::size_t>(high - low)};
  module.header = index - low;
  return module;
}

std::optional<FunctionIndex> FunctionIndex::of(const OwnModule& module) {
  const auto header =
      module.section.subspan(static_cast<std::size_t>(module.header), static_cast<std::size_t>(module.header_bytes));
  unwind::Bytes bytes(header);
  const std::uint8_t version = bytes.byte();
  const unwind::Encoding frame{bytes.byte()}, count{bytes.byte()};
  const std::uint8_t rows = bytes.byte();
  if (version != 1 || rows != kFromIndexSigned4 || count.skipped()) return std::nullopt;
  if (!frame.skipped() && !unwind::read_length(bytes, frame)) return std::nullopt;
  const auto functions = unwind::read_length(bytes, count);
  if (!functions || !bytes.ok() || *functions > (header.size() - bytes.position()) / kRowBytes) return std::nullopt;
  FunctionIndex index;
  index.count_ = static_cast<std::size_t>(*functions);
  index.rows_ = header.subspan(bytes.position(), index.count_ * kRowBytes);
  index.base_ = module.header;
  return index;
}

std::uint64_t FunctionIndex::description(std::size_t i) const {
  std::int32_t offset = 0;
  std::memcpy(&offset, rows_.data() + i * kRowBytes + 4, sizeof offset);
  return base_ + static_cast<std::uint64_t>(std::int64_t{offset});
}

}  // namespace fanlight::inprocess
