/* An assembly function without type or size, and one whose inner label must not split it. */
	.text
	.globl sample_untyped
sample_untyped:
	nop
	nop
	ret

	.globl sample_outer
	.type sample_outer, @function
sample_outer:
	nop
sample_inner_label:
	nop
	nop
	ret
	.size sample_outer, . - sample_outer
	.section .note.GNU-stack, "", @progbits
