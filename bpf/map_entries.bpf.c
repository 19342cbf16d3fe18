// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/* How full BPF maps are. An object of its own: where the kernel lacks the function, libbpf looks for it in modules, which
 * takes CAP_SYS_ADMIN, and nothing of the object loads. */
#include "bpf/map_state.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/* Linux 6.6 */
extern __s64 bpf_map_sum_elem_count(const struct bpf_map *map) __ksym;

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
