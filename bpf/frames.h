/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Walks a user stack by frame pointers. In: registers, a way to read memory. Out: the return addresses, leaf first.
 * Compiles in the kernel and in C++, where it is tested on stacks made by hand.
 *
 * Debian's libc keeps no frame pointers. Its system call wrappers use rbp for something else whenever the program has
 * threads (send: "push %rbp; sub $0x20,%rsp; ...; mov %eax,%ebp; syscall"), so from inside send or futex a chain that
 * starts at rbp ends at once, and a server's time would have no callers. Where the leaf lies outside the executable, the
 * first word on the stack that points into the executable's code is therefore taken for the return address into it, and
 * the caller's rbp is looked for where x86-64 prologues save it: among the words just below. It counts only if a frame
 * with a return address into the executable stands there. */
#ifndef FANLIGHT_FRAMES_H
#define FANLIGHT_FRAMES_H

#include "bpf/log_linear.h"

#define FANLIGHT_WALK_FRAMES 127
#define FANLIGHT_TOP_WORDS 32  /* how deep a wrapper's own frame may be */
#define FANLIGHT_SAVED_WORDS 6 /* r15 r14 r13 r12 rbp rbx: what a prologue pushes */
#define FANLIGHT_USER_END (1ull << 47)

struct fanlight_registers {
	__u64 ip;
	__u64 sp;
	__u64 bp;
};

/* The main executable's code. */
struct fanlight_code {
	__u64 start;
	__u64 end; /* exclusive */
};

struct fanlight_frame {
	__u64 next_bp;
	__u64 return_address;
};

/* Copies the frame at `address` out of the thread's memory; 0 when it could be read. */
typedef long (*fanlight_read)(void *context, struct fanlight_frame *into, __u64 address);

FANLIGHT_INLINE int fanlight_in_code(const struct fanlight_code *code, __u64 address)
{
	return address >= code->start && address < code->end;
}

/* Is there a frame at `bp`, above `low`, that returns into the executable? */
FANLIGHT_INLINE int fanlight_is_frame(fanlight_read read, void *context, const struct fanlight_code *code, __u64 bp,
				      __u64 low)
{
	struct fanlight_frame frame = {};

	if (bp <= low || bp & 7 || bp - low > 1 << 20)
		return 0;
	return !read(context, &frame, bp) && fanlight_in_code(code, frame.return_address);
}

/* Where a walk stands. In the kernel it lies in a map, and passing through there makes the verifier forget what it knew
 * of the values: otherwise it goes through every depth of the chain once for each place a return address may stand at,
 * 800,000 instructions in all. */
struct fanlight_walk {
	__u64 low; /* frames lie above */
	__u64 bp;
	__u32 found;
	__u32 slot;
	__u32 index;
	__u32 unused;
	__u64 top[FANLIGHT_TOP_WORDS]; /* the words from sp up */
};

/* Makes the compiler forget what it knows of a value, so that a mask which follows is not left out as needless. Older
 * verifiers (6.1) lose a bound that was checked on a copy of the value. */
#define FANLIGHT_OPAQUE(value) __asm__ volatile("" : "+r"(value))

#define FANLIGHT_FORGET(place, value) (*(volatile __typeof__(place) *)&(place) = (value), *(volatile __typeof__(place) *)&(place))

/* Fills frames[at], frames[at + 1], ... of `room` in all; the leaf first. `have_top`: walk->top could be read.
 * Returns how many, at least 1 and at most FANLIGHT_WALK_FRAMES. */
FANLIGHT_INLINE __u32 fanlight_walk_frames(fanlight_read read, void *context, const struct fanlight_registers *registers,
					   const struct fanlight_code *code, struct fanlight_walk *walk, int have_top,
					   __u64 *frames, __u32 at, __u32 room)
{
	__u64 low = registers->sp;
	__u64 bp = registers->bp;
	__u32 found = 0;

	if (at >= room)
		return 0;
	frames[at] = registers->ip;
	found++;

	if (have_top && !fanlight_in_code(code, registers->ip)) {
		__u32 slot = 0;
		while (slot < FANLIGHT_TOP_WORDS && !fanlight_in_code(code, walk->top[slot]))
			slot++;
		slot = FANLIGHT_FORGET(walk->slot, slot);
		if (slot < FANLIGHT_TOP_WORDS) {
			__u32 index = FANLIGHT_FORGET(walk->index, at + found);
			if (index >= room)
				return found;
			__u64 word = slot;
			FANLIGHT_OPAQUE(word);
			frames[index] = walk->top[word & (FANLIGHT_TOP_WORDS - 1)];
			found++;
			low = registers->sp + 8 * slot;
			if (!fanlight_is_frame(read, context, code, bp, low)) {
				for (__u32 below = 1; below <= FANLIGHT_SAVED_WORDS && below <= slot; below++) {
					__u64 saved = walk->top[(slot - below) & (FANLIGHT_TOP_WORDS - 1)];
					if (fanlight_is_frame(read, context, code, saved, low)) {
						bp = saved;
						break;
					}
				}
			}
		}
	}
	low = FANLIGHT_FORGET(walk->low, low);
	bp = FANLIGHT_FORGET(walk->bp, bp);
	found = FANLIGHT_FORGET(walk->found, found);
	for (__u32 step = 0; step < FANLIGHT_WALK_FRAMES; step++) {
		struct fanlight_frame frame = {};

		__u32 index = FANLIGHT_FORGET(walk->index, at + found);
		if (found >= FANLIGHT_WALK_FRAMES || index >= room)
			break;
		/* Outer frames lie higher; what does not is no frame. */
		if (bp < low || bp & 7 || read(context, &frame, bp))
			break;
		if (frame.return_address < 4096 || frame.return_address >= FANLIGHT_USER_END)
			break;
		frames[index] = frame.return_address;
		found++;
		low = bp + 8;
		bp = frame.next_bp;
	}
	return found;
}

#endif
