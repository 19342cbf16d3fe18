// Who is subscribed, as the registry and the queues know them: a place in a worker's table.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace fanlight::server::hub {

/// A session in its worker's table. The generation tells a session from the next one in the same slot.
struct SessionRef {
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;
  bool operator==(const SessionRef&) const = default;
};

/// One open connection in the server-wide count, from accept to close. Threads: any, one at a time per ticket.
class Ticket {
 public:
  Ticket() = default;
  explicit Ticket(std::atomic<std::size_t>& open) : open_(&open) { open.fetch_add(1, std::memory_order_relaxed); }
  Ticket(Ticket&& other) noexcept : open_(std::exchange(other.open_, nullptr)) {}
  Ticket& operator=(Ticket&& other) noexcept {
    std::swap(open_, other.open_);
    return *this;
  }
  ~Ticket() {
    if (open_ != nullptr) open_->fetch_sub(1, std::memory_order_relaxed);
  }

 private:
  std::atomic<std::size_t>* open_ = nullptr;
};

}  // namespace fanlight::server::hub
