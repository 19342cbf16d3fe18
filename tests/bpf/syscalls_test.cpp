#include "bpf/syscalls.h"

#include <gtest/gtest.h>

namespace fanlight {
namespace {

TEST(Syscalls, SayWhatAThreadWaitsFor) {
  struct Case {
    const char* name;
    long number;
    fanlight_call call;
  };
  // Numbers as arch/x86/entry/syscalls/syscall_64.tbl has them.
  for (const Case& c : {Case{"read", 0, FANLIGHT_CALL_READ},
                        Case{"write", 1, FANLIGHT_CALL_WRITE},
                        Case{"poll", 7, FANLIGHT_CALL_POLL},
                        Case{"mmap", 9, FANLIGHT_CALL_OTHER},
                        Case{"nanosleep", 35, FANLIGHT_CALL_SLEEP},
                        Case{"sendfile", 40, FANLIGHT_CALL_WRITE},
                        Case{"connect", 42, FANLIGHT_CALL_SEND},
                        Case{"accept", 43, FANLIGHT_CALL_RECEIVE},
                        Case{"sendto", 44, FANLIGHT_CALL_SEND},
                        Case{"recvfrom", 45, FANLIGHT_CALL_RECEIVE},
                        Case{"futex", 202, FANLIGHT_CALL_FUTEX},
                        Case{"restart_syscall", 219, FANLIGHT_CALL_RESTART},
                        Case{"clock_nanosleep", 230, FANLIGHT_CALL_SLEEP},
                        Case{"rt_sigtimedwait", 128, FANLIGHT_CALL_EVENT},
                        Case{"wait4", 61, FANLIGHT_CALL_EVENT},
                        Case{"epoll_wait", 232, FANLIGHT_CALL_POLL},
                        Case{"pselect6", 270, FANLIGHT_CALL_POLL},
                        Case{"sendmmsg", 307, FANLIGHT_CALL_SEND},
                        Case{"io_uring_enter", 426, FANLIGHT_CALL_RING},
                        Case{"epoll_pwait2", 441, FANLIGHT_CALL_POLL},
                        Case{"futex_waitv", 449, FANLIGHT_CALL_FUTEX_VECTOR},
                        Case{"futex_wait", 455, FANLIGHT_CALL_FUTEX},
                        Case{"in no call", -1, FANLIGHT_CALL_NONE},
                        Case{"never assigned", 100'000, FANLIGHT_CALL_OTHER},
                        Case{"negative", -100, FANLIGHT_CALL_OTHER}}) {
    SCOPED_TRACE(c.name);
    EXPECT_EQ(fanlight_call_of(c.number), c.call);
  }
}

}  // namespace
}  // namespace fanlight
