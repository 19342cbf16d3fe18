#include "collector/inprocess/sampler.hpp"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

#include "collector/inprocess/frame_walk.hpp"
#include "collector/inprocess/inprocess.hpp"
#include "collector/inprocess/own_tables.hpp"
#include "collector/inprocess/region.hpp"
#include "collector/inprocess/ring_writer.hpp"
#include "core/clock.hpp"
#include "fanlight/labels.h"

#ifndef sigev_notify_thread_id  // glibc keeps the field but not its name
#define sigev_notify_thread_id _sigev_un._tid
#endif

// The linker's names for both ends of the executable's code.
extern "C" const char __executable_start;
extern "C" const char etext;

namespace fanlight::inprocess {
namespace {

constinit std::uint64_t g_period_ns = 0;

struct ThreadSampler {
  RingWriter writer;
  std::uint64_t stack_begin = 0;
  std::uint64_t stack_end = 0;
  std::uint32_t tid = 0;
  volatile sig_atomic_t active = 0;  // the rest is whole; set last, cleared first
};

// Initial-exec: the handler must find it without the allocation that a thread's first access can cost otherwise.
[[gnu::tls_model("initial-exec")]] constinit thread_local ThreadSampler t_sampler;

/// Labels and trace of the interrupted thread, where the frames leave room.
void append_labels(fanlight_inprocess_record& record) {
  const fanlight_thread_context* const labels = otel_thread_ctx_v1;
  if (labels == nullptr || labels->valid != 1) return;
  const unsigned bytes = labels->attributes_bytes;
  const unsigned words = 1 + 2 + (bytes + 7) / 8;
  if (bytes > FANLIGHT_LABEL_ATTRIBUTES || record.frames + words > FANLIGHT_INPROCESS_FRAMES) return;
  __u64* const last = record.addresses + FANLIGHT_INPROCESS_FRAMES - 1;
  *last = bytes;
  __builtin_memcpy(last - 2, labels->trace_id, sizeof labels->trace_id);
  __builtin_memcpy(last - (words - 1), labels->attributes, bytes);
  record.kind = FANLIGHT_INPROCESS_LABELLED;
}

struct Stack {
  unsigned frames = 0;
  fanlight_unwind_stop stop = FANLIGHT_STOP_NOT;
};

/// By the tables; by frame pointers where these see more: before there are tables, and out of code that was compiled at
/// run time, which no table describes.
Stack take_stack(const ucontext_t& context, std::uint64_t stack_begin, std::uint64_t stack_end, __u64* addresses) {
  constexpr unsigned kRoom = FANLIGHT_INPROCESS_FRAMES;
  const OwnWalk own = walk_by_own_tables(context, stack_begin, stack_end, addresses, kRoom);
  if (own.frames > 0 && (own.stop == FANLIGHT_STOP_ENTRY || own.stop == FANLIGHT_STOP_ROOM))
    return {.frames = own.frames, .stop = own.stop};
  const fanlight_code code{.start = reinterpret_cast<__u64>(&__executable_start),
                           .end = reinterpret_cast<__u64>(&etext)};
  __u64 guessed[kRoom];
  const Walk walk = walk_stack(registers_of(context), code, stack_begin, stack_end, guessed, kRoom);
  if (walk.frames <= own.frames) return {.frames = own.frames, .stop = own.stop};
  for (unsigned i = 0; i < walk.frames; ++i)
    addresses[i] = guessed[i] | (i == 0 ? 0 : static_cast<__u64>(FANLIGHT_FOUND_FRAME_POINTER) << FANLIGHT_FOUND_SHIFT);
  return {.frames = walk.frames, .stop = walk.truncated ? FANLIGHT_STOP_ROOM : FANLIGHT_STOP_FRAME_POINTER};
}

void on_timer(int, siginfo_t* info, void* context) {
  const int saved_errno = errno;
  ThreadSampler& sampler = t_sampler;
  // A signal may still be under way when its timer is gone, and others may send SIGPROF too.
  if (sampler.active != 0 && info->si_code == SI_TIMER && info->si_value.sival_ptr == sampler.writer.ring()) {
    const std::uint64_t overruns = info->si_overrun > 0 ? static_cast<std::uint64_t>(info->si_overrun) : 0;
    if (overruns > 0) __atomic_fetch_add(&sampler.writer.ring()->timer_overruns, overruns, __ATOMIC_RELAXED);
    sampler.writer.publish([&](fanlight_inprocess_record& record) {
      const Stack stack = take_stack(*static_cast<const ucontext_t*>(context), sampler.stack_begin, sampler.stack_end,
                                     record.addresses);
      record.time_ns = monotonic_ns();
      // The expirations that raised no signal of their own were CPU time too, spent up to here.
      record.weight = g_period_ns * (1 + overruns);
      record.tid = sampler.tid;
      record.frames = static_cast<__u16>(stack.frames);
      record.kind = FANLIGHT_INPROCESS_SAMPLE;
      record.flags = static_cast<__u8>((stack.stop == FANLIGHT_STOP_ROOM ? FANLIGHT_INPROCESS_TRUNCATED : 0) |
                                       stack.stop << FANLIGHT_INPROCESS_STOP_SHIFT);
      append_labels(record);
    });
  }
  errno = saved_errno;
}

void activate(const RingWriter& writer, std::uint64_t stack_begin, std::uint64_t stack_end) {
  t_sampler.writer = writer;
  t_sampler.stack_begin = stack_begin;
  t_sampler.stack_end = stack_end;
  t_sampler.tid = static_cast<std::uint32_t>(::gettid());
  std::atomic_signal_fence(std::memory_order_seq_cst);
  t_sampler.active = 1;
}

void deactivate() {
  t_sampler.active = 0;
  std::atomic_signal_fence(std::memory_order_seq_cst);
}

bool stack_bounds(std::uint64_t& begin, std::uint64_t& end) {
  pthread_attr_t attributes;
  if (::pthread_getattr_np(::pthread_self(), &attributes) != 0) return false;
  void* base = nullptr;
  std::size_t bytes = 0;
  const bool known = ::pthread_attr_getstack(&attributes, &base, &bytes) == 0;
  ::pthread_attr_destroy(&attributes);
  begin = reinterpret_cast<std::uint64_t>(base);
  end = begin + bytes;
  return known && bytes >= 16;
}

bool start_timer(fanlight_inprocess_ring* ring, timer_t& timer) {
  sigevent event{};
  event.sigev_notify = SIGEV_THREAD_ID;
  event.sigev_signo = SIGPROF;
  event.sigev_value.sival_ptr = ring;
  event.sigev_notify_thread_id = ::gettid();
  if (::timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer) != 0) return false;
  const timespec period{static_cast<time_t>(g_period_ns / 1'000'000'000u),
                        static_cast<long>(g_period_ns % 1'000'000'000u)};
  const itimerspec setting{period, period};
  if (::timer_settime(timer, 0, &setting, nullptr) == 0) return true;
  ::timer_delete(timer);
  return false;
}

}  // namespace

int install_sampler(unsigned hz) {
  struct sigaction previous{};
  if (::sigaction(SIGPROF, nullptr, &previous) != 0) return errno;
  const bool ours = (previous.sa_flags & SA_SIGINFO) != 0 && previous.sa_sigaction == on_timer;
  const bool nobodys =
      (previous.sa_flags & SA_SIGINFO) == 0 && (previous.sa_handler == SIG_DFL || previous.sa_handler == SIG_IGN);
  if (!ours && !nobodys) return EBUSY;
  g_period_ns = 1'000'000'000u / hz;
  struct sigaction action{};
  action.sa_sigaction = on_timer;
  action.sa_flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK;
  ::sigemptyset(&action.sa_mask);
  return ::sigaction(SIGPROF, &action, nullptr) == 0 ? 0 : errno;
}

ThreadScope::ThreadScope(const char* name) {
  if (name != nullptr) {
    char cut[16] = {};
    for (unsigned i = 0; i < sizeof cut - 1 && name[i] != '\0'; ++i) cut[i] = name[i];
    ::pthread_setname_np(::pthread_self(), cut);
  }
  fanlight_inprocess_header* const header = published();
  if (header == nullptr || header->sample_hz == 0 || t_sampler.active != 0) return;
  // Threads of plug-ins start when these have been loaded.
  modules_loaded();
  std::uint64_t begin = 0, end = 0;
  fanlight_inprocess_ring* const ring = stack_bounds(begin, end) ? claim_ring(header, name) : nullptr;
  if (ring == nullptr) {
    __atomic_fetch_add(&header->threads_refused, 1, __ATOMIC_RELAXED);
    return;
  }
  note_mappings();
  activate(RingWriter(ring, header->ring_records), begin, end);
  if (!start_timer(ring, timer_)) {
    deactivate();
    release_ring(ring);
    __atomic_fetch_add(&header->threads_refused, 1, __ATOMIC_RELAXED);
    return;
  }
  ring_ = ring;
  // Servers block signals in their workers to read them elsewhere; this one is meant for this thread.
  sigset_t only_ours, before;
  ::sigemptyset(&only_ours);
  ::sigaddset(&only_ours, SIGPROF);
  unblocked_ = ::pthread_sigmask(SIG_UNBLOCK, &only_ours, &before) == 0 && ::sigismember(&before, SIGPROF) == 1;
}

ThreadScope::~ThreadScope() {
  if (ring_ == nullptr) return;
  note_mappings();
  // In a forked child the timer does not exist, and its number may name one that the child made since.
  if (published() != nullptr) ::timer_delete(timer_);
  deactivate();
  release_ring(ring_);
  if (!unblocked_) return;
  sigset_t only_ours;
  ::sigemptyset(&only_ours);
  ::sigaddset(&only_ours, SIGPROF);
  ::pthread_sigmask(SIG_BLOCK, &only_ours, nullptr);
}

}  // namespace fanlight::inprocess
