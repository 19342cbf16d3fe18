// Sends 128 bytes again and again over loopback TCP and takes them off again itself, for SECONDS. Prints how many, and
// the CPU time that went into the sends and receives.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <ctime>

#include "tests/truth/gate.hpp"

namespace {

std::uint64_t now_ns(clockid_t clock) {
  timespec now;
  ::clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(now.tv_nsec);
}

}  // namespace

int main(int argc, char** argv) {
  const double seconds = argc > 1 ? std::atof(argv[1]) : 1;
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  const int sender = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (::bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener, 1) != 0 ||
      ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size) != 0 ||
      ::connect(sender, reinterpret_cast<sockaddr*>(&address), size) != 0)
    fanlight::truth::die("connect over loopback");
  const int receiver = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
  if (receiver < 0) fanlight::truth::die("accept");
  fanlight::truth::wait_at_gate();

  constexpr int kBatch = 64;
  char message[128] = {};
  char taken[128 * kBatch];
  std::uint64_t sends = 0;
  const std::uint64_t end_ns = now_ns(CLOCK_MONOTONIC) + static_cast<std::uint64_t>(seconds * 1e9);
  const std::uint64_t begin_ns = now_ns(CLOCK_THREAD_CPUTIME_ID);
  while (now_ns(CLOCK_MONOTONIC) < end_ns) {
    for (int i = 0; i < kBatch; ++i) {
      if (::send(sender, message, sizeof message, 0) != sizeof message) fanlight::truth::die("send");
    }
    sends += kBatch;
    if (::recv(receiver, taken, sizeof taken, MSG_WAITALL) != sizeof taken) fanlight::truth::die("receive");
  }
  std::printf(R"({"sends":%lu,"bytes":%lu,"send_ns":%lu})"
              "\n",
              sends, sends * sizeof message, now_ns(CLOCK_THREAD_CPUTIME_ID) - begin_ns);
  return 0;
}
