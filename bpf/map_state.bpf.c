// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/* The BPF maps of this kernel. User space keeps those that the target holds. */
#include "bpf/map_state.bpf.h"

SEC("iter/bpf_map")
int fl_map_sizes(struct bpf_iter__bpf_map *ctx)
{
	struct bpf_map *map = ctx->map;

	if (map)
		write_map(ctx, map, ~0ull);
	return 0;
}
