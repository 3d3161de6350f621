// A function at the same address in both variants, with frames of different sizes, and a
// destructor, which dlclose calls.
#ifdef VARIANT_B
#define WORDS 40
#else
#define WORDS 8
#endif

static void (*g_call)(void);

void Enter(void (*call)(void));
__attribute__((visibility("default"), noinline)) void Enter(void (*call)(void)) {
  volatile long words[WORDS];
  words[0] = 1;
  words[WORDS - 1] = 2;
  g_call = call;
  call();
  words[1] = words[0];
}

__attribute__((destructor)) static void Leave(void) {
  if (g_call == 0) return;
  g_call();
  g_call = 0;
}
