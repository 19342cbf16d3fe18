// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/* Writes to sockets where the kernel has no tracepoint for them: on 6.1 and 6.2, at the end of __sock_sendmsg.
 *
 * send, write, writev, sendmsg and their io_uring twins pass there. Two ways lead past it: sendmmsg, from its second
 * message to one address on, and the pages of sendfile and splice. Each has a function of its own that may or may not
 * call __sock_sendmsg within; so there we note how many writes were booked on the way in, and book one on the way out
 * when nobody else has.
 */
#include "bpf/socket.bpf.h"

#define OWN_FRAMES 2 /* this program and the trampoline that ran it */

struct used_address;
struct page;

/* The writes of a thread when it entered one of the two ways past. */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64);
} socket_writes_before SEC(".maps");

static __always_inline struct thread *current_thread(void)
{
	return thread_of((struct task_struct *)bpf_get_current_task_btf());
}

static __always_inline void enter_way_past(void)
{
	struct thread *thread = current_thread();
	if (!thread)
		return;
	__u64 *before = bpf_task_storage_get(&socket_writes_before, bpf_get_current_task_btf(), 0,
					     BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (before)
		*before = thread->totals.socket_writes;
	else
		__sync_fetch_and_add(&misses.no_storage, 1);
}

static __always_inline void leave_way_past(void *ctx, int sent)
{
	struct thread *thread = current_thread();
	if (!thread)
		return;
	__u64 *before = bpf_task_storage_get(&socket_writes_before, bpf_get_current_task_btf(), 0, 0);

	if (before && *before == thread->totals.socket_writes)
		count_socket_write(ctx, thread, sent, OWN_FRAMES);
}

SEC("fexit/__sock_sendmsg")
int BPF_PROG(fl_socket_message, struct socket *socket, struct msghdr *message, int sent)
{
	struct thread *thread = current_thread();

	if (!thread)
		return 0;
	if (timing_is(FANLIGHT_TIMING_ON))
		time_write(socket->sk, thread, sent);
	count_socket_write(ctx, thread, sent, OWN_FRAMES);
	return 0;
}

/* Only sendmmsg hands over an address to compare with. */
SEC("fentry/____sys_sendmsg")
int BPF_PROG(fl_socket_batch_enter, struct socket *socket, struct msghdr *message, unsigned int flags,
	     struct used_address *used)
{
	if (used)
		enter_way_past();
	return 0;
}

SEC("fexit/____sys_sendmsg")
int BPF_PROG(fl_socket_batch_exit, struct socket *socket, struct msghdr *message, unsigned int flags,
	     struct used_address *used, unsigned int allowed, int sent)
{
	if (used)
		leave_way_past(ctx, sent);
	return 0;
}

SEC("fentry/sock_sendpage")
int BPF_PROG(fl_socket_page_enter)
{
	enter_way_past();
	return 0;
}

SEC("fexit/sock_sendpage")
int BPF_PROG(fl_socket_page_exit, struct file *file, struct page *page, int offset, unsigned long size, long *position,
	     int more, int sent)
{
	leave_way_past(ctx, sent);
	return 0;
}
