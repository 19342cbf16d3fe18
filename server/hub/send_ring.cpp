#include "server/hub/send_ring.hpp"

#include <liburing.h>
#include <sys/socket.h>

#include <algorithm>
#include <iterator>
#include <thread>
#include <utility>

namespace fanlight::server::hub {

Result<SendRing> SendRing::make() {
  auto ring = std::make_unique<io_uring>();
  // One thread submits, and it is there when results come: the kernel need not interrupt it. Known since 6.0.
  int error = ::io_uring_queue_init(kMost, ring.get(), IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN);
  if (error == -EINVAL) error = ::io_uring_queue_init(kMost, ring.get(), 0);
  if (error != 0)
    return fail(-error, "start io_uring",
                "--send copy does without; containers allow it with a seccomp profile of their own, and "
                "kernel.io_uring_disabled must be 0");
  return SendRing(std::move(ring));
}

Result<> SendRing::try_out() {
  Result<> tried;
  std::thread([&tried] {
    if (const auto ring = make(); !ring) tried = std::unexpected(ring.error());
  }).join();
  return tried;
}

SendRing::SendRing(std::unique_ptr<io_uring> ring) : ring_(std::move(ring)) {}
SendRing::SendRing(SendRing&&) noexcept = default;

SendRing& SendRing::operator=(SendRing&& other) noexcept {
  std::swap(ring_, other.ring_);
  std::swap(queued_, other.queued_);
  return *this;
}

SendRing::~SendRing() {
  if (ring_) ::io_uring_queue_exit(ring_.get());
}

void SendRing::add(int fd, std::string_view bytes) {
  io_uring_sqe* entry = ::io_uring_get_sqe(ring_.get());
  ::io_uring_prep_send(entry, fd, bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  ::io_uring_sqe_set_data64(entry, queued_);
  ++queued_;
}

unsigned SendRing::run() {
  const unsigned count = std::exchange(queued_, 0);
  // What could not be asked at all, as when memory runs out, counts as not taken now.
  std::fill_n(std::begin(results_), count, -EAGAIN);
  unsigned submitted = 0;
  while (submitted < count) {
    const int took = ::io_uring_submit(ring_.get());
    if (took > 0) submitted += static_cast<unsigned>(took);
    if (took <= 0 && took != -EINTR && took != -EAGAIN && took != -EBUSY) break;
  }
  for (unsigned done = 0; done < submitted; ++done) {
    io_uring_cqe* result = nullptr;
    while (::io_uring_wait_cqe(ring_.get(), &result) == -EINTR) {}
    if (result == nullptr) break;
    results_[::io_uring_cqe_get_data64(result)] = result->res;
    ::io_uring_cqe_seen(ring_.get(), result);
  }
  return count;
}

}  // namespace fanlight::server::hub
