// A function at the same address in each variant, with frames of different sizes; a
// constructor, which ld.so calls before the program starts or dlopen; and a destructor, which
// dlclose calls.
#ifdef VARIANT_B
#define WORDS 40
#else
#define WORDS 8
#endif

void tidemark_check_unwind(void) __attribute__((weak));

__attribute__((constructor)) static void Arrive(void) {
  if (tidemark_check_unwind == 0) return;
  tidemark_check_unwind();
  __asm__ volatile("");
}

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
