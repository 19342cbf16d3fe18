/* SPDX-License-Identifier: (BSD-2-Clause OR GPL-2.0-only) */
/* Log-linear buckets: every power of two is cut into 2^bits equal parts. In: a value. Out: its bucket, and back.
 * Compiles in the kernel and in C++, so that a histogram counted there reads the same here. */
#ifndef FANLIGHT_LOG_LINEAR_H
#define FANLIGHT_LOG_LINEAR_H

#ifndef __VMLINUX_H__ /* the programs' type header defines these already */
#include <linux/types.h>
#endif

#ifdef __cplusplus
#define FANLIGHT_INLINE constexpr inline
#else
#define FANLIGHT_INLINE static inline __attribute__((always_inline))
#endif

/* The position of the highest set bit; 0 for 0. Written out because BPF has no such instruction. */
FANLIGHT_INLINE unsigned int fanlight_log2(__u64 value)
{
	unsigned int log = 0;
	if (value >> 32) { log += 32; value >>= 32; }
	if (value >> 16) { log += 16; value >>= 16; }
	if (value >> 8) { log += 8; value >>= 8; }
	if (value >> 4) { log += 4; value >>= 4; }
	if (value >> 2) { log += 2; value >>= 2; }
	if (value >> 1) log += 1;
	return log;
}

/* The bucket of `value`: exact below 2^(bits+1), then 2^bits buckets for every power of two. */
FANLIGHT_INLINE unsigned int fanlight_bucket(__u64 value, unsigned int bits)
{
	if (value >> bits == 0)
		return (unsigned int)value;
	unsigned int log = fanlight_log2(value);
	unsigned int part = (unsigned int)(value >> (log - bits)) & ((1u << bits) - 1);
	return ((log - bits + 1) << bits) + part;
}

/* The smallest value of a bucket. */
FANLIGHT_INLINE __u64 fanlight_bucket_low(unsigned int bucket, unsigned int bits)
{
	unsigned int octave = bucket >> bits;
	__u64 part = bucket & ((1u << bits) - 1);
	if (octave == 0)
		return part;
	return (((__u64)1 << bits) + part) << (octave - 1);
}

#endif
