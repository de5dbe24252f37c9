/* A program without a C library: all that its file holds is what the linker was asked for. */
int value = 1;

void _start(void) {
#if defined(__x86_64__)
  __asm__ volatile("syscall" ::"a"(60), "D"(0));
#elif defined(__aarch64__)
  register long number __asm__("x8") = 93, code __asm__("x0") = 0;
  __asm__ volatile("svc 0" ::"r"(number), "r"(code));
#elif defined(__arm__)
  register long number __asm__("r7") = 1, code __asm__("r0") = 0;
  __asm__ volatile("svc 0" ::"r"(number), "r"(code));
#endif
  for (;;) {
  }
}
