/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* How to leave a function, for every address of a program: the layout of the tables that collector/unwind makes out of
 * .eh_frame and the walker in bpf/unwind.h reads. In: nothing. Out: one layout, checked by both compilers.
 *
 * address -> mapping -> page of 64 KiB of code -> row (4 bytes) -> rule. Rows of a page are sorted and lie in one chunk,
 * so a look-up is one search of at most 16 steps in plain memory. Every page begins with a row at its first byte. */
#ifndef FANLIGHT_UNWIND_TABLES_H
#define FANLIGHT_UNWIND_TABLES_H

#ifndef __cplusplus
#define static_assert _Static_assert
#endif
#ifndef __VMLINUX_H__ /* the programs' type header defines these already */
#include <linux/types.h>
#endif

#define FANLIGHT_UNWIND_PAGE_BITS 16
#define FANLIGHT_UNWIND_CHUNK_ROWS 65536 /* a page has at most one row for each of its bytes */
#define FANLIGHT_UNWIND_STEPS 16
#define FANLIGHT_UNWIND_RULES 65536 /* a row has 16 bits for it */
#define FANLIGHT_UNWIND_PROCESSES 64 /* a power of two */
#define FANLIGHT_UNWIND_MAPPINGS 1024
#define FANLIGHT_UNWIND_MAPPING_STEPS 10

/* How the canonical frame address (CFA: the stack pointer before the call) is found. Cached on disk: append, never
 * renumber, and raise the cache's version. */
enum fanlight_unwind_kind {
	FANLIGHT_UNWIND_NONE = 0,        /* no rule: not described, or data */
	FANLIGHT_UNWIND_REGISTER = 1,    /* base + offset */
	FANLIGHT_UNWIND_DEREFERENCE = 2, /* *(base + offset) + after: realigned stacks, hand-written assembly */
	FANLIGHT_UNWIND_PLT = 3,         /* base + offset, 8 more from byte `after` of the 16-byte entry on */
	FANLIGHT_UNWIND_SIGNAL = 4,      /* all registers lie in the ucontext at `offset` above the stack pointer */
	FANLIGHT_UNWIND_END = 5,         /* the thread's entry: nobody called it */
	FANLIGHT_UNWIND_UNSUPPORTED = 6  /* described by an expression that is none of these */
};

/* Where the caller's registers are. Neither flag: it still has what the caller left in it. */
#define FANLIGHT_UNWIND_RBP_SAVED 1
#define FANLIGHT_UNWIND_RBX_SAVED 2
#define FANLIGHT_UNWIND_FROM_RBP 4 /* `rbp` and `rbx` count from the callee's rbp, not from the CFA */

struct fanlight_unwind_rule {
	__s32 offset;
	__s32 after;
	__s16 rbp; /* where it is saved, from the CFA */
	__s16 rbx;
	__u8 kind; /* enum fanlight_unwind_kind */
	__u8 base; /* a register by its DWARF number */
	__u8 flags;
	__u8 return_register; /* DWARF number, plus 1, of the register with the return address; 0: it is at CFA - 8 */
};
static_assert(sizeof(struct fanlight_unwind_rule) == 16, "no padding");

/* A row: the offset within the page in the upper half, the rule in the lower, so that rows sort as numbers. */
struct fanlight_unwind_chunk {
	__u32 rows[FANLIGHT_UNWIND_CHUNK_ROWS];
};

struct fanlight_unwind_page {
	__u32 first; /* chunk and place in it: first / FANLIGHT_UNWIND_CHUNK_ROWS, the rest */
	__u32 rows;
};

/* Executable memory of the target. */
struct fanlight_unwind_mapping {
	__u64 start;
	__u64 end;    /* exclusive */
	__u64 origin; /* the address at which its first page begins; may lie below `start` */
	__u32 page;   /* the first of its pages */
	__u32 pages;  /* 0: there are no rules for it, such as for code that was compiled at run time */
};
static_assert(sizeof(struct fanlight_unwind_mapping) == 32, "no padding");

/* Sorted by address, without overlaps. */
struct fanlight_unwind_mappings {
	__u32 count;
	__u32 generation; /* grows with each change */
	struct fanlight_unwind_mapping at[FANLIGHT_UNWIND_MAPPINGS];
};

/* Why a walk ended. Counted per source, sent with each sample. */
enum fanlight_unwind_stop {
	FANLIGHT_STOP_NOT = 0,          /* it goes on, or nothing is known */
	FANLIGHT_STOP_ENTRY = 1,        /* the thread's entry was reached */
	FANLIGHT_STOP_ROOM = 2,         /* more frames than a record holds */
	FANLIGHT_STOP_NO_MAPPING = 3,   /* an address outside of all executable memory that is known */
	FANLIGHT_STOP_NO_RULE = 4,      /* code without a rule, and no frame pointer to go by */
	FANLIGHT_STOP_UNREADABLE = 5,   /* the stack could not be read */
	FANLIGHT_STOP_NOT_UPWARD = 6,   /* the caller's frame would lie below its callee's */
	FANLIGHT_STOP_BAD_ADDRESS = 7,  /* a return address that is none */
	FANLIGHT_STOP_UNSUPPORTED = 8,  /* a rule that the walker cannot follow */
	FANLIGHT_STOP_FRAME_POINTER = 9, /* walked by frame pointers alone, and their chain ended */
	FANLIGHT_STOP_NO_STACK = 10,     /* a thread of the kernel, such as a worker of io_uring */
	FANLIGHT_STOPS = 11
};

/* How a frame was found. In the upper byte of its address, which a user address leaves free. */
enum fanlight_found {
	FANLIGHT_FOUND_REGISTERS = 0,     /* the instruction pointer itself: the leaf, or what a signal interrupted */
	FANLIGHT_FOUND_EH_FRAME = 1,      /* by a rule */
	FANLIGHT_FOUND_FRAME_POINTER = 2, /* by the chain that starts at rbp */
	FANLIGHT_FOUND_SCAN = 3           /* the first word on the stack that points into code; see bpf/frames.h */
};
#define FANLIGHT_FOUND_SHIFT 56

#endif
