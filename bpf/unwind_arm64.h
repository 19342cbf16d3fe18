/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* The walker of bpf/unwind.h for arm64: other registers, the same tables. In: registers, tables, a way to read memory.
 * Out: the caller's registers, one frame at a time. For stacks that were recorded; the kernel programs are built for
 * x86-64.
 *
 * In a rule, `rbp` says where x29, the frame pointer, is saved, and `rbx` where x30 is, the return address; without the
 * flag for x30 it is still in the register, which only the innermost frame may have. To be included after
 * bpf/unwind.h. */
#ifndef FANLIGHT_UNWIND_ARM64_H
#define FANLIGHT_UNWIND_ARM64_H

#include "bpf/unwind.h"

/* Source: DWARF for the Arm 64-bit Architecture, 4.1. */
#define FANLIGHT_ARM64_FP 29
#define FANLIGHT_ARM64_LR 30
#define FANLIGHT_ARM64_SP 31

/* A signed return address (pointer authentication) has its signature above the address. */
#define FANLIGHT_ARM64_ADDRESS ((1ull << 48) - 1)

struct fanlight_unwind_arm64 {
	__u64 registers[32]; /* by DWARF number; those other than sp and fp count only while `exact` */
	__u64 pc;
	__u32 exact; /* as in struct fanlight_unwind */
	__u32 mapping;
	__u32 found; /* enum fanlight_found: of `pc` */
	__u32 stop;  /* enum fanlight_unwind_stop */
	__u64 words[33];
};

/* Copies `bytes` (8, 16 or 264) at `address` out of the thread's memory; 0 when all could be read. */

/* The frame record that x29 points at. Source: Procedure Call Standard for the Arm 64-bit Architecture, 6.4.6. */
FANLIGHT_UNWIND_INLINE __u32 fanlight_unwind_arm64_by_frame_pointer(fanlight_unwind_read read, void *context,
								    const struct fanlight_unwind_mappings *mappings,
								    struct fanlight_unwind_arm64 *walk, __u32 otherwise)
{
	__u64 frame = walk->registers[FANLIGHT_ARM64_FP];

	if (!frame)
		return walk->exact ? otherwise : (__u32)FANLIGHT_STOP_ENTRY;
	if (frame < walk->registers[FANLIGHT_ARM64_SP] || frame & 7 || read(context, walk->words, 16, frame))
		return otherwise;
	__u64 pc = walk->words[1] & FANLIGHT_ARM64_ADDRESS;
	__u32 index = fanlight_unwind_find(mappings, pc - 1) & (FANLIGHT_UNWIND_MAPPINGS - 1);
	if (!fanlight_unwind_holds(&mappings->at[index], pc - 1))
		return otherwise;
	walk->registers[FANLIGHT_ARM64_FP] = walk->words[0];
	walk->registers[FANLIGHT_ARM64_SP] = frame + 16;
	walk->pc = pc;
	walk->exact = 0;
	walk->found = FANLIGHT_FOUND_FRAME_POINTER;
	return FANLIGHT_STOP_NOT;
}

/* What a signal interrupted: x0 ... x30, sp and pc at `at`. Source: the kernel's struct rt_sigframe, struct ucontext and
 * struct sigcontext, arch/arm64. */
FANLIGHT_UNWIND_INLINE __u32 fanlight_unwind_arm64_signal(fanlight_unwind_read read, void *context,
							  struct fanlight_unwind_arm64 *walk, __u64 at)
{
	if (read(context, walk->words, 264, at))
		return FANLIGHT_STOP_UNREADABLE;
	for (__u32 i = 0; i < 32; i++)
		walk->registers[i] = walk->words[i];
	walk->pc = walk->words[32] & FANLIGHT_ARM64_ADDRESS;
	walk->exact = 1;
	walk->found = FANLIGHT_FOUND_REGISTERS;
	return FANLIGHT_STOP_NOT;
}

/* From a frame to its caller, as fanlight_unwind_step. */
FANLIGHT_UNWIND_INLINE __u32 fanlight_unwind_arm64_step(fanlight_unwind_read read, void *context, const void *tables,
							const struct fanlight_unwind_mappings *mappings,
							struct fanlight_unwind_arm64 *walk)
{
	__u64 address = walk->pc - !walk->exact;
	__u32 index = walk->mapping & (FANLIGHT_UNWIND_MAPPINGS - 1);

	if (!fanlight_unwind_holds(&mappings->at[index], address)) {
		index = fanlight_unwind_find(mappings, address) & (FANLIGHT_UNWIND_MAPPINGS - 1);
		if (!fanlight_unwind_holds(&mappings->at[index], address))
			return fanlight_unwind_arm64_by_frame_pointer(read, context, mappings, walk,
								      FANLIGHT_STOP_NO_MAPPING);
		walk->mapping = index;
	}
	__u32 id = fanlight_unwind_rule_of(tables, &mappings->at[index], address);
	const struct fanlight_unwind_rule *rule = fanlight_unwind_rule_at(tables, id);
	if (!rule || rule->kind == FANLIGHT_UNWIND_NONE)
		return fanlight_unwind_arm64_by_frame_pointer(read, context, mappings, walk, FANLIGHT_STOP_NO_RULE);
	if (rule->kind == FANLIGHT_UNWIND_END)
		return FANLIGHT_STOP_ENTRY;
	__u64 sp = walk->registers[FANLIGHT_ARM64_SP];
	if (rule->kind == FANLIGHT_UNWIND_SIGNAL)
		return fanlight_unwind_arm64_signal(read, context, walk, sp + (__s64)rule->offset);
	if (rule->kind != FANLIGHT_UNWIND_REGISTER)
		return FANLIGHT_STOP_UNSUPPORTED;
	__u32 base = rule->base & 31;
	if (base != FANLIGHT_ARM64_FP && base != FANLIGHT_ARM64_SP && !walk->exact)
		return FANLIGHT_STOP_UNSUPPORTED;
	__u64 cfa = walk->registers[base] + (__s64)rule->offset;
	__u64 pc;
	if (rule->flags & FANLIGHT_UNWIND_RBX_SAVED) {
		if (cfa <= sp || cfa & 7)
			return FANLIGHT_STOP_NOT_UPWARD;
		if (read(context, walk->words, 8, cfa + (__s64)rule->rbx))
			return FANLIGHT_STOP_UNREADABLE;
		pc = walk->words[0];
	} else {
		if (!walk->exact)
			return FANLIGHT_STOP_UNSUPPORTED;
		if (cfa < sp)
			return FANLIGHT_STOP_NOT_UPWARD;
		pc = walk->registers[FANLIGHT_ARM64_LR];
	}
	if (rule->flags & FANLIGHT_UNWIND_RBP_SAVED) {
		if (read(context, walk->words, 8, cfa + (__s64)rule->rbp))
			return FANLIGHT_STOP_UNREADABLE;
		walk->registers[FANLIGHT_ARM64_FP] = walk->words[0];
	}
	walk->registers[FANLIGHT_ARM64_SP] = cfa;
	walk->exact = 0;
	walk->found = FANLIGHT_FOUND_EH_FRAME;
	pc &= FANLIGHT_ARM64_ADDRESS;
	if (!pc)
		return FANLIGHT_STOP_ENTRY;
	if (pc < FANLIGHT_UNWIND_LOWEST)
		return FANLIGHT_STOP_BAD_ADDRESS;
	walk->pc = pc;
	return FANLIGHT_STOP_NOT;
}

#endif
