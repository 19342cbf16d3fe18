// What each client address may do. In: addresses, times. Out: yes or no; connections counted per address.
#pragma once

#include <sys/socket.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "server/limits/token_bucket.hpp"

namespace fanlight::server::limits {

struct AddressLimits {
  std::size_t connections = 0;  // at one time; 0: no limit
  Rate accepts;
  Rate publishes;
};

/// One address. Lives while a connection holds it, and some seconds longer.
class Address {
 public:
  /// Threads: any. Cost: one uncontended lock, none without a limit.
  bool may_publish(const Rate& rate, std::uint64_t now_ns);
  void release(std::uint64_t now_ns);

 private:
  friend class Addresses;
  std::atomic<std::size_t> connections_ = 0;
  std::atomic<std::uint64_t> last_ns_ = 0;
  TokenBucket accepts_;  // the accepting thread's
  std::mutex mutex_;
  TokenBucket publishes_;
};

/// All addresses. An IPv6 client is its /64, because it has all of that to choose from. Threads: one, the accepting
/// one.
class Addresses {
 public:
  enum class Verdict { welcome, too_many, too_fast };

  /// welcome: `address` is set and has to be released once. Cost: O(1); now and then O(addresses).
  Verdict admit(const sockaddr_storage& peer, const AddressLimits& limits, std::uint64_t now_ns, Address*& address);
  std::size_t size() const { return addresses_.size(); }

 private:
  using Key = std::array<std::uint8_t, 8>;
  struct Hash {
    std::size_t operator()(const Key& key) const;
  };
  void sweep(std::uint64_t now_ns);

  std::unordered_map<Key, std::unique_ptr<Address>, Hash> addresses_;
  std::size_t sweep_at_ = 1024;
};

}  // namespace fanlight::server::limits
