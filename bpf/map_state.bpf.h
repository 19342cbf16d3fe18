/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* One map of this kernel, for the iterators over them. */
#ifndef FANLIGHT_MAP_STATE_BPF_H
#define FANLIGHT_MAP_STATE_BPF_H

#include "bpf/kernel_types.bpf.h"

#include <bpf/bpf_helpers.h>

#include "bpf/events.h"

static __always_inline void write_map(struct bpf_iter__bpf_map *ctx, struct bpf_map *map, __u64 entries)
{
	struct fanlight_map_state state = {.entries = entries,
					   .map_id = map->id,
					   .type = map->map_type,
					   .max_entries = map->max_entries};

	bpf_probe_read_kernel_str(state.name, sizeof(state.name), map->name);
	bpf_seq_write(ctx->meta->seq, &state, sizeof(state));
}

#endif
