// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/* The tables of bpf/unwind.bpf.h, and who tells user space that the target has mapped something new. */
#include "bpf/unwind.bpf.h"

struct unwind_chunk_map unwind_chunks SEC(".maps");
struct unwind_page_map unwind_pages SEC(".maps");
struct unwind_rule_map unwind_rules SEC(".maps");
struct unwind_mapping_map unwind_mappings SEC(".maps");
const volatile __u8 unwind_by_tables = 0;
struct unwind_slot_map unwind_slots SEC(".maps");
__u32 unwind_lists[FANLIGHT_UNWIND_PROCESSES];
__u64 unwind_stops[FANLIGHT_SOURCES][STOP_COUNTS];
__u64 mapping_changes = 0;

/* Passed by mmap and by what the dynamic linker does for dlopen; a search for free addresses costs more than this. */
SEC("tp_btf/vm_unmapped_area")
int BPF_PROG(fl_mapped)
{
	if (is_watched((struct task_struct *)bpf_get_current_task_btf()))
		__sync_fetch_and_add(&mapping_changes, 1);
	return 0;
}
