#include "collector/inprocess/region.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "bpf/log_linear.h"
#include "collector/inprocess/out_file.hpp"
#include "collector/inprocess/own_tables.hpp"
#include "collector/inprocess/sampler.hpp"
#include "core/clock.hpp"
#include "fanlight/events.h"

namespace fanlight::inprocess {
namespace {

static_assert(fanlight_bucket(~0ULL, FANLIGHT_INPROCESS_BITS) + 1 == FANLIGHT_INPROCESS_BUCKETS);

// Constant-initialised, so that constructors of other static objects may come here first.
constinit bool g_started = false;
constinit fanlight_inprocess_header* g_header = nullptr;
constinit int g_file = -1;
constinit ino_t g_inode = 0;
constinit bool g_is_file = false;
constinit bool g_noting = false;
constexpr unsigned kOutRecords = 16'384;
constinit std::uint64_t g_refused_before_start = 0;
constinit fanlight_inprocess_metric g_sink{};

/// In a child made by fork, the parent's memory must not change: private zeroes take its place under the same
/// addresses, so that what the child still holds stays valid.
void leave_in_child() {
  fanlight_inprocess_header* const header = g_header;
  if (header == nullptr) return;
  const std::size_t bytes = header->total_bytes;
  g_header = nullptr;
  ::mmap(header, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
  // Daemons close descriptors they do not know; by now the number may be somebody else's.
  struct stat status;
  if (::fstat(g_file, &status) == 0 && status.st_ino == g_inode) ::close(g_file);
  g_file = -1;
}

bool valid(const StartOptions& options) {
  return options.hz <= kMaxHz && options.max_threads >= 1 && options.max_threads <= FANLIGHT_INPROCESS_THREADS &&
         options.ring_records >= 2 && options.ring_records <= FANLIGHT_INPROCESS_RECORDS &&
         (options.ring_records & (options.ring_records - 1)) == 0;
}

/// `file`: to be mapped, or -1 for one in memory.
int map_region(std::size_t bytes, int& file, void*& memory) {
  // Growing a file past this limit would raise SIGXFSZ, which kills by default.
  rlimit limit{};
  if (::getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < bytes) return EFBIG;
  const bool in_memory = file < 0;
  if (in_memory) file = ::memfd_create(FANLIGHT_INPROCESS_NAME, MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (file < 0) return errno;
  int error = 0;
  if (::ftruncate(file, static_cast<off_t>(bytes)) != 0 ||
      (in_memory && ::fcntl(file, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)) {
    error = errno;
  } else {
    memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, file, 0);
    if (memory == MAP_FAILED) error = errno;
  }
  if (error != 0) ::close(file);
  return error;
}

std::byte* at(fanlight_inprocess_header* header, std::uint64_t offset) {
  return reinterpret_cast<std::byte*>(header) + offset;
}

int start_once(const StartOptions& options) {
  if (!valid(options)) return EINVAL;
  constexpr std::uint64_t kPage = FANLIGHT_INPROCESS_PAGE;
  int file = open_out_file();
  // Nobody takes records out of a file, so it has room for more of them.
  const unsigned ring_records = file < 0 ? options.ring_records : std::max(options.ring_records, kOutRecords);
  const std::uint64_t ring_bytes = kPage + std::uint64_t{ring_records} * sizeof(fanlight_inprocess_record);
  const std::uint64_t rings_offset = kPage + FANLIGHT_INPROCESS_METRICS * sizeof(fanlight_inprocess_metric);
  // A ring of a few records does not end on a page, and the next one has to begin on one.
  const std::uint64_t ring_stride = (ring_bytes + kPage - 1) / kPage * kPage;
  const std::uint64_t bytes = rings_offset + options.max_threads * ring_stride;

  const bool is_file = file >= 0;
  void* memory = nullptr;
  if (const int error = map_region(bytes, file, memory); error != 0) return error;
  if (options.hz != 0) {
    if (const int error = install_sampler(options.hz); error != 0) {
      ::munmap(memory, bytes);
      ::close(file);
      return error;
    }
  }
  static constinit bool fork_handled = false;  // the handler outlives a start that failed
  if (!fork_handled) {
    if (const int error = ::pthread_atfork(nullptr, nullptr, leave_in_child); error != 0) {
      ::munmap(memory, bytes);
      ::close(file);
      return error;
    }
    fork_handled = true;
  }

  if (options.hz != 0 && options.unwind_tables) update_own_tables();
  auto* header = static_cast<fanlight_inprocess_header*>(memory);
  header->total_bytes = bytes;
  header->metrics_offset = kPage;
  header->rings_offset = rings_offset;
  header->ring_bytes = ring_stride;
  header->start_ns = monotonic_ns();
  header->metrics_refused = __atomic_load_n(&g_refused_before_start, __ATOMIC_RELAXED);
  header->version = FANLIGHT_INPROCESS_VERSION;
  header->pid = static_cast<__u32>(::getpid());
  header->sample_hz = options.hz;
  header->metric_slots = FANLIGHT_INPROCESS_METRICS;
  header->ring_slots = options.max_threads;
  header->ring_records = ring_records;
  header->table_kib = static_cast<__u32>(own_table_bytes() / 1024);
  __atomic_store_n(&header->magic, FANLIGHT_INPROCESS_MAGIC, __ATOMIC_RELEASE);
  struct stat status;
  if (::fstat(file, &status) == 0) g_inode = status.st_ino;
  g_file = file;
  g_is_file = is_file;
  __atomic_store_n(&g_header, header, __ATOMIC_RELEASE);
  note_mappings();
  return 0;
}

bool has_name(const fanlight_inprocess_metric& slot, const char* name) {
  return std::strncmp(slot.name, name, sizeof slot.name - 1) == 0;
}

}  // namespace

int start(const StartOptions& options) {
  if (__atomic_exchange_n(&g_started, true, __ATOMIC_ACQ_REL)) return EALREADY;
  const int error = start_once(options);
  if (const char* wish = std::getenv("FANLIGHT_LISTEN"); error == 0 && wish != nullptr && wish[0] == '1')
    fanlight_listen(1);
  if (error != 0) __atomic_store_n(&g_started, false, __ATOMIC_RELEASE);
  return error;
}

void note_mappings() {
  fanlight_inprocess_header* const header = published();
  if (header == nullptr || !g_is_file || __atomic_exchange_n(&g_noting, true, __ATOMIC_ACQ_REL)) return;
  write_out_note(g_file, header->total_bytes);
  __atomic_store_n(&g_noting, false, __ATOMIC_RELEASE);
}

void modules_loaded() {
  fanlight_inprocess_header* const header = published();
  if (header == nullptr || own_table_bytes() == 0) return;
  update_own_tables();
  __atomic_store_n(&header->table_kib, static_cast<__u32>(own_table_bytes() / 1024), __ATOMIC_RELAXED);
}

fanlight_inprocess_header* published() { return __atomic_load_n(&g_header, __ATOMIC_ACQUIRE); }

fanlight_inprocess_metric* metric_slot(const char* name, fanlight_inprocess_kind kind) {
  fanlight_inprocess_header* const header = published();
  if (header == nullptr) {
    __atomic_fetch_add(&g_refused_before_start, 1, __ATOMIC_RELAXED);
    return &g_sink;
  }
  if (name != nullptr && name[0] != '\0') {
    auto* const slots = reinterpret_cast<fanlight_inprocess_metric*>(at(header, header->metrics_offset));
    for (std::uint32_t i = 0; i < FANLIGHT_INPROCESS_METRICS; ++i) {
      fanlight_inprocess_metric& slot = slots[i];
      __u32 state = FANLIGHT_INPROCESS_FREE;
      if (__atomic_compare_exchange_n(&slot.state, &state, __u32{FANLIGHT_INPROCESS_CLAIMED}, false, __ATOMIC_ACQUIRE,
                                      __ATOMIC_ACQUIRE)) {
        slot.kind = kind;
        std::memcpy(slot.name, name, ::strnlen(name, sizeof slot.name - 1));
        __atomic_store_n(&slot.state, __u32{FANLIGHT_INPROCESS_READY}, __ATOMIC_RELEASE);
        return &slot;
      }
      // Slots fill in order, so another thread may be about to give this one the very name.
      while (state == FANLIGHT_INPROCESS_CLAIMED) {
        ::sched_yield();
        state = __atomic_load_n(&slot.state, __ATOMIC_ACQUIRE);
      }
      if (!has_name(slot, name)) continue;
      if (slot.kind == static_cast<__u32>(kind)) return &slot;
      break;  // the name means something else already
    }
  }
  __atomic_fetch_add(&header->metrics_refused, 1, __ATOMIC_RELAXED);
  return &g_sink;
}

fanlight_inprocess_ring* claim_ring(fanlight_inprocess_header* header, const char* name) {
  if (header == nullptr) return nullptr;
  for (std::uint32_t i = 0; i < header->ring_slots; ++i) {
    auto* const ring =
        reinterpret_cast<fanlight_inprocess_ring*>(at(header, header->rings_offset + i * header->ring_bytes));
    __u32 state = FANLIGHT_INPROCESS_FREE;
    if (!__atomic_compare_exchange_n(&ring->state, &state, __u32{FANLIGHT_INPROCESS_CLAIMED}, false, __ATOMIC_ACQUIRE,
                                     __ATOMIC_RELAXED))
      continue;
    std::memset(ring->name, 0, sizeof ring->name);
    if (name != nullptr)
      std::memcpy(ring->name, name, ::strnlen(name, sizeof ring->name - 1));
    else
      ::prctl(PR_GET_NAME, ring->name);
    ring->tid = static_cast<__u32>(::gettid());
    __atomic_fetch_add(&ring->claims, 1, __ATOMIC_RELAXED);
    __u32 used = __atomic_load_n(&header->rings_used, __ATOMIC_RELAXED);
    while (used < i + 1 &&
           !__atomic_compare_exchange_n(&header->rings_used, &used, i + 1, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED)) {
    }
    __atomic_store_n(&ring->state, __u32{FANLIGHT_INPROCESS_READY}, __ATOMIC_RELEASE);
    return ring;
  }
  return nullptr;
}

void release_ring(fanlight_inprocess_ring* ring) {
  ring->tid = 0;
  __atomic_store_n(&ring->state, __u32{FANLIGHT_INPROCESS_FREE}, __ATOMIC_RELEASE);
}

}  // namespace fanlight::inprocess
