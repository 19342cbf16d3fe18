// SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only)
/* Where sets of labels are told apart; see labels.bpf.h. */
#include "bpf/labels.bpf.h"

struct label_set_map label_sets SEC(".maps");
struct fanlight_label_access label_access;
__u32 last_label_set = 0;
