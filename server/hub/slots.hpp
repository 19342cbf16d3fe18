// Which worker a key belongs to. In: a key. Out: its slot, and the worker that has the slot now.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace fanlight::server::hub {

/// XXH32 with seed 0. Source: github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md
std::uint32_t hash_of(std::string_view key);

/// A fixed number of slots over the hash values 0 to 65535, each with its owner. A slot changes its owner by one store,
/// and no key is hashed again for it. Threads: any.
class Slots {
 public:
  static constexpr std::uint32_t kRange = 65'536;

  /// Slots are dealt out in turn. `slots`: a power of two, at most 65,536.
  explicit Slots(std::size_t owners, std::size_t slots = 16);

  std::size_t size() const { return owners_.size(); }
  std::size_t slot_of(std::uint32_t hash) const { return hash % kRange / (kRange / owners_.size()); }
  unsigned owner_of(std::size_t slot) const { return owners_[slot].load(std::memory_order_relaxed); }
  unsigned owner_of_hash(std::uint32_t hash) const { return owner_of(slot_of(hash)); }
  unsigned owner_of_key(std::string_view key) const { return owner_of_hash(hash_of(key)); }
  /// New connections of the slot's keys go there from now on.
  void remap(std::size_t slot, unsigned owner) { owners_[slot].store(owner, std::memory_order_relaxed); }

 private:
  std::vector<std::atomic<unsigned>> owners_;
};

}  // namespace fanlight::server::hub
