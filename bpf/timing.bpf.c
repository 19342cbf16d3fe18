// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/* The beginning of a write to TCP, and the arrival of acknowledgements. These two points lie on the way of every process's
 * packets, so they are attached for a part of each second only; see collector/kernel/timing.hpp. */
#include "bpf/timing.bpf.h"

__u32 timing = FANLIGHT_TIMING_OFF;
__u32 timing_window = 0;

static __always_inline void begin_call(void)
{
	if (!timing_is(FANLIGHT_TIMING_ON))
		return;
	struct thread *thread = thread_of((struct task_struct *)bpf_get_current_task_btf());

	if (thread && !thread->call_ns)
		thread->call_ns = bpf_ktime_get_ns();
}

SEC("tp_btf/tcp_sendmsg_locked")
int BPF_PROG(fl_call, const struct sock *sock, const struct msghdr *message)
{
	/* The point is passed for every packet that a write fills; its beginning is where nothing is taken yet. */
	if (!message->msg_iter.iov_offset)
		begin_call();
	return 0;
}

SEC("fentry/__sock_sendmsg")
int BPF_PROG(fl_call_enter)
{
	begin_call();
	return 0;
}

SEC("tp_btf/tcp_probe")
int BPF_PROG(fl_acknowledged, struct sock *sock, const struct sk_buff *packet)
{
	struct connection *connection = connection_of(sock);

	if (!connection || !connection->marked_ns)
		return 0;
	if (connection->window != timing_window) {
		connection->marked_ns = 0;
		return 0;
	}
	__u32 acked = 0;
	const struct tcp_skb_cb *control = (const void *)packet + bpf_core_field_offset(struct sk_buff, cb);
	bpf_probe_read_kernel(&acked, sizeof(acked), (const void *)control + bpf_core_field_offset(struct tcp_skb_cb, ack_seq));
	if ((__s32)(acked - connection->mark) < 0)
		return 0;
	__u64 now = bpf_ktime_get_ns();
	if (now > connection->marked_ns)
		add_duration(network.acknowledged, now - connection->marked_ns);
	connection->marked_ns = 0;
	return 0;
}
