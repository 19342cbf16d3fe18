#include "server/limits/addresses.hpp"

#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <string_view>

namespace fanlight::server::limits {
namespace {

constexpr std::uint64_t kKeptNs = 60'000'000'000;  // longer than any bucket takes to fill

}  // namespace

bool Address::may_publish(const Rate& rate, std::uint64_t now_ns) {
  if (rate.per_second <= 0) return true;
  const std::scoped_lock lock(mutex_);
  return publishes_.take(rate, now_ns);
}

void Address::release(std::uint64_t now_ns) {
  last_ns_.store(now_ns);
  connections_.fetch_sub(1, std::memory_order_release);
}

std::size_t Addresses::Hash::operator()(const Key& key) const {
  return std::hash<std::string_view>()({reinterpret_cast<const char*>(key.data()), key.size()});
}

Addresses::Verdict Addresses::admit(const sockaddr_storage& peer, const AddressLimits& limits, std::uint64_t now_ns,
                                    Address*& address) {
  Key key{};
  if (peer.ss_family == AF_INET6) {
    std::memcpy(key.data(), &reinterpret_cast<const sockaddr_in6&>(peer).sin6_addr, key.size());
  } else {
    std::memcpy(key.data(), &reinterpret_cast<const sockaddr_in&>(peer).sin_addr, 4);
  }
  if (addresses_.size() >= sweep_at_) sweep(now_ns);
  std::unique_ptr<Address>& entry = addresses_[key];
  if (!entry) entry = std::make_unique<Address>();
  entry->last_ns_.store(now_ns);
  if (limits.connections > 0 && entry->connections_.load() >= limits.connections) return Verdict::too_many;
  if (!entry->accepts_.take(limits.accepts, now_ns)) return Verdict::too_fast;
  entry->connections_.fetch_add(1);
  address = entry.get();
  return Verdict::welcome;
}

void Addresses::sweep(std::uint64_t now_ns) {
  std::erase_if(addresses_, [&](const auto& each) {
    const Address& address = *each.second;
    return address.connections_.load(std::memory_order_acquire) == 0 && address.last_ns_.load() + kKeptNs < now_ns;
  });
  sweep_at_ = std::max<std::size_t>(1024, 2 * addresses_.size());
}

}  // namespace fanlight::server::limits
