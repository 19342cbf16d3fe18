// Who is subscribed, as the registries and the queues know them: a place in a worker's table.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include <boost/smart_ptr/intrusive_ptr.hpp>

#include "server/codec/frame.hpp"

namespace fanlight::server::hub {

/// A session in its worker's table. The generation tells a session from the next one in the same slot; the wire is
/// known here, so that a delivery to one who has left is counted where it belongs.
struct SessionRef {
  std::uint32_t slot = 0;
  std::uint32_t generation : 24 = 0;
  codec::Wire wire : 8 = codec::Wire::sse;
  bool operator==(const SessionRef&) const = default;
};
static_assert(sizeof(SessionRef) == 8);

/// Sessions of one worker, shared between a registry and the queues, constant while shared. Comes from a pool.
struct SessionList {
  std::vector<SessionRef> sessions;
  mutable std::atomic<std::uint32_t> references = 0;
};
void release(const SessionList& list);
inline void intrusive_ptr_add_ref(const SessionList* list) { list->references.fetch_add(1, std::memory_order_relaxed); }
inline void intrusive_ptr_release(const SessionList* list) {
  if (list->references.fetch_sub(1, std::memory_order_acq_rel) == 1) release(*list);
}
using SessionListPtr = boost::intrusive_ptr<const SessionList>;
/// An empty one with the memory of an earlier one. Threads: any.
boost::intrusive_ptr<SessionList> new_session_list();

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
