// A target with one fault. Usage: ui_faulty lock | neighbour | map | client. Says "ready PID" and goes on until its
// stdin ends.
//   lock: worker-a and worker-b contend for faulty_lock, which worker-a holds most of the time.
//   neighbour: noisy and victim spin on one CPU.
//   map: looks up one BPF map, hot_map, as fast as it can.
//   client: sends to a client that reads, and to one that never does.
#include <arpa/inet.h>
#include <linux/bpf.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

std::mutex faulty_lock;

namespace {

std::atomic<bool> over{false};

void be_called(const char* name) { ::prctl(PR_SET_NAME, name); }

void spin(std::chrono::microseconds time) {
  const auto until = std::chrono::steady_clock::now() + time;
  while (std::chrono::steady_clock::now() < until) {}
}

void contend(const char* name, std::chrono::microseconds held, std::chrono::microseconds apart) {
  be_called(name);
  while (!over) {
    {
      const std::lock_guard hold(faulty_lock);
      spin(held);
    }
    std::this_thread::sleep_for(apart);
  }
}

void burn(const char* name) {
  be_called(name);
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(0, &one);
  ::sched_setaffinity(0, sizeof one, &one);
  while (!over) spin(std::chrono::microseconds(500));
}

void look_up() {
  be_called("looker");
  bpf_attr create{};
  create.map_type = BPF_MAP_TYPE_HASH;
  create.key_size = sizeof(std::uint32_t);
  create.value_size = sizeof(std::uint64_t);
  create.max_entries = 64;
  std::strcpy(create.map_name, "hot_map");
  const auto map = static_cast<int>(::syscall(__NR_bpf, BPF_MAP_CREATE, &create, sizeof create));
  std::uint32_t key = 7;
  std::uint64_t value = 1;
  bpf_attr element{};
  element.map_fd = static_cast<__u32>(map);
  element.key = reinterpret_cast<__u64>(&key);
  element.value = reinterpret_cast<__u64>(&value);
  ::syscall(__NR_bpf, BPF_MAP_UPDATE_ELEM, &element, sizeof element);
  while (!over) {
    for (int i = 0; i < 500; ++i) ::syscall(__NR_bpf, BPF_MAP_LOOKUP_ELEM, &element, sizeof element);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

int connect_to(const sockaddr_in& address) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  return ::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 ? socket : -1;
}

void serve() {
  be_called("server");
  sockaddr_in address{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  ::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address);
  socklen_t size = sizeof address;
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
  ::listen(listener, 8);
  if (::fork() == 0) {
    // The clients: not the target's, so that what is seen is the server's side.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int reads = connect_to(address), never_reads = connect_to(address);
    std::vector<char> room(1 << 16);
    while (::recv(reads, room.data(), room.size(), 0) > 0) {}
    return ::_exit(never_reads < 0);
  }
  const int first = ::accept(listener, nullptr, nullptr), second = ::accept(listener, nullptr, nullptr);
  const std::string message(512, 'x');
  while (!over) {
    for (const int socket : {first, second})
      ::send(socket, message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view fault = argc > 1 ? argv[1] : "";
  std::vector<std::thread> threads;
  using std::chrono::microseconds;
  if (fault == "lock") {
    threads.emplace_back(contend, "worker-a", microseconds(4000), microseconds(300));
    threads.emplace_back(contend, "worker-b", microseconds(200), microseconds(1000));
  } else if (fault == "neighbour") {
    threads.emplace_back(burn, "noisy");
    threads.emplace_back(burn, "victim");
  } else if (fault == "map") {
    threads.emplace_back(look_up);
  } else if (fault == "client") {
    threads.emplace_back(serve);
  } else {
    std::fprintf(stderr, "ui_faulty: no fault named\nhint: ui_faulty lock | neighbour | map | client\n");
    return 2;
  }
  std::printf("ready %d\n", ::getpid());
  std::fflush(stdout);
  while (std::getchar() != EOF) {}
  over = true;
  ::_exit(0);
}
