/* An assembly function without type or size, one whose inner label must not split it, and one that only a symbol table
 * knows. */
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

	.type sample_unexported, @function
sample_unexported:
	nop
	nop
	ret
	.size sample_unexported, . - sample_unexported
	.section .note.GNU-stack, "", @progbits
