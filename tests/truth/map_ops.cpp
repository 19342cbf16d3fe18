// Makes a known number of operations on one BPF map through bpf(2): 10,000 lookups, 5,000 updates, 100 failing deletes.
// map_ops late: comes to hold the map only when it is let go, says "holding" and waits for another line on stdin.
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <string_view>

#include "tests/truth/gate.hpp"

namespace {

long bpf(bpf_cmd command, bpf_attr& attributes) { return ::syscall(__NR_bpf, command, &attributes, sizeof attributes); }

bpf_attr element(int map, std::uint32_t& key, std::uint64_t& value) {
  bpf_attr attributes{};
  attributes.map_fd = static_cast<__u32>(map);
  attributes.key = reinterpret_cast<__u64>(&key);
  attributes.value = reinterpret_cast<__u64>(&value);
  return attributes;
}

void await_line() {
  for (int c = std::getchar(); c != '\n' && c != EOF;) c = std::getchar();
}

}  // namespace

int main(int argc, char** argv) {
  const bool late = argc > 1 && std::string_view(argv[1]) == "late";
  if (late) {
    fanlight::truth::wait_at_gate();
    await_line();
  }
  bpf_attr create{};
  create.map_type = BPF_MAP_TYPE_HASH;
  create.key_size = sizeof(std::uint32_t);
  create.value_size = sizeof(std::uint64_t);
  create.max_entries = 1024;
  std::strcpy(create.map_name, "truth_map");
  const int map = static_cast<int>(bpf(BPF_MAP_CREATE, create));
  if (map < 0) fanlight::truth::die("create a BPF map");
  if (late) {
    std::puts("holding ");
    std::fflush(stdout);
    await_line();
  } else {
    fanlight::truth::wait_at_gate();
  }

  std::uint32_t key = 0;
  std::uint64_t value = 0;
  bpf_attr attributes = element(map, key, value);
  unsigned updates = 0, lookups = 0, found = 0, deletes = 0, refused = 0;
  for (unsigned i = 0; i < 5000; ++i) {
    key = i % 1000;
    value = i;
    if (bpf(BPF_MAP_UPDATE_ELEM, attributes) == 0) ++updates;
  }
  for (unsigned i = 0; i < 10'000; ++i) {
    key = i % 1000;
    if (bpf(BPF_MAP_LOOKUP_ELEM, attributes) == 0) ++found;
    ++lookups;
  }
  for (unsigned i = 0; i < 100; ++i) {
    key = 100'000 + i;
    if (bpf(BPF_MAP_DELETE_ELEM, attributes) != 0) ++refused;
    ++deletes;
  }
  std::printf(R"({"lookups":%u,"found":%u,"updates":%u,"deletes":%u,"failed_deletes":%u})"
              "\n",
              lookups, found, updates, deletes, refused);
  return lookups == found && updates == 5000 && refused == deletes ? 0 : 1;
}
