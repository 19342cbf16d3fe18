// Functions of every binding, for the symbol tests to find by name.
namespace sample {
namespace {
__attribute__((noinline)) int hidden(int x) { return x * 3 + 1; }
}  // namespace
__attribute__((noinline)) int shown(int x) { return hidden(x) + 1; }
template <class T>
__attribute__((noinline)) T templated(T x) {
  return x + shown(static_cast<int>(x));
}
template long templated<long>(long);
}  // namespace sample

extern "C" __attribute__((weak, alias("sample_plain"))) int __sample_alias(int);
extern "C" int sample_plain(int x) { return sample::shown(x) - 1; }
