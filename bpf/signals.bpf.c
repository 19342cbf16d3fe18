// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/* Signals of the target: who sent how many of each, and how many were delivered. Signals are rare beside what else happens,
 * so both points may stay attached. */
#include "bpf/threads.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct fanlight_signal);
	__type(value, __u64);
} signals SEC(".maps");

static __always_inline void count_signal(const struct fanlight_signal *signal)
{
	__u64 *count = bpf_map_lookup_elem(&signals, signal);
	__u64 none = 0;

	if (!count) {
		bpf_map_update_elem(&signals, signal, &none, BPF_NOEXIST);
		count = bpf_map_lookup_elem(&signals, signal);
	}
	if (count)
		__sync_fetch_and_add(count, 1);
	else
		__sync_fetch_and_add(&misses.signal_table_full, 1);
}

#define SEND_SIG_PRIV 1ul /* include/linux/sched/signal.h: in place of an address */

/* include/uapi/asm-generic/siginfo.h: codes of signals that a process sends */
#define SI_USER 0
#define SI_QUEUE -1
#define SI_TKILL -6

/* Timers and faults send in the name of whoever happens to run. */
static __always_inline bool sent_by_a_process(const struct kernel_siginfo *info)
{
	int code = SI_USER;

	if ((unsigned long)info == SEND_SIG_PRIV)
		return false;
	if (bpf_probe_read_kernel(&code, sizeof(code), &info->si_code))
		return true;
	return code == SI_USER || code == SI_QUEUE || code == SI_TKILL;
}

SEC("tp_btf/signal_generate")
int BPF_PROG(fl_signal_sent, int number, struct kernel_siginfo *info, struct task_struct *task)
{
	struct fanlight_signal signal = {.number = number, .what = FANLIGHT_SIGNAL_SENT};

	if (!is_watched(task))
		return 0;
	struct task_struct *sender = (struct task_struct *)bpf_get_current_task_btf();
	if (!sent_by_a_process(info)) {
		signal.what = FANLIGHT_SIGNAL_BY_KERNEL;
	} else if (is_watched(sender)) {
		signal.what = FANLIGHT_SIGNAL_BY_ITSELF;
	} else {
		signal.sender = tid_of(sender->group_leader);
		bpf_probe_read_kernel_str(signal.name, sizeof(signal.name), sender->comm);
	}
	count_signal(&signal);
	return 0;
}

SEC("tp_btf/signal_deliver")
int BPF_PROG(fl_signal_delivered, int number)
{
	struct fanlight_signal signal = {.number = number, .what = FANLIGHT_SIGNAL_DELIVERED};

	if (is_watched((struct task_struct *)bpf_get_current_task_btf()))
		count_signal(&signal);
	return 0;
}
