// Inlined functions at known lines; the tests look them up by the labels below. Line numbers are part of the test.
namespace inlines {

volatile int sink;

[[gnu::always_inline]] inline int innermost(int x) {
  sink = x + 1;
  asm volatile(".globl mark_innermost\nmark_innermost:\n nop");
  return sink;
}

[[gnu::always_inline]] inline int middle(int x) {
  sink = x + 2;
  return innermost(x) + 1;
}

}  // namespace inlines

extern "C" [[gnu::noinline]] int inlines_outer(int x) {
  if (x > 3) {
    const int y = inlines::middle(x);
    asm volatile(".globl mark_outer\nmark_outer:\n nop");
    return y;
  }
  return x;
}

int main(int argc, char**) { return inlines_outer(argc + 4) == 0; }
