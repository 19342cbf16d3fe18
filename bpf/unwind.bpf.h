/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* The walker of bpf/unwind.h in the kernel: its tables are maps that user space fills while we run. In: registers, a way
 * to read memory. Out: frames of a sample. */
#ifndef FANLIGHT_UNWIND_BPF_H
#define FANLIGHT_UNWIND_BPF_H

#include "bpf/target.bpf.h"

#include "bpf/events.h"
#include "bpf/frames.h"
#include "bpf/threads.bpf.h"
#include "bpf/unwind_tables.h"

/* User space sets how many there are, and maps them into its own memory. */
struct unwind_chunk_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct fanlight_unwind_chunk);
};
struct unwind_page_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct fanlight_unwind_page);
};
struct unwind_rule_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct fanlight_unwind_rule);
};
struct unwind_mapping_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 2); /* for each process */
	__type(key, __u32);
	__type(value, struct fanlight_unwind_mappings);
};

/* Which pair of lists a process has, where there are several. */
struct unwind_slot_map {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, FANLIGHT_UNWIND_PROCESSES);
	__type(key, __u32); /* pid, in the collector's PID namespace */
	__type(value, __u32);
};

/* Defined in unwind.bpf.c. */
extern struct unwind_chunk_map unwind_chunks SEC(".maps");
extern struct unwind_page_map unwind_pages SEC(".maps");
extern struct unwind_rule_map unwind_rules SEC(".maps");
extern struct unwind_mapping_map unwind_mappings SEC(".maps");
extern const volatile __u8 unwind_by_tables; /* false: by frame pointers alone */
extern struct unwind_slot_map unwind_slots SEC(".maps");
extern __u32 unwind_lists[FANLIGHT_UNWIND_PROCESSES]; /* which list of mappings is in use, by slot */
#define STOP_COUNTS 16 /* a power of two, at least FANLIGHT_STOPS */
extern __u64 mapping_changes; /* grows when the target looks for room in its address space, or becomes another program */
extern __u64 unwind_stops[FANLIGHT_SOURCES][STOP_COUNTS];

static __always_inline const struct fanlight_unwind_page *fanlight_unwind_page_at(const void *tables, __u32 index)
{
	return bpf_map_lookup_elem(&unwind_pages, &index);
}

static __always_inline const struct fanlight_unwind_chunk *fanlight_unwind_chunk_at(const void *tables, __u32 index)
{
	return bpf_map_lookup_elem(&unwind_chunks, &index);
}

static __always_inline const struct fanlight_unwind_rule *fanlight_unwind_rule_at(const void *tables, __u32 id)
{
	return bpf_map_lookup_elem(&unwind_rules, &id);
}

#include "bpf/unwind.h"

/* A walk under way. */
struct unwind_room {
	struct fanlight_unwind walk;
	__u32 next; /* where in the sample's frames the next one goes */
	__u32 unused;
};

/* What the loop's body needs. */
struct unwind_call {
	struct unwind_room *room;
	struct fanlight_sample *sample;
	const struct fanlight_unwind_mappings *mappings;
	void *context; /* of the reader */
};

static __always_inline void unwind_start(struct unwind_room *room, const struct pt_regs *regs)
{
	__u64 *registers = room->walk.registers;

	registers[0] = regs->ax;
	registers[1] = regs->dx;
	registers[2] = regs->cx;
	registers[3] = regs->bx;
	registers[4] = regs->si;
	registers[5] = regs->di;
	registers[6] = regs->bp;
	registers[7] = regs->sp;
	registers[8] = regs->r8;
	registers[9] = regs->r9;
	registers[10] = regs->r10;
	registers[11] = regs->r11;
	registers[12] = regs->r12;
	registers[13] = regs->r13;
	registers[14] = regs->r14;
	registers[15] = regs->r15;
	room->walk.ip = regs->ip;
	room->walk.rbp_at = 0;
	room->walk.rbx_at = 0;
	room->walk.exact = 1;
	room->walk.mapping = 0;
	room->walk.found = FANLIGHT_FOUND_REGISTERS;
	room->walk.stop = FANLIGHT_STOP_NOT;
}

/* The loop's body: one frame. Ends the loop when it returns 1. */
static __always_inline long unwind_frame(fanlight_unwind_read read, struct unwind_call *call)
{
	struct unwind_room *room = call->room;
	__u32 next = room->next;

	if (next >= FANLIGHT_SAMPLE_FRAMES)
		return 1;
	call->sample->frames[next] = room->walk.ip | (__u64)room->walk.found << FANLIGHT_FOUND_SHIFT;
	room->next = next + 1;
	room->walk.stop = fanlight_unwind_step(read, call->context, NULL, call->mappings, &room->walk);
	return room->walk.stop != FANLIGHT_STOP_NOT;
}

/* A process that was just started goes by the mappings of the one that it is a copy of. */
static __always_inline const struct fanlight_unwind_mappings *mappings_of(struct task_struct *task)
{
	__u64 slot = 0;

	if (by_record) {
		struct thread *thread = known_thread(task);
		if (!thread)
			return NULL;
		__u32 *found = bpf_map_lookup_elem(&unwind_slots, &thread->totals.pid);
		if (!found)
			found = bpf_map_lookup_elem(&unwind_slots, &thread->mapped_like);
		if (!found)
			return NULL;
		slot = *found;
	}
	FANLIGHT_OPAQUE(slot);
	__u32 list = *(volatile __u32 *)&unwind_lists[slot & (FANLIGHT_UNWIND_PROCESSES - 1)];
	return bpf_map_lookup_elem(&unwind_mappings, &list);
}

/* After the loop: how many frames, and why no more. */
static __always_inline __u32 unwind_end(struct unwind_room *room, __u32 from)
{
	__u32 found = room->next - from;

	if (room->walk.stop == FANLIGHT_STOP_NOT)
		room->walk.stop = FANLIGHT_STOP_ROOM;
	return found <= FANLIGHT_USER_FRAMES ? found : FANLIGHT_USER_FRAMES;
}

static __always_inline void count_stop(struct fanlight_sample *sample, __u32 source, __u32 stop)
{
	__u64 index = stop;

	sample->stop = stop;
	FANLIGHT_OPAQUE(index);
	if (source < FANLIGHT_SOURCES)
		__sync_fetch_and_add(&unwind_stops[source][index & (STOP_COUNTS - 1)], 1);
}

/* include/linux/sched.h */
#define PF_IO_WORKER 0x10u
#define PF_USER_WORKER 0x4000u
#define PF_KTHREAD 0x200000u

/* Workers of the kernel that count as threads of the target have no stack of their own in user space. */
static __always_inline bool has_user_stack(struct task_struct *task)
{
	return !(BPF_CORE_READ(task, flags) & (PF_IO_WORKER | PF_USER_WORKER | PF_KTHREAD));
}

#endif
