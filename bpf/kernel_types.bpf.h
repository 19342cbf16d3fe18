/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* The kernel's own types, as far as our programs read them. In: nothing. Out: structs whose field offsets libbpf sets
 * for the running kernel (CO-RE). Written by hand: the build needs no kernel type information, and it compiles fast. */
#ifndef __VMLINUX_H__ /* libbpf's headers ask for this name: the registers then go by their kernel names */
#define __VMLINUX_H__

#include <asm/unistd_64.h>
#include <linux/bpf.h>
#include <linux/errno.h>
#include <stdbool.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct pt_regs {
	unsigned long bp;
	unsigned long ax;
	unsigned long si;
	unsigned long di;
	unsigned long orig_ax;
	unsigned long ip;
	unsigned long sp;
	/* What follows is named by libbpf's register macros only. */
	unsigned long r15, r14, r13, r12, bx, r11, r10, r9, r8, cx, dx, flags;
};

struct upid {
	int nr;
};

struct pid {
	unsigned int level;
	struct upid numbers[1];
};

struct inode {
	unsigned short i_mode;
};

struct file {
	const void *f_op;
	void *private_data;
	struct inode *f_inode;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct list_head {
	struct list_head *next;
};

struct rw_semaphore {
	struct list_head wait_list;
};

struct mm_struct {
	unsigned long start_code;
	unsigned long end_code;
	struct rw_semaphore mmap_lock;
};

struct signal_struct {
	int nr_threads;
};

struct cfs_rq {
	int throttle_count;
};

struct sched_entity {
	__u64 sum_exec_runtime;
	struct cfs_rq *cfs_rq;
};

struct thread_struct {
	unsigned long fsbase;
};

struct task_struct {
	unsigned int __state;
	void *stack;
	unsigned int flags;
	int on_cpu;
	struct sched_entity se;
	struct mm_struct *mm;
	unsigned int in_iowait : 1;
	int pid;
	int tgid;
	struct task_struct *group_leader;
	struct pid *thread_pid;
	__u64 start_time;
	char comm[16];
	struct files_struct *files;
	struct signal_struct *signal;
	struct thread_struct thread;
};

struct task_struct___from_6_18 {
	bool throttled;
};

struct task_struct___before_5_14 {
	volatile long state;
};

struct kernel_siginfo {
	int si_code;
};

struct bpf_map {
	enum bpf_map_type map_type;
	__u32 max_entries;
	__u32 id;
	char name[16];
};

struct in6_addr {
	__u8 bytes[16];
};

struct net;

typedef struct {
	struct net *net;
} possible_net_t;

struct sock_common {
	__u32 skc_daddr;
	__u32 skc_rcv_saddr;
	__u16 skc_dport; /* network order */
	__u16 skc_num;
	unsigned short skc_family;
	volatile unsigned char skc_state;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
	struct in6_addr skc_v6_rcv_saddr;
};

struct sock {
	struct sock_common __sk_common;
	int sk_sndbuf;
};

struct socket {
	struct sock *sk;
};

struct tcp_sock {
	__u32 write_seq;
	__u32 snd_nxt;
	__u32 snd_una;
	__u32 rcv_nxt;
	__u32 copied_seq;
	__u32 snd_cwnd;
	__u32 srtt_us; /* times 8 */
	__u32 mdev_us; /* times 4 */
	__u32 total_retrans;
	__u64 bytes_sent;
	__u64 bytes_acked;
	__u64 bytes_received;
	__u8 chrono_type : 2;
	__u32 chrono_start;
	__u32 chrono_stat[3];
};

struct sk_buff {
	char cb[48];
};

struct tcp_skb_cb {
	__u32 ack_seq;
};

struct request_sock;

struct iov_iter {
	unsigned long iov_offset;
};

struct msghdr {
	struct iov_iter msg_iter;
};

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

struct bpf_iter__bpf_map {
	struct bpf_iter_meta *meta;
	struct bpf_map *map;
};

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	__u32 fd;
	struct file *file;
};

#pragma clang attribute pop

/* include/linux/sched.h; unchanged since 4.14 */
#define TASK_INTERRUPTIBLE 0x1u
#define TASK_UNINTERRUPTIBLE 0x2u
#define TASK_STOPPED 0x4u
#define TASK_TRACED 0x8u
#define TASK_DEAD 0x80u
#define TASK_NEW 0x800u

#endif
