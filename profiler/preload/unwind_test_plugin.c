// One function at the same address in both variants, with frames of different sizes.
#ifdef VARIANT_B
#define WORDS 40
#else
#define WORDS 8
#endif
void Enter(void (*call)(void));
__attribute__((visibility("default"), noinline)) void Enter(void (*call)(void)) {
  volatile long words[WORDS];
  words[0] = 1;
  words[WORDS - 1] = 2;
  call();
  words[1] = words[0];
}
