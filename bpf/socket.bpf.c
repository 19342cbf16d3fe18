// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/* Writes to sockets by the target, by whatever call: exact counts per thread, a stack for some. */
#include "bpf/self_time.bpf.h"
#include "bpf/socket.bpf.h"

#define OWN_FRAMES 3 /* this program, what ran it, and call_trace_sock_send_length, which calls the tracepoint */

struct scratch_map socket_scratch SEC(".maps");
struct socket_error_map socket_errors SEC(".maps");

/* One write in so many is sampled, a power of two; user space sets it by their number, so that a stack, which costs as
 * much as a hundred counts, is taken a few hundred times a second and no more. */
__u32 socket_one_in = 64;

SEC("tp_btf/sock_send_length")
int BPF_PROG(fl_socket, struct sock *sock, int sent, int flags)
{
	struct thread *thread = thread_of((struct task_struct *)bpf_get_current_task_btf());

	if (!thread)
		return 0;
	__u64 began = self_timed && !(thread->dice & (FANLIGHT_TIMED_ONE_IN - 1)) ? bpf_ktime_get_ns() : 0;
	if (timing_is(FANLIGHT_TIMING_ON))
		time_write(sock, thread, sent);
	count_socket_write(ctx, thread, sent, OWN_FRAMES);
	time_run(FANLIGHT_TIMED_SOCKET, began);
	return 0;
}
