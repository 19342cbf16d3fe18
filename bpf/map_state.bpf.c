// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/* How full BPF maps are: an iterator over all maps of this kernel. User space keeps those that the target holds. */
#include "bpf/target.bpf.h"

#include "bpf/events.h"

/* Linux 6.6; where it is missing the other form is loaded. */
extern __s64 bpf_map_sum_elem_count(const struct bpf_map *map) __ksym __weak;

static __always_inline void write_map(struct bpf_iter__bpf_map *ctx, struct bpf_map *map, __u64 entries)
{
	struct fanlight_map_state state = {.entries = entries,
					   .map_id = map->id,
					   .type = map->map_type,
					   .max_entries = map->max_entries};

	bpf_probe_read_kernel_str(state.name, sizeof(state.name), map->name);
	bpf_seq_write(ctx->meta->seq, &state, sizeof(state));
}

/* Only hash tables count what they hold. */
static __always_inline bool counts_entries(__u32 type)
{
	return type == BPF_MAP_TYPE_HASH || type == BPF_MAP_TYPE_PERCPU_HASH || type == BPF_MAP_TYPE_LRU_HASH ||
	       type == BPF_MAP_TYPE_LRU_PERCPU_HASH || type == BPF_MAP_TYPE_HASH_OF_MAPS;
}

SEC("iter/bpf_map")
int fl_map_entries(struct bpf_iter__bpf_map *ctx)
{
	struct bpf_map *map = ctx->map;

	if (map)
		write_map(ctx, map, counts_entries(map->map_type) ? bpf_map_sum_elem_count(map) : ~0ull);
	return 0;
}

SEC("iter/bpf_map")
int fl_map_sizes(struct bpf_iter__bpf_map *ctx)
{
	struct bpf_map *map = ctx->map;

	if (map)
		write_map(ctx, map, ~0ull);
	return 0;
}
