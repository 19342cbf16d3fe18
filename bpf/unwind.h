/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Walks a user stack by rules made from .eh_frame. In: registers, tables, a way to read memory. Out: the caller's
 * registers, one frame at a time. Compiles in the kernel and in C++, where it is tested on recorded stacks.
 *
 * Whoever includes this defines how the tables are reached:
 *   fanlight_unwind_page_at(tables, index), fanlight_unwind_chunk_at(tables, index), fanlight_unwind_rule_at(tables, id):
 *   a pointer, or null where there is none.
 *
 * Where code has no rule (compiled at run time, or by hand) the frame pointer is followed instead. rbp and rbx are not
 * read where they were saved until a rule asks for them: most never do, and a read is what a frame costs. */
#ifndef FANLIGHT_UNWIND_H
#define FANLIGHT_UNWIND_H

#include "bpf/unwind_tables.h"

#ifdef __cplusplus
#define FANLIGHT_UNWIND_INLINE static inline
#else
#define FANLIGHT_UNWIND_INLINE static inline __attribute__((always_inline))
#endif

/* Source: System V ABI for x86-64, figure 3.36. */
#define FANLIGHT_RBX 3
#define FANLIGHT_RBP 6
#define FANLIGHT_RSP 7

#define FANLIGHT_UNWIND_LOWEST 4096
#define FANLIGHT_UNWIND_HIGHEST (1ull << 47)

/* Where a walk stands. In the kernel it lies in a map, so that the verifier forgets what it knew of the values. */
struct fanlight_unwind {
	__u64 registers[16]; /* by DWARF number; those other than rsp, rbp and rbx count only while `exact` */
	__u64 ip;
	__u64 rbp_at; /* where the present frame's rbp was saved; 0: registers[] has it */
	__u64 rbx_at;
	__u32 exact;   /* `ip` is where the frame stands, not where a call returns to; all registers are known */
	__u32 mapping; /* the last one used: the next frame is often in it, too */
	__u32 found;   /* enum fanlight_found: of `ip` */
	__u32 stop;    /* enum fanlight_unwind_stop */
	__u64 words[17]; /* what was read last */
};

/* Copies `bytes` (8, 16 or 136) at `address` out of the thread's memory; 0 when all could be read. */
typedef long (*fanlight_unwind_read)(void *context, void *into, __u32 bytes, __u64 address);

/* The mapping that holds `address`: its index, or a number that is none. */
FANLIGHT_UNWIND_INLINE __u32 fanlight_unwind_find(const struct fanlight_unwind_mappings *mappings, __u64 address)
{
	__u32 low = 0;
	__u32 left = mappings->count;

	for (__u32 step = 0; step < FANLIGHT_UNWIND_MAPPING_STEPS; step++) {
		if (left <= 1)
			break;
		__u32 half = left >> 1;
		/* Without a branch, or the verifier follows both sides at every step. Addresses have 47 bits. */
		__u64 start = mappings->at[(low + half) & (FANLIGHT_UNWIND_MAPPINGS - 1)].start;
		__u64 mask = (__u64)((__s64)(start - address - 1) >> 63);
		low = (low + (half & (__u32)mask)) & (FANLIGHT_UNWIND_MAPPINGS - 1);
		left -= half;
	}
	return low;
}

FANLIGHT_UNWIND_INLINE int fanlight_unwind_holds(const struct fanlight_unwind_mapping *mapping, __u64 address)
{
	return address >= mapping->start && address < mapping->end;
}

/* The id of the rule for `address`, which lies in `mapping`; 0, the rule "none", where there is none. */
FANLIGHT_UNWIND_INLINE __u32 fanlight_unwind_rule_of(const void *tables, const struct fanlight_unwind_mapping *mapping,
						     __u64 address)
{
	__u64 offset = address - mapping->origin;
	__u64 index = offset >> FANLIGHT_UNWIND_PAGE_BITS;

	if (index >= mapping->pages)
		return 0;
	const struct fanlight_unwind_page *page = fanlight_unwind_page_at(tables, mapping->page + (__u32)index);
	if (!page || !page->rows)
		return 0;
	const struct fanlight_unwind_chunk *chunk = fanlight_unwind_chunk_at(tables, page->first / FANLIGHT_UNWIND_CHUNK_ROWS);
	if (!chunk)
		return 0;
	__u64 key = (offset & 0xffff) << 16 | 0xffff;
	__u32 low = page->first & (FANLIGHT_UNWIND_CHUNK_ROWS - 1);
	__u32 left = page->rows;
	for (__u32 step = 0; step < FANLIGHT_UNWIND_STEPS; step++) {
		if (left <= 1)
			break;
		__u32 half = left >> 1;
		__u64 row = chunk->rows[(low + half) & (FANLIGHT_UNWIND_CHUNK_ROWS - 1)];
		__u64 mask = (__u64)((__s64)(row - key - 1) >> 63);
		low = (low + (half & (__u32)mask)) & (FANLIGHT_UNWIND_CHUNK_ROWS - 1);
		left -= half;
	}
	return chunk->rows[low & (FANLIGHT_UNWIND_CHUNK_ROWS - 1)] & 0xffff;
}

/* Brings a register that was saved somewhere into registers[]; 0 when it is there. */
FANLIGHT_UNWIND_INLINE int fanlight_unwind_fetch(fanlight_unwind_read read, void *context, struct fanlight_unwind *walk,
						 __u64 *at, __u32 number)
{
	if (!*at)
		return 0;
	if (read(context, walk->words, 8, *at))
		return -1;
	walk->registers[number] = walk->words[0];
	*at = 0;
	return 0;
}

/* The frame that rbp points at. */
FANLIGHT_UNWIND_INLINE __u32 fanlight_unwind_by_frame_pointer(fanlight_unwind_read read, void *context,
							      const struct fanlight_unwind_mappings *mappings,
							      struct fanlight_unwind *walk, __u32 otherwise)
{
	if (fanlight_unwind_fetch(read, context, walk, &walk->rbp_at, FANLIGHT_RBP))
		return FANLIGHT_STOP_UNREADABLE;
	__u64 frame = walk->registers[FANLIGHT_RBP];
	/* Source: System V ABI for x86-64, 3.4.1: rbp is zero in the deepest frame. Where the thread itself stands, it may be
	 * zero for any other reason. */
	if (!frame)
		return walk->exact ? otherwise : (__u32)FANLIGHT_STOP_ENTRY;
	if (frame < walk->registers[FANLIGHT_RSP] || frame & 7 || read(context, walk->words, 16, frame))
		return otherwise;
	__u64 ip = walk->words[1];
	__u32 index = fanlight_unwind_find(mappings, ip - 1) & (FANLIGHT_UNWIND_MAPPINGS - 1);
	if (!fanlight_unwind_holds(&mappings->at[index], ip - 1))
		return otherwise;
	walk->registers[FANLIGHT_RBP] = walk->words[0];
	walk->registers[FANLIGHT_RSP] = frame + 16;
	walk->ip = ip;
	walk->exact = 0;
	walk->found = FANLIGHT_FOUND_FRAME_POINTER;
	return FANLIGHT_STOP_NOT;
}

/* What a signal interrupted. Source: the kernel's struct ucontext and struct sigcontext, arch/x86/include/uapi/asm. */
FANLIGHT_UNWIND_INLINE __u32 fanlight_unwind_signal(fanlight_unwind_read read, void *context, struct fanlight_unwind *walk,
						    __u64 at)
{
	if (read(context, walk->words, 136, at))
		return FANLIGHT_STOP_UNREADABLE;
	for (__u32 i = 0; i < 8; i++)
		walk->registers[8 + i] = walk->words[i];
	walk->registers[5] = walk->words[8];
	walk->registers[4] = walk->words[9];
	walk->registers[FANLIGHT_RBP] = walk->words[10];
	walk->registers[FANLIGHT_RBX] = walk->words[11];
	walk->registers[1] = walk->words[12];
	walk->registers[0] = walk->words[13];
	walk->registers[2] = walk->words[14];
	walk->registers[FANLIGHT_RSP] = walk->words[15];
	walk->ip = walk->words[16];
	walk->rbp_at = 0;
	walk->rbx_at = 0;
	walk->exact = 1;
	walk->found = FANLIGHT_FOUND_REGISTERS;
	return FANLIGHT_STOP_NOT;
}

/* From a frame to its caller. Returns FANLIGHT_STOP_NOT and the caller's registers in `walk`, or why there is none. */
FANLIGHT_UNWIND_INLINE __u32 fanlight_unwind_step(fanlight_unwind_read read, void *context, const void *tables,
						  const struct fanlight_unwind_mappings *mappings,
						  struct fanlight_unwind *walk)
{
	__u64 address = walk->ip - !walk->exact;
	__u32 index = walk->mapping & (FANLIGHT_UNWIND_MAPPINGS - 1);

	if (!fanlight_unwind_holds(&mappings->at[index], address)) {
		index = fanlight_unwind_find(mappings, address) & (FANLIGHT_UNWIND_MAPPINGS - 1);
		if (!fanlight_unwind_holds(&mappings->at[index], address))
			return fanlight_unwind_by_frame_pointer(read, context, mappings, walk, FANLIGHT_STOP_NO_MAPPING);
		walk->mapping = index;
	}
	__u32 id = fanlight_unwind_rule_of(tables, &mappings->at[index], address);
	const struct fanlight_unwind_rule *rule = fanlight_unwind_rule_at(tables, id);
	if (!rule || rule->kind == FANLIGHT_UNWIND_NONE)
		return fanlight_unwind_by_frame_pointer(read, context, mappings, walk, FANLIGHT_STOP_NO_RULE);
	if (rule->kind == FANLIGHT_UNWIND_END)
		return FANLIGHT_STOP_ENTRY;
	if (rule->kind == FANLIGHT_UNWIND_SIGNAL)
		return fanlight_unwind_signal(read, context, walk, walk->registers[FANLIGHT_RSP] + (__s64)rule->offset);
	if (rule->kind >= FANLIGHT_UNWIND_UNSUPPORTED)
		return FANLIGHT_STOP_UNSUPPORTED;

	__u32 base = rule->base & 15;
	__u32 flags = rule->flags;
	if (base == FANLIGHT_RBP || flags & FANLIGHT_UNWIND_FROM_RBP) {
		if (fanlight_unwind_fetch(read, context, walk, &walk->rbp_at, FANLIGHT_RBP))
			return FANLIGHT_STOP_UNREADABLE;
	}
	if (base == FANLIGHT_RBX) {
		if (fanlight_unwind_fetch(read, context, walk, &walk->rbx_at, FANLIGHT_RBX))
			return FANLIGHT_STOP_UNREADABLE;
	} else if (base != FANLIGHT_RBP && base != FANLIGHT_RSP && !walk->exact) {
		return FANLIGHT_STOP_UNSUPPORTED;
	}
	__u64 cfa = walk->registers[base] + (__s64)rule->offset;
	if (rule->kind == FANLIGHT_UNWIND_DEREFERENCE) {
		if (read(context, walk->words, 8, cfa))
			return FANLIGHT_STOP_UNREADABLE;
		cfa = walk->words[0] + (__s64)rule->after;
	} else if (rule->kind == FANLIGHT_UNWIND_PLT) {
		cfa += (address & 15) >= (__u32)rule->after ? 8 : 0;
	}
	__u64 sp = walk->registers[FANLIGHT_RSP];
	__u64 from = flags & FANLIGHT_UNWIND_FROM_RBP ? walk->registers[FANLIGHT_RBP] : cfa;
	__u64 ip;
	if (rule->return_register) {
		/* It may have taken its return address off the stack, as vfork does. */
		if (!walk->exact || cfa < sp)
			return FANLIGHT_STOP_UNSUPPORTED;
		ip = walk->registers[(rule->return_register - 1) & 15];
	} else {
		if (cfa <= sp || cfa & 7)
			return FANLIGHT_STOP_NOT_UPWARD;
		if (flags & FANLIGHT_UNWIND_RBP_SAVED && from + (__s64)rule->rbp == cfa - 16) {
			if (read(context, walk->words, 16, cfa - 16))
				return FANLIGHT_STOP_UNREADABLE;
			ip = walk->words[1];
			walk->registers[FANLIGHT_RBP] = walk->words[0];
			walk->rbp_at = 0;
			flags &= ~FANLIGHT_UNWIND_RBP_SAVED;
		} else {
			if (read(context, walk->words, 8, cfa - 8))
				return FANLIGHT_STOP_UNREADABLE;
			ip = walk->words[0];
		}
	}
	if (flags & FANLIGHT_UNWIND_RBP_SAVED)
		walk->rbp_at = from + (__s64)rule->rbp;
	if (flags & FANLIGHT_UNWIND_RBX_SAVED)
		walk->rbx_at = from + (__s64)rule->rbx;
	walk->registers[FANLIGHT_RSP] = cfa;
	walk->exact = 0;
	walk->found = FANLIGHT_FOUND_EH_FRAME;
	/* Runtimes that start a stack by hand push a zero. */
	if (!ip)
		return FANLIGHT_STOP_ENTRY;
	if (ip < FANLIGHT_UNWIND_LOWEST || ip >= FANLIGHT_UNWIND_HIGHEST)
		return FANLIGHT_STOP_BAD_ADDRESS;
	walk->ip = ip;
	return FANLIGHT_STOP_NOT;
}

#endif
